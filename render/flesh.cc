#include "render/flesh.h"

#include "render/ray_caster.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include <Eigen/Dense>

namespace handforge {
namespace {

using Eigen::Vector2d;
using Eigen::Vector3d;

constexpr int kRays = 24;
// A ray longer than this many times the shortest of its station runs on inside the hand.
constexpr double kLongestToShortest = 1.8;
constexpr double kThinnestMm = 0.5;

struct Station {
  double t = 0;  // along the bone, 0..1
  Vector2d centre_mm = Vector2d::Zero();
  double radius_mm = 0;
};

// Circle through points, least squares of |p|^2 = 2 c.p + (r^2 - |c|^2).
Station FitCircle(double t, const std::vector<Vector2d>& points) {
  Eigen::MatrixX3d a(points.size(), 3);
  Eigen::VectorXd b(points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    a.row(i) << 2 * points[i].x(), 2 * points[i].y(), 1;
    b[i] = points[i].squaredNorm();
  }
  const Vector3d x = a.colPivHouseholderQr().solve(b);
  Station station;
  station.t = t;
  station.centre_mm = x.head<2>();
  station.radius_mm = std::sqrt(std::max(0.0, x[2] + station.centre_mm.squaredNorm()));
  return station;
}

// Digits are broader than they are thick, the thumb by a third, and it is with the pulp that they
// touch: the circle is moved to meet the skin there.
void MoveToPulp(const std::vector<Vector2d>& points, Station* station) {
  double palmar = 0;
  for (const Vector2d& point : points) palmar = std::max(palmar, -point.y());
  station->centre_mm.y() = station->radius_mm - palmar;
}

// Skin around one point of a bone's axis; nothing where too few rays leave the skin nearby.
std::optional<Station> Measure(const Rig& rig, const RayCaster& rays, int bone, double t) {
  const Vector3d origin =
      rig.rest_origin[bone] - t * rig.rest_length_mm[bone] * rig.rest_rotation[bone].col(2);
  std::vector<std::pair<double, Vector2d>> hits;
  double shortest = INFINITY;
  for (int k = 0; k < kRays; ++k) {
    const double angle = 2 * M_PI * k / kRays;
    const Vector2d direction(std::cos(angle), std::sin(angle));
    const Vector3d in_hand = rig.rest_rotation[bone] * Vector3d(direction.x(), direction.y(), 0);
    const RayCaster::Hit hit = rays.TraceRay(origin.cast<float>(), in_hand.cast<float>());
    if (hit.triangle == PrimaryHits::kMiss) continue;
    hits.push_back({hit.distance, hit.distance * direction});
    shortest = std::min(shortest, hits.back().first);
  }
  std::vector<Vector2d> points;
  for (const auto& [distance, point] : hits) {
    if (distance <= kLongestToShortest * shortest) points.push_back(point);
  }
  if (points.size() < kRays / 3) return std::nullopt;
  Station station = FitCircle(t, points);
  const bool digit = bone > SegmentBone(kThumb, 0);
  if (digit) MoveToPulp(points, &station);
  return station;
}

// Stations at which a bone's own flesh can be told from its neighbours', and the stretch of the
// bone that its capsule covers. A proximal segment's root lies in the palm's flesh.
struct Stretch {
  double first_station, last_station;
  double start, end;
};
Stretch StretchOf(int bone) {
  if (bone < 5) return {0.3, 1.0, 0.1, 1.0};
  const int finger = (bone - 5) / 3, segment = (bone - 5) % 3;
  if (segment == 0) {
    return finger == kThumb ? Stretch{0.1, 0.9, 0.0, 0.9} : Stretch{0.45, 0.95, 0.35, 1.0};
  }
  if (segment == 1)
    return finger == kThumb ? Stretch{0.3, 0.95, 0.2, 1.0} : Stretch{0.1, 0.9, 0, 1};
  return {0.1, 0.85, 0.0, 1.0};
}

// Where the skin ends beyond a last segment, in lengths of the bone.
double SkinEnd(const Rig& rig, const RayCaster& rays, int bone) {
  const Vector3d along = -rig.rest_rotation[bone].col(2);
  const double length = rig.rest_length_mm[bone];
  const Vector3d middle = rig.rest_origin[bone] + 0.5 * length * along;
  const RayCaster::Hit hit = rays.TraceRay(middle.cast<float>(), along.cast<float>());
  return hit.triangle == PrimaryHits::kMiss ? 1 : 0.5 + hit.distance / length;
}

FleshCapsule FitCapsule(const Rig& rig, const RayCaster& rays, int bone) {
  constexpr int kStations = 8;
  const Stretch stretch = StretchOf(bone);
  std::vector<Station> stations;
  for (int i = 0; i < kStations; ++i) {
    const double t = stretch.first_station +
                     (stretch.last_station - stretch.first_station) * i / (kStations - 1.0);
    if (const auto station = Measure(rig, rays, bone, t)) stations.push_back(*station);
  }
  FleshCapsule capsule;
  if (stations.size() < 2) return capsule;

  // x, y and radius, each linear in t.
  Eigen::MatrixX2d a(stations.size(), 2);
  Eigen::MatrixX3d b(stations.size(), 3);
  for (size_t i = 0; i < stations.size(); ++i) {
    a.row(i) << 1, stations[i].t;
    b.row(i) << stations[i].centre_mm.x(), stations[i].centre_mm.y(), stations[i].radius_mm;
  }
  const Eigen::Matrix<double, 2, 3> line = a.colPivHouseholderQr().solve(b);
  const auto at = [&](double t) { return Vector3d((line.row(0) + t * line.row(1)).transpose()); };
  const double length = rig.rest_length_mm[bone];
  double end = stretch.end;
  const bool last = bone >= 5 && (bone - 5) % 3 == 2;
  if (last) end = std::max(0.3, SkinEnd(rig, rays, bone) - at(0.9)[2] / length);
  const Vector3d first = at(stretch.start), second = at(end);
  capsule.start_mm = {first.x(), first.y(), -stretch.start * length};
  capsule.end_mm = {second.x(), second.y(), -end * length};
  capsule.start_radius_mm = std::max(kThinnestMm, first.z());
  capsule.end_radius_mm = std::max(kThinnestMm, second.z());
  return capsule;
}

// Ends of the web along the capsules of both metacarpals.
constexpr double kWebAt = 0.6;

Vector3d Along(const FleshCapsule& capsule, double t) {
  return capsule.start_mm + t * (capsule.end_mm - capsule.start_mm);
}

}  // namespace

FleshCapsule PosedCapsule(const Rig& rig, const BonePoses& poses, int bone) {
  const FleshCapsule& flesh = rig.flesh[bone];
  const Vector3d& scale = poses.scale[bone];
  const auto place = [&](const Vector3d& x) -> Vector3d {
    return poses.origin_mm[bone] + poses.rotation[bone] * scale.cwiseProduct(x);
  };
  FleshCapsule capsule;
  capsule.start_mm = place(flesh.start_mm);
  capsule.end_mm = place(flesh.end_mm);
  capsule.start_radius_mm = flesh.start_radius_mm * scale.x();
  capsule.end_radius_mm = flesh.end_radius_mm * scale.x();
  return capsule;
}

FleshCapsule WebCapsule(const Rig& rig, const BonePoses& poses) {
  const int thumb = SegmentBone(kThumb, 0), index = MetacarpalBone(kIndex);
  FleshCapsule web;
  web.start_mm = Along(PosedCapsule(rig, poses, thumb), kWebAt);
  web.end_mm = Along(PosedCapsule(rig, poses, index), kWebAt);
  web.start_radius_mm = rig.flesh[kPalmBone].start_radius_mm * poses.scale[thumb].x();
  web.end_radius_mm = rig.flesh[kPalmBone].end_radius_mm * poses.scale[index].x();
  return web;
}

std::array<FleshCapsule, kNumBones> FitFlesh(const Rig& rig) {
  const RayCaster rays(rig.surface_rest, rig.triangles);
  std::array<FleshCapsule, kNumBones> flesh;
  for (int bone = 1; bone < kForearmBone; ++bone) flesh[bone] = FitCapsule(rig, rays, bone);

  const auto at_rest = [&](int bone) -> Vector3d {
    return rig.rest_origin[bone] + rig.rest_rotation[bone] * Along(flesh[bone], kWebAt);
  };
  const Vector3d middle = (at_rest(SegmentBone(kThumb, 0)) + at_rest(MetacarpalBone(kIndex))) / 2;
  double nearest = INFINITY;
  for (const Eigen::Vector3f& x : rig.surface_rest) {
    nearest = std::min(nearest, (x.cast<double>() - middle).norm());
  }
  flesh[kPalmBone].start_radius_mm = flesh[kPalmBone].end_radius_mm = nearest;
  return flesh;
}

}  // namespace handforge
