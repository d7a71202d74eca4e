#include "render/collision.h"

#include "render/flesh.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace handforge {
namespace {

using Eigen::Vector3d;

constexpr int kMetacarpal = -1;

struct Capsule {
  FleshCapsule shape;
  int bone;
  int finger;
  int segment;  // kMetacarpal, 0, 1, 2; the thumb's metacarpal is its segment 0
};

// Below this squared sine of the angle between them two axes count as parallel.
constexpr double kParallel = 1e-12;

// How far two capsules pass into each other; negative where they are apart. The closest points of
// the axes are those of Ericson, Real-Time Collision Detection, 2005, section 5.1.9; radii are
// taken there, which is exact for equal ends and off by the square of the taper otherwise.
double Penetration(const FleshCapsule& a, const FleshCapsule& b) {
  const Vector3d d1 = a.end_mm - a.start_mm, d2 = b.end_mm - b.start_mm;
  const Vector3d r = a.start_mm - b.start_mm;
  // An axis may be a point.
  const double l1 = std::max(d1.squaredNorm(), 1e-9), l2 = std::max(d2.squaredNorm(), 1e-9);
  const double f = d2.dot(r), c = d1.dot(r), m = d1.dot(d2);
  const double denominator = l1 * l2 - m * m;
  double s = denominator > kParallel * l1 * l2
                 ? std::clamp((m * f - c * l2) / denominator, 0.0, 1.0)
                 : 0.0;
  double t = (m * s + f) / l2;
  if (t < 0) {
    t = 0;
    s = std::clamp(-c / l1, 0.0, 1.0);
  } else if (t > 1) {
    t = 1;
    s = std::clamp((m - c) / l1, 0.0, 1.0);
  }
  const double radii = a.start_radius_mm + s * (a.end_radius_mm - a.start_radius_mm) +
                       b.start_radius_mm + t * (b.end_radius_mm - b.start_radius_mm);
  return radii - (r + s * d1 - t * d2).norm();
}

// Parts of the palm's block of flesh: the metacarpals and the thumb's ball.
bool OfPalm(const Capsule& c) {
  return c.segment == kMetacarpal || (c.finger == kThumb && c.segment == 0);
}

bool AlwaysClose(const Capsule& a, const Capsule& b) {
  if (OfPalm(a) && OfPalm(b)) return true;
  if (OfPalm(a) || OfPalm(b)) {
    const Capsule& digit = OfPalm(a) ? b : a;
    const Capsule& palm = OfPalm(a) ? a : b;
    if (digit.finger == kThumb && palm.finger == kThumb) return true;
    return digit.finger != kThumb && digit.segment == 0;  // a finger's root
  }
  return a.finger == b.finger && std::abs(a.segment - b.segment) < 2;
}

Capsule Posed(const Rig& rig, const BonePoses& poses, int bone) {
  // The web moves with the thumb's ball.
  if (bone == kPalmBone) return {WebCapsule(rig, poses), bone, kThumb, kMetacarpal};
  const int finger = bone < 5 ? bone : (bone - 5) / 3;
  const int segment = bone < 5 ? kMetacarpal : (bone - 5) % 3;
  return {PosedCapsule(rig, poses, bone), bone, finger, segment};
}

// Calls `visit` with every pair of capsules that may not pass into each other.
template <typename Visit>
void ForEachPair(const Rig& rig, const BonePoses& poses, const Visit& visit) {
  std::array<Capsule, kNumBones> capsules;
  int count = 0;
  for (int bone = 0; bone < kForearmBone; ++bone) {
    if (rig.flesh[bone].start_radius_mm > 0) capsules[count++] = Posed(rig, poses, bone);
  }
  for (int i = 0; i < count; ++i) {
    for (int j = i + 1; j < count; ++j) {
      if (!AlwaysClose(capsules[i], capsules[j])) visit(capsules[i], capsules[j]);
    }
  }
}

}  // namespace

std::vector<SelfContact> SelfContacts(const Rig& rig,
                                      const BonePoses& poses,
                                      double deeper_than_mm) {
  std::vector<SelfContact> contacts;
  ForEachPair(rig, poses, [&](const Capsule& a, const Capsule& b) {
    const double depth = Penetration(a.shape, b.shape);
    if (depth > deeper_than_mm) contacts.push_back({a.bone, b.bone, depth});
  });
  return contacts;
}

double ContactDepthMm(const Rig& rig, const BonePoses& poses, int bone_a, int bone_b) {
  return Penetration(Posed(rig, poses, bone_a).shape, Posed(rig, poses, bone_b).shape);
}

double SelfPenetrationMm(const Rig& rig, const BonePoses& poses) {
  double deepest = 0;
  ForEachPair(rig, poses, [&](const Capsule& a, const Capsule& b) {
    deepest = std::max(deepest, Penetration(a.shape, b.shape));
  });
  return deepest;
}

}  // namespace handforge
