#include "render/skin.h"

#include "render/smooth_step.h"
#include "render/srgb.h"
#include "render/triangle_mesh.h"
#include "render/value_noise.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Geometry>

namespace handforge {
namespace {

using Eigen::Vector2f;
using Eigen::Vector3f;

constexpr float kKnuckleMm = 1.7f;
constexpr float kTendonMm = 0.7f;
constexpr float kHingeMm = 0.5f;  // dorsal bump of PIP and DIP
constexpr float kCreaseMm = 0.3f;
constexpr float kNailMm = 0.25f;
constexpr float kVeinMm = 0.45f;

constexpr float kPolishedShare = 0.15f;

bool IsSegment(uint8_t part) { return part >= kPartFirstSegment && part <= kPartLastSegment; }

float Bump(float x, float width) { return std::exp(-(x * x) / (width * width)); }

// Patches of pigment or blood: mean 0, deviation 0.45, no direction and no period. `phase`
// says where in the noise a person's skin lies.
float Blotches(const Vector3f& p_mm, const Vector3f& phase) {
  constexpr float kLargeMm = 18, kSmallMm = 6;
  const Vector3f place = 40 * phase;
  return 3.4f * (0.6f * ValueNoise(p_mm / kLargeMm + place) +
                 0.4f * ValueNoise(p_mm / kSmallMm + place) - 0.5f);
}

// The darkest two swatches are nearly grey, as no skin is whose melanin takes most of the blue:
// they keep three quarters of the hue of the tone before.
Vector3f LinearTone(int index) {
  constexpr int kLastOfSkinsHue = 7;
  constexpr float kHueKept = 0.75f;
  const auto linear = [](int i) {
    const auto& tone = kMonkTonesSrgb[i];
    return Vector3f(LinearFromSrgb(tone[0]), LinearFromSrgb(tone[1]), LinearFromSrgb(tone[2]));
  };
  const Vector3f own = linear(index);
  if (index <= kLastOfSkinsHue) return own;
  const Vector3f brown = linear(kLastOfSkinsHue);
  return own + kHueKept * (Luminance(own) / Luminance(brown) * brown - own);
}

float DistanceToSegment(const Vector2f& p, const Vector2f& a, const Vector2f& b) {
  const Vector2f ab = b - a;
  const float t = std::clamp((p - a).dot(ab) / ab.squaredNorm(), 0.0f, 1.0f);
  return (p - a - t * ab).norm();
}

float DistanceToPolyline(const Vector2f& p, const std::array<Vector2f, 4>& line) {
  float best = 1e9f;
  for (size_t i = 0; i + 1 < line.size(); ++i)
    best = std::min(best, DistanceToSegment(p, line[i], line[i + 1]));
  return best;
}

// Lines of the palm in units of (half breadth, palm length): heart, head and life line.
float PalmLines(const Vector2f& p) {
  static const std::array<std::array<Vector2f, 4>, 3> lines = {{
      {Vector2f(-0.35f, 0.90f),
       Vector2f(-0.1f, 0.78f),
       Vector2f(0.35f, 0.70f),
       Vector2f(0.95f, 0.70f)},
      {Vector2f(-0.95f, 0.72f),
       Vector2f(-0.35f, 0.66f),
       Vector2f(0.2f, 0.54f),
       Vector2f(0.7f, 0.42f)},
      {Vector2f(-0.95f, 0.72f),
       Vector2f(-0.4f, 0.58f),
       Vector2f(-0.18f, 0.35f),
       Vector2f(-0.25f, 0.08f)},
  }};
  float strength = 0;
  for (const auto& line : lines)
    strength = std::max(strength, Bump(DistanceToPolyline(p, line), 0.022f));
  return strength;
}

// Angle by which `child` is bent against `parent` about the hinge, as a share of a full bend.
float Bend(const BonePoses& poses, int parent, int child) {
  const Eigen::Vector3d direction =
      poses.rotation[parent].transpose() * -poses.rotation[child].col(2);
  const double bend_rad = std::atan2(-direction.y(), -direction.z());
  return std::clamp(static_cast<float>(bend_rad * 180 / M_PI) / HandBend::kFullBendDeg, 0.0f, 1.0f);
}

}  // namespace

const std::array<std::array<uint8_t, 3>, 10> kMonkTonesSrgb = {{{0xf6, 0xed, 0xe4},
                                                                {0xf3, 0xe7, 0xdb},
                                                                {0xf7, 0xea, 0xd0},
                                                                {0xea, 0xda, 0xba},
                                                                {0xd7, 0xbd, 0x96},
                                                                {0xa0, 0x7e, 0x56},
                                                                {0x82, 0x5c, 0x43},
                                                                {0x60, 0x41, 0x34},
                                                                {0x3a, 0x31, 0x2a},
                                                                {0x29, 0x24, 0x20}}};

Vector3f MonkReflectance(float place, float flush) {
  const float at = std::clamp(place, 0.0f, 9.0f);
  const int low = std::min(static_cast<int>(at), 8);
  const float share = at - static_cast<float>(low);
  // The tones are colours of photographs: a camera's contrast (about 1.25) is taken back, and the
  // blood that even lighting hides is put in.
  const Vector3f blood = Vector3f::Ones() - flush * Vector3f(0.0f, 0.27f, 0.32f);
  const Vector3f tone = (1 - share) * LinearTone(low) + share * LinearTone(low + 1);
  return 0.72f * tone.array().pow(0.8f) * blood.array();
}

SkinAppearance SampleSkin(Random& random) {
  const auto uniform = [&random](double low, double high) {
    return static_cast<float>(random.Uniform(low, high));
  };
  SkinAppearance skin;
  const float place = uniform(0, 9), dark = place / 9;
  skin.back = MonkReflectance(place, uniform(0.3, 1.1) * (1 - 0.5f * dark));
  const Vector3f pale_palm(0.66f, uniform(0.3, 0.47), uniform(0.22, 0.38));
  skin.palm = skin.back + uniform(0.05, 0.5) * (pale_palm - skin.back);
  skin.polished = random.Uniform() < kPolishedShare;
  if (skin.polished) {
    for (int c = 0; c < 3; ++c) skin.nail[c] = uniform(0.02, 0.8);
  } else {
    skin.nail = skin.back + uniform(0.05, 0.5) * (Vector3f(0.78f, 0.52f, 0.46f) - skin.back);
  }
  skin.redness = uniform(0, 1.3) * (1 - 0.6f * dark);
  skin.crease = uniform(0.3, 1.8);
  skin.tendon = uniform(0.1, 1.6);
  skin.vein = std::max(0.0f, uniform(-0.7, 1));
  skin.mottle = uniform(0.02, 0.12);
  skin.specular = uniform(0.4, 1.8);
  skin.roughness = uniform(0.32, 0.65);
  for (int c = 0; c < 3; ++c) skin.phase[c] = uniform(0, 2 * M_PI);
  return skin;
}

float MeanLuminance(const SkinAppearance& skin) {
  return (Luminance(skin.palm) + Luminance(skin.back)) / 2;
}

HandBend BendOf(const RigPose& pose) {
  const BonePoses poses = ToBonePoses(pose);
  HandBend out;
  for (int f = 0; f < 5; ++f) {
    for (int s = 0; s < 3; ++s) {
      const int child = SegmentBone(f, s);
      out.joint[f][s] = Bend(poses, ParentBone(child), child);
    }
  }
  return out;
}

SkinPattern::SkinPattern(const Rig& rig) {
  for (int b = 0; b < kNumBones; ++b) {
    bones_[b] = {rig.rest_origin[b].cast<float>(),
                 rig.rest_rotation[b].transpose().cast<float>(),
                 static_cast<float>(rig.rest_length_mm[b]),
                 static_cast<float>(std::max(rig.flesh_radius_mm[b], 1.0))};
  }
  palm_length_mm_ = static_cast<float>(rig.rest_length_mm[kPalmBone]);
  palm_half_breadth_mm_ = static_cast<float>(0.62 * rig.rest_hand_breadth_mm);
  for (int f = 0; f < 5; ++f) {
    const Vector3f mcp = bones_[SegmentBone(f, f == kThumb ? 1 : 0)].origin;
    knuckle_[f] = {mcp.x(), mcp.z()};
  }

  // Dorsal side: the normal against the dorsal axes of the bones that move the vertex.
  const std::vector<Vector3f> normals = SumsOfNormals(rig.surface_rest, rig.triangles);
  for (size_t v = 0; v < normals.size(); ++v) {
    Vector3f axis = Vector3f::Zero();
    for (const auto& [skinned, weight] : rig.stencils[v].terms) {
      const SkinWeights& w = rig.weights[skinned];
      for (int i = 0; i < 4; ++i) {
        axis += weight * w.weight[i] * rig.rest_rotation[w.bone[i]].col(1).cast<float>();
      }
    }
    dorsal_.push_back(normals[v].normalized().dot(axis.normalized()));
  }
}

SkinPattern::OnSegment SkinPattern::Locate(const SkinPoint& point) const {
  OnSegment at;
  at.finger = (point.part - kPartFirstSegment) / 3;
  at.segment = (point.part - kPartFirstSegment) % 3;
  const BoneFrame& bone = bones_[SegmentBone(at.finger, at.segment)];
  const Vector3f local = bone.from_hand * (point.rest_mm - bone.origin);
  at.across_mm = local.x();
  at.along_mm = -local.z();
  at.to_end_mm = bone.length_mm - at.along_mm;
  // The plate lies on the last 55 % of the bone.
  at.half_nail_w = local.x() / (0.66f * bone.radius_mm);
  at.half_nail_l = (at.along_mm - 0.79f * bone.length_mm) / (0.29f * bone.length_mm);
  return at;
}

// Over the palm and its rims to the webs, and on the thumb up to the middle of its first phalanx.
float SkinPattern::PalmRed(const SkinPoint& point, const OnSegment* at) const {
  const float along = -point.rest_mm.z() / palm_length_mm_;
  float share = SmoothStep(0.0f, 0.15f, along) * (1 - SmoothStep(1.0f, 1.25f, along));
  if (at != nullptr && at->finger == kThumb) {
    if (at->segment == 1)
      share *= 1 - SmoothStep(0.0f, 0.5f, at->along_mm / (at->along_mm + at->to_end_mm));
    if (at->segment == 2) share = 0;
  }
  return 0.35f * share * (1 - SmoothStep(-0.7f, 0.0f, point.dorsal));
}

// 1 on the rim of the plate, a rounded rectangle.
float SkinPattern::NailDistance(const OnSegment& at) {
  return std::pow(std::abs(at.half_nail_w), 3.0f) + std::pow(std::abs(at.half_nail_l), 3.0f);
}

float SkinPattern::Nail(const OnSegment& at, float dorsal) const {
  if (at.segment != 2) return 0;
  return SmoothStep(0.25f, 0.5f, dorsal) * (1 - SmoothStep(0.85f, 1.05f, NailDistance(at)));
}

float SkinPattern::PalmCrease(const SkinAppearance& skin, const SkinPoint& point) const {
  const float palmar = 1 - SmoothStep(-0.6f, 0.1f, point.dorsal);
  if (palmar <= 0) return 0;
  Vector2f p(point.rest_mm.x() / palm_half_breadth_mm_, -point.rest_mm.z() / palm_length_mm_);
  p += 0.05f * Vector2f(std::sin(3 * p.y() + skin.phase.x()), std::sin(3 * p.x() + skin.phase.y()));
  return 0.8f * palmar * PalmLines(p);
}

// On the palm side one fold at a joint; on the back several, which smooth out as the joint bends.
float SkinPattern::FingerCrease(const HandBend& bend, const OnSegment& at, float dorsal) const {
  const float wave = 0.5f * std::sin(0.55f * at.across_mm + static_cast<float>(at.finger));
  float inner = 0, outer = 0;
  const auto add_joint = [&](float distance, int joint) {
    const float slack = 1 - 0.8f * bend.joint[at.finger][joint];
    inner = std::max(inner, Bump(distance, 0.8f));
    const float folds = std::max({0.8f * Bump(distance, 0.7f),
                                  Bump(distance - 2.2f, 0.7f),
                                  0.6f * Bump(distance - 4.6f, 0.7f)});
    outer = std::max(outer, slack * folds);
  };
  if (at.segment > 0) add_joint(at.along_mm + wave, at.segment);
  if (at.segment < 2) add_joint(at.to_end_mm - wave, at.segment + 1);
  if (at.finger != kThumb && at.segment == 0)  // where the finger leaves the palm
    inner = std::max(inner, Bump(at.along_mm + wave - 0.5f * (at.along_mm + at.to_end_mm), 0.9f));
  const float palmar = 1 - SmoothStep(-0.6f, 0.1f, dorsal);
  return std::max(palmar * inner, 0.55f * SmoothStep(0.3f, 0.8f, dorsal) * outer);
}

// The palm's lines run on over the ball of the thumb.
float SkinPattern::SegmentCrease(const SkinAppearance& skin,
                                 const HandBend& bend,
                                 const OnSegment& at,
                                 const SkinPoint& point) const {
  const float folds = FingerCrease(bend, at, point.dorsal);
  const bool is_ball = at.finger == kThumb && at.segment == 0;
  return is_ball ? std::max(folds, PalmCrease(skin, point)) : folds;
}

float SkinPattern::KnuckleRed(const SkinPoint& point) const {
  const Vector2f p(point.rest_mm.x(), point.rest_mm.z());
  float nearest = 0;
  for (const Vector2f& knuckle : knuckle_)
    nearest = std::max(nearest, Bump((p - knuckle).norm(), 8));
  return 0.5f * SmoothStep(0.2f, 0.7f, point.dorsal) * nearest;
}

float SkinPattern::JointRed(const OnSegment& at, const SkinPoint& point) const {
  const int first_phalanx = at.finger == kThumb ? 1 : 0;
  float hinges = 0;
  if (at.segment > first_phalanx) hinges = Bump(at.along_mm, 6);
  if (at.segment >= first_phalanx && at.segment < 2)
    hinges = std::max(hinges, Bump(at.to_end_mm, 6));
  return std::max(KnuckleRed(point), 0.5f * SmoothStep(0.2f, 0.7f, point.dorsal) * hinges);
}

// Heads of the metacarpals, which stand out as the fingers bend, and the extensor tendons that run
// to them, which show while they are straight.
float SkinPattern::BackReliefMm(const HandBend& bend, const SkinPoint& point) const {
  const float on_back = SmoothStep(0.1f, 0.6f, point.dorsal);
  if (on_back <= 0) return 0;
  const Vector2f p(point.rest_mm.x(), point.rest_mm.z());
  float knuckle = 0, tendon = 0;
  for (int f = 0; f < 5; ++f) {
    const float bent = bend.joint[f][f == kThumb ? 1 : 0];
    const Vector2f from = p - knuckle_[f];
    const float head = Bump(from.x(), 6.5f) * Bump(from.y() + 1.5f, 8.5f);
    knuckle = std::max(knuckle, (0.35f + 0.65f * bent) * head);
    if (f == kThumb) continue;
    const Vector2f wrist(0.3f * knuckle_[f].x(), -0.06f * palm_length_mm_);
    const float fade = SmoothStep(0.0f, 0.25f, -p.y() / palm_length_mm_) *
                       SmoothStep(0.0f, 8.0f, p.y() - knuckle_[f].y());
    tendon = std::max(
        tendon, fade * (1 - 0.8f * bent) * Bump(DistanceToSegment(p, wrist, knuckle_[f]), 2.4f));
  }
  return on_back * (kKnuckleMm * knuckle + kTendonMm * tendon);
}

// Three winding strands that run from between the knuckles towards the wrist and meet on the way.
float SkinPattern::Vein(const SkinAppearance& skin, const SkinPoint& point) const {
  const float on_back = SmoothStep(0.3f, 0.7f, point.dorsal);
  if (skin.vein <= 0 || on_back <= 0) return 0;
  const float along = -point.rest_mm.z() / palm_length_mm_;
  float strength = 0;
  for (int strand = 0; strand < 3; ++strand) {
    const Vector2f between = (knuckle_[kIndex + strand] + knuckle_[kIndex + strand + 1]) / 2;
    const float spread = 0.35f + 0.65f * SmoothStep(0.2f, 0.9f, along);
    const float winding = 0.09f * palm_half_breadth_mm_ *
                          std::sin(7 * along + skin.phase[strand] + 2 * std::sin(3 * along));
    strength = std::max(strength, Bump(point.rest_mm.x() - spread * between.x() - winding, 1.5f));
  }
  return skin.vein * on_back * strength * SmoothStep(0.1f, 0.3f, along) *
         (1 - SmoothStep(0.8f, 1.0f, along));
}

float SkinPattern::ReliefMm(const SkinAppearance& skin,
                            const HandBend& bend,
                            const SkinPoint& point) const {
  float height = 0;
  if (point.part == kPartPalm) {
    height -= kCreaseMm * skin.crease * PalmCrease(skin, point);
    height += skin.tendon * BackReliefMm(bend, point) + kVeinMm * Vein(skin, point);
  } else if (IsSegment(point.part)) {
    const OnSegment at = Locate(point);
    if (at.segment == 0) height += skin.tendon * BackReliefMm(bend, point);
    const float on_back = SmoothStep(0.1f, 0.6f, point.dorsal);
    const auto hinge = [&](float distance, int joint) {
      return (0.4f + 0.6f * bend.joint[at.finger][joint]) * Bump(distance, 5.0f);
    };
    float bump = 0;
    if (at.segment > 0) bump = hinge(at.along_mm, at.segment);
    if (at.segment < 2) bump = std::max(bump, hinge(at.to_end_mm, at.segment + 1));
    height += on_back * kHingeMm * skin.tendon * bump;
    height -= kCreaseMm * skin.crease * SegmentCrease(skin, bend, at, point);
    height += kNailMm * Nail(at, point.dorsal);
  }
  return height;
}

SkinSample SkinPattern::Evaluate(const SkinAppearance& skin,
                                 const HandBend& bend,
                                 const SkinPoint& point) const {
  SkinSample out{skin.palm + SmoothStep(-0.5f, 0.4f, point.dorsal) * (skin.back - skin.palm), 0};
  out.albedo *= 1 + skin.mottle * Blotches(point.rest_mm, skin.phase);

  float red = 0, crease = 0;
  if (point.part == kPartPalm) {
    red = std::max(KnuckleRed(point), PalmRed(point, nullptr));
    crease = PalmCrease(skin, point);
    const float blue = Vein(skin, point);
    out.albedo =
        out.albedo.cwiseProduct(Vector3f(1 - 0.22f * blue, 1 - 0.12f * blue, 1 - 0.06f * blue));
  } else if (IsSegment(point.part)) {
    const OnSegment at = Locate(point);
    crease = SegmentCrease(skin, bend, at, point);
    if (at.segment == 2) {
      out.nail = Nail(at, point.dorsal);
      const float rim =
          SmoothStep(0.25f, 0.5f, point.dorsal) * Bump(NailDistance(at) - 1.05f, 0.16f);
      const float free_edge = SmoothStep(0.72f, 0.85f, at.half_nail_l);
      const float lunula = 0.25f * (1 - SmoothStep(-0.85f, -0.6f, at.half_nail_l));
      const float bare = skin.polished ? 0.0f : 1.0f;
      const Vector3f plate = skin.nail + bare * std::max(0.5f * free_edge, lunula) *
                                             (Vector3f(0.8f, 0.75f, 0.68f) - skin.nail);
      out.albedo =
          out.albedo * (1 - 0.35f * rim * (1 - out.nail)) * (1 - out.nail) + out.nail * plate;
      const float along = at.along_mm / (at.along_mm + at.to_end_mm);
      const float tip = 0.7f * SmoothStep(0.4f, 1.0f, along) * (1 - out.nail);
      red = std::max(tip, JointRed(at, point));
    } else {
      red = std::max(JointRed(at, point), PalmRed(point, &at));
    }
  }
  const float blood = Blotches(point.rest_mm, skin.phase.reverse());
  const float r = skin.redness * (red + (red + 0.2f) * blood);
  out.albedo = out.albedo.cwiseProduct(Vector3f(1 + 0.06f * r, 1 - 0.16f * r, 1 - 0.16f * r));
  const float dark = std::min(0.45f * skin.crease * crease, 0.6f);
  out.albedo = out.albedo.cwiseProduct(Vector3f(1 - 0.75f * dark, 1 - dark, 1 - dark));
  return out;
}

}  // namespace handforge
