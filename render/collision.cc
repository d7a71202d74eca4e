#include "render/collision.h"

#include <algorithm>
#include <vector>

namespace handforge {
namespace {

using Eigen::Vector3d;

struct Capsule {
  Vector3d start;
  Vector3d end;
  double radius_mm;
  int finger;
  int segment;  // -1 metacarpal
};

// Distance between two segments (Ericson, Real-Time Collision Detection, 2005, section 5.1.9).
double SegmentDistance(const Capsule& a, const Capsule& b) {
  const Vector3d d1 = a.end - a.start, d2 = b.end - b.start, r = a.start - b.start;
  const double l1 = d1.squaredNorm(), l2 = d2.squaredNorm();
  const double f = d2.dot(r), c = d1.dot(r), m = d1.dot(d2);
  const double denominator = l1 * l2 - m * m;
  double s = denominator > 1e-12 ? std::clamp((m * f - c * l2) / denominator, 0.0, 1.0) : 0.0;
  double t = (m * s + f) / l2;
  if (t < 0) {
    t = 0;
    s = std::clamp(-c / l1, 0.0, 1.0);
  } else if (t > 1) {
    t = 1;
    s = std::clamp((m - c) / l1, 0.0, 1.0);
  }
  return (a.start + s * d1 - b.start - t * d2).norm();
}

bool AlwaysClose(const Capsule& a, const Capsule& b) {
  if (a.finger == b.finger) return true;
  if (a.segment < 0 && b.segment < 0) return true;
  const bool thumb = a.finger == kThumb || b.finger == kThumb;
  const Capsule& first = a.finger == kThumb ? a : b;
  if (thumb) return first.segment == 0;
  const int lower = std::min(a.segment, b.segment), upper = std::max(a.segment, b.segment);
  return lower <= 0 && upper <= 0;
}

std::vector<Capsule> Capsules(const Rig& rig, const BonePoses& poses) {
  std::vector<Capsule> capsules;
  for (int bone = 1; bone < kForearmBone; ++bone) {
    Capsule c;
    c.finger = bone < 5 ? bone : (bone - 5) / 3;
    c.segment = bone < 5 ? -1 : (bone - 5) % 3;
    c.start = poses.origin_mm[bone];
    const Vector3d axis = -poses.rotation[bone].col(2);
    const double length = rig.rest_length_mm[bone] * poses.scale[bone].z();
    c.radius_mm = rig.flesh_radius_mm[bone] * poses.scale[bone].x();
    const double reach =
        c.segment == 2 ? std::max(0.3 * length, length - 0.8 * c.radius_mm) : length;
    c.end = c.start + reach * axis;
    capsules.push_back(c);
  }
  return capsules;
}

}  // namespace

double SelfPenetrationMm(const Rig& rig, const BonePoses& poses) {
  const std::vector<Capsule> capsules = Capsules(rig, poses);
  double deepest = 0;
  for (size_t i = 0; i < capsules.size(); ++i) {
    for (size_t j = i + 1; j < capsules.size(); ++j) {
      const Capsule &a = capsules[i], &b = capsules[j];
      if (AlwaysClose(a, b)) continue;
      deepest = std::max(deepest, a.radius_mm + b.radius_mm - SegmentDistance(a, b));
    }
  }
  return deepest;
}

}  // namespace handforge
