#include "render/collision.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace handforge {
namespace {

using Eigen::Vector3d;

constexpr int kMetacarpal = -1;

struct Capsule {
  Vector3d start;
  Vector3d end;
  double start_radius;
  double end_radius;
  int finger;
  int segment;  // kMetacarpal, 0, 1, 2; the thumb's metacarpal is its segment 0
};

// Below this squared sine of the angle between them two axes count as parallel.
constexpr double kParallel = 1e-12;

// How far two capsules pass into each other; negative where they are apart. The closest points of
// the axes are those of Ericson, Real-Time Collision Detection, 2005, section 5.1.9; radii are
// taken there, which is exact for equal ends and off by the square of the taper otherwise.
double Penetration(const Capsule& a, const Capsule& b) {
  const Vector3d d1 = a.end - a.start, d2 = b.end - b.start, r = a.start - b.start;
  const double l1 = d1.squaredNorm(), l2 = d2.squaredNorm();
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
  const double radii = a.start_radius + s * (a.end_radius - a.start_radius) + b.start_radius +
                       t * (b.end_radius - b.start_radius);
  return radii - (a.start + s * d1 - b.start - t * d2).norm();
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
  const FleshCapsule& flesh = rig.flesh[bone];
  const Vector3d& scale = poses.scale[bone];
  const auto place = [&](const Vector3d& x) -> Vector3d {
    return poses.origin_mm[bone] + poses.rotation[bone] * scale.cwiseProduct(x);
  };
  Capsule capsule;
  capsule.start = place(flesh.start_mm);
  capsule.end = place(flesh.end_mm);
  capsule.start_radius = flesh.start_radius_mm * scale.x();
  capsule.end_radius = flesh.end_radius_mm * scale.x();
  capsule.finger = bone < 5 ? bone : (bone - 5) / 3;
  capsule.segment = bone < 5 ? kMetacarpal : (bone - 5) % 3;
  return capsule;
}

}  // namespace

double SelfPenetrationMm(const Rig& rig, const BonePoses& poses) {
  std::array<Capsule, kNumBones> capsules;
  int count = 0;
  for (int bone = 1; bone < kForearmBone; ++bone) {
    if (rig.flesh[bone].start_radius_mm > 0) capsules[count++] = Posed(rig, poses, bone);
  }
  double deepest = 0;
  for (int i = 0; i < count; ++i) {
    for (int j = i + 1; j < count; ++j) {
      if (AlwaysClose(capsules[i], capsules[j])) continue;
      deepest = std::max(deepest, Penetration(capsules[i], capsules[j]));
    }
  }
  return deepest;
}

}  // namespace handforge
