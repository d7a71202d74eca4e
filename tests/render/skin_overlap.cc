#include "tests/render/skin_overlap.h"

#include "tests/render/render_testing.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Geometry>

namespace handforge {
namespace {

using Eigen::Vector3f;

bool IsDigit(int part) { return part >= kPartFirstSegment && part <= kPartLastSegment; }
int FingerOfPart(int part) { return (part - kPartFirstSegment) / 3; }
int SegmentOfPart(int part) { return (part - kPartFirstSegment) % 3; }

// Ericson, Real-Time Collision Detection, 2005, section 5.1.5.
float DistanceToTriangle(const Vector3f& p,
                         const Vector3f& a,
                         const Vector3f& b,
                         const Vector3f& c) {
  const Vector3f ab = b - a, ac = c - a, ap = p - a, bp = p - b, cp = p - c;
  const float d1 = ab.dot(ap), d2 = ac.dot(ap);
  if (d1 <= 0 && d2 <= 0) return ap.norm();
  const float d3 = ab.dot(bp), d4 = ac.dot(bp);
  if (d3 >= 0 && d4 <= d3) return bp.norm();
  const float vc = d1 * d4 - d3 * d2;
  if (vc <= 0 && d1 >= 0 && d3 <= 0) return (ap - ab * (d1 / (d1 - d3))).norm();
  const float d5 = ab.dot(cp), d6 = ac.dot(cp);
  if (d6 >= 0 && d5 <= d6) return cp.norm();
  const float vb = d5 * d2 - d1 * d6;
  if (vb <= 0 && d2 >= 0 && d6 <= 0) return (ap - ac * (d2 / (d2 - d6))).norm();
  const float va = d3 * d6 - d5 * d4;
  if (va <= 0 && d4 - d3 >= 0 && d5 - d6 >= 0) {
    return (bp - (c - b) * ((d4 - d3) / ((d4 - d3) + (d5 - d6)))).norm();
  }
  const float scale = 1 / (va + vb + vc);
  return (ap - ab * (vb * scale) - ac * (vc * scale)).norm();
}

}  // namespace

SkinOverlap::SkinOverlap() : rig_(TestRig()), part_(rig_.num_surface_vertices(), 0) {
  for (size_t t = 0; t < rig_.triangles.size(); ++t) {
    const int part = rig_.triangle_part[t];
    for (int v : rig_.triangles[t]) part_[v] = static_cast<uint8_t>(part);
    const bool palm = part == kPartPalm || part == SegmentPart(kThumb, 0);
    if (palm) {
      triangles_[kPalm].push_back(rig_.triangles[t]);
    } else if (IsDigit(part)) {
      triangles_[FingerOfPart(part)].push_back(rig_.triangles[t]);
    }
  }
  for (size_t v = 0; v < part_.size(); v += kEvery) {
    if (!IsDigit(part_[v]) || part_[v] == SegmentPart(kThumb, 0)) continue;
    vertices_[FingerOfPart(part_[v])].push_back(static_cast<int>(v));
  }
}

double SkinOverlap::DeepestMm(const BonePoses& poses, double from_mm) {
  PoseSurface(rig_, poses, &surface_);
  normals_.assign(surface_.size(), Vector3f::Zero());
  for (const auto& t : rig_.triangles) {
    const Vector3f normal =
        (surface_[t[1]] - surface_[t[0]]).cross(surface_[t[2]] - surface_[t[0]]);
    for (int v : t) normals_[v] += normal;
  }
  double deepest = 0;
  for (int other = 0; other < kGroups; ++other) {
    Eigen::AlignedBox3f box;
    for (const auto& t : triangles_[other]) {
      for (int v : t) box.extend(surface_[v]);
    }
    for (int finger = kThumb; finger <= kLittle; ++finger) {
      if (finger == other) continue;
      for (int v : vertices_[finger]) {
        if (!box.contains(surface_[v])) continue;
        const int roots = finger == kThumb ? 2 : 1;
        if (other == kPalm && SegmentOfPart(part_[v]) < roots) continue;
        // Inside the part, whose surface is open at the joints, and, just below the own skin,
        // inside the whole hand a second time.
        if (Winding(triangles_[other], surface_[v]) < 0.35) continue;
        const double depth = DistanceMm(triangles_[other], surface_[v]);
        if (depth <= std::max(from_mm, deepest)) continue;
        const Vector3f below = surface_[v] - 0.7f * normals_[v].normalized();
        if (Winding(rig_.triangles, below) > 1.6) deepest = depth;
      }
    }
  }
  return deepest;
}

// Jacobson, Kavan, Sorkine-Hornung, Robust inside-outside segmentation using generalized winding
// numbers, SIGGRAPH 2013; solid angles after Van Oosterom and Strackee 1983.
double SkinOverlap::Winding(const Triangles& triangles, const Vector3f& x) const {
  double angle = 0;
  for (const auto& t : triangles) {
    const Vector3f a = surface_[t[0]] - x, b = surface_[t[1]] - x, c = surface_[t[2]] - x;
    const double la = a.norm(), lb = b.norm(), lc = c.norm();
    angle += 2 * std::atan2(double{a.dot(b.cross(c))},
                            la * lb * lc + a.dot(b) * lc + b.dot(c) * la + c.dot(a) * lb);
  }
  return angle / (4 * M_PI);
}

double SkinOverlap::DistanceMm(const Triangles& triangles, const Vector3f& x) const {
  float nearest = INFINITY;
  for (const auto& t : triangles) {
    nearest =
        std::min(nearest, DistanceToTriangle(x, surface_[t[0]], surface_[t[1]], surface_[t[2]]));
  }
  return nearest;
}

}  // namespace handforge
