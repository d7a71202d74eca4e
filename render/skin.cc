#include "render/skin.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <Eigen/Geometry>

namespace handforge {
namespace {

using Eigen::Vector2f;
using Eigen::Vector3f;

// Linear reflectance of the back of the hand, pale to very dark.
const std::array<Vector3f, 7> kTones = {Vector3f(0.68f, 0.46f, 0.36f),
                                        Vector3f(0.58f, 0.36f, 0.26f),
                                        Vector3f(0.47f, 0.275f, 0.185f),
                                        Vector3f(0.36f, 0.195f, 0.12f),
                                        Vector3f(0.235f, 0.12f, 0.072f),
                                        Vector3f(0.13f, 0.066f, 0.042f),
                                        Vector3f(0.07f, 0.038f, 0.027f)};

float SmoothStep(float low, float high, float x) {
  const float t = std::clamp((x - low) / (high - low), 0.0f, 1.0f);
  return t * t * (3 - 2 * t);
}

float Bump(float x, float width) { return std::exp(-(x * x) / (width * width)); }

// Smooth, aperiodic over a hand: a few sines of incommensurate directions.
float Mottle(const Vector3f& p, const Vector3f& phase) {
  return 0.4f * std::sin(0.23f * p.x() + 0.31f * p.y() + 0.17f * p.z() + phase.x()) +
         0.35f * std::sin(-0.41f * p.x() + 0.19f * p.y() + 0.37f * p.z() + phase.y()) +
         0.25f * std::sin(0.83f * p.x() - 0.67f * p.y() + 0.59f * p.z() + phase.z());
}

float DistanceToPolyline(const Vector2f& p, const std::array<Vector2f, 4>& line) {
  float best = 1e9f;
  for (size_t i = 0; i + 1 < line.size(); ++i) {
    const Vector2f ab = line[i + 1] - line[i];
    const float t = std::clamp((p - line[i]).dot(ab) / ab.squaredNorm(), 0.0f, 1.0f);
    best = std::min(best, (p - line[i] - t * ab).norm());
  }
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

}  // namespace

SkinAppearance SampleSkin(Random& random) {
  SkinAppearance skin;
  const double at = random.Uniform(0, kTones.size() - 1.001);
  const int i = static_cast<int>(at);
  const auto t = static_cast<float>(at - i);
  skin.back = (1 - t) * kTones[i] + t * kTones[i + 1];
  for (int c = 0; c < 3; ++c)
    skin.back[c] *= static_cast<float>(1 + random.TruncatedNormal(0, 0.04, 2));
  const float dark = static_cast<float>(at) / (kTones.size() - 1);
  const Vector3f pale_palm(0.66f, 0.41f, 0.32f);
  skin.palm = skin.back + (0.35f + 0.2f * dark) * (pale_palm - skin.back);
  skin.nail = skin.back + (0.45f + 0.2f * dark) * (Vector3f(0.78f, 0.52f, 0.46f) - skin.back);
  skin.redness = static_cast<float>(random.Uniform(0.3, 1.0)) * (1 - 0.6f * dark);
  skin.crease = static_cast<float>(random.Uniform(0.6, 1.3));
  skin.specular = static_cast<float>(random.Uniform(0.5, 1.5));
  for (int c = 0; c < 3; ++c) skin.phase[c] = static_cast<float>(random.Uniform(0, 2 * M_PI));
  return skin;
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

  // Dorsal side: the normal against the dorsal axes of the bones that move the vertex.
  std::vector<Vector3f> normals(rig.num_surface_vertices(), Vector3f::Zero());
  for (const auto& t : rig.triangles) {
    const Vector3f n = (rig.surface_rest[t[1]] - rig.surface_rest[t[0]])
                           .cross(rig.surface_rest[t[2]] - rig.surface_rest[t[0]]);
    for (int v : t) normals[v] += n;
  }
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

// Strength of the creases at a point, 0..1.
float SkinPattern::Crease(const SkinPoint& point) const {
  const float palmar = 1 - SmoothStep(-0.6f, 0.1f, point.dorsal);
  if (point.part == kPartPalm) {
    const Vector2f p(point.rest_mm.x() / palm_half_breadth_mm_,
                     -point.rest_mm.z() / palm_length_mm_);
    return 0.8f * palmar * PalmLines(p);
  }
  if (point.part < kPartFirstSegment || point.part > kPartLastSegment) return 0;
  const int finger = (point.part - kPartFirstSegment) / 3,
            segment = (point.part - kPartFirstSegment) % 3;
  const BoneFrame& bone = bones_[SegmentBone(finger, segment)];
  const Vector3f local = bone.from_hand * (point.rest_mm - bone.origin);
  const float along = -local.z() + 0.5f * std::sin(0.55f * local.x() + static_cast<float>(finger));
  const float to_start = along, to_end = bone.length_mm - along;
  const bool joint_at_start = segment > 0, joint_at_end = segment < 2;
  float inner = 0, outer = 0;
  if (joint_at_start) {
    inner = std::max(inner, Bump(to_start, 0.8f));
    outer = std::max({outer, Bump(to_start - 2.2f, 0.7f), 0.8f * Bump(to_start, 0.7f)});
  }
  if (joint_at_end) {
    inner = std::max(inner, Bump(to_end, 0.8f));
    outer = std::max({outer, Bump(to_end - 2.2f, 0.7f), 0.8f * Bump(to_end, 0.7f)});
  }
  if (finger != kThumb && segment == 0)
    inner = std::max(inner, Bump(along - 0.52f * bone.length_mm, 0.9f));
  return std::max(palmar * inner, 0.55f * SmoothStep(0.3f, 0.8f, point.dorsal) * outer);
}

SkinSample SkinPattern::Evaluate(const SkinAppearance& skin, const SkinPoint& point) const {
  SkinSample out{skin.palm + SmoothStep(-0.35f, 0.25f, point.dorsal) * (skin.back - skin.palm), 0};
  out.albedo *= 1 + 0.05f * Mottle(point.rest_mm, skin.phase);

  float red = 0;
  if (point.part >= kPartFirstSegment && point.part <= kPartLastSegment) {
    const int finger = (point.part - kPartFirstSegment) / 3,
              segment = (point.part - kPartFirstSegment) % 3;
    const BoneFrame& bone = bones_[SegmentBone(finger, segment)];
    const Vector3f local = bone.from_hand * (point.rest_mm - bone.origin);
    const float along = -local.z();
    if (segment == 2) {
      red = 0.7f * SmoothStep(0.4f, 1.0f, along / bone.length_mm);
      // Nail: a rounded plate on the dorsal side of the last 55 % of the bone.
      const float half_breadth = 0.66f * bone.radius_mm;
      const float half_length = 0.29f * bone.length_mm;
      const float x = local.x() / half_breadth;
      const float w = (along - 0.79f * bone.length_mm) / half_length;
      const float distance = std::pow(std::abs(x), 3.0f) + std::pow(std::abs(w), 3.0f);
      const float on_top = SmoothStep(0.25f, 0.5f, point.dorsal);
      out.nail = on_top * (1 - SmoothStep(0.85f, 1.05f, distance));
      const float rim = on_top * Bump(distance - 1.05f, 0.16f);
      const float free_edge = SmoothStep(0.72f, 0.85f, w);
      const Vector3f plate =
          skin.nail + 0.5f * free_edge * (Vector3f(0.8f, 0.75f, 0.68f) - skin.nail);
      out.albedo =
          out.albedo * (1 - 0.35f * rim * (1 - out.nail)) * (1 - out.nail) + out.nail * plate;
      red *= 1 - out.nail;
    } else {
      red = 0.5f * SmoothStep(0.2f, 0.7f, point.dorsal) *
            std::max(Bump(along, 6), Bump(bone.length_mm - along, 6));
    }
  }
  red = std::max(red,
                 point.part == kPartPalm ? 0.35f * (1 - SmoothStep(-0.7f, 0, point.dorsal)) : 0.0f);
  const float r = red * skin.redness;
  out.albedo = out.albedo.cwiseProduct(Vector3f(1 + 0.06f * r, 1 - 0.16f * r, 1 - 0.16f * r));
  const float crease = std::min(0.45f * skin.crease * Crease(point), 0.6f);
  out.albedo = out.albedo.cwiseProduct(Vector3f(1 - 0.75f * crease, 1 - crease, 1 - crease));
  return out;
}

}  // namespace handforge
