#include "render/camera_sampler.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Geometry>

namespace handforge {
namespace {

using Eigen::Matrix3d;
using Eigen::Vector3d;

constexpr double kDegree = M_PI / 180;

// Camera that sees the hand from direction `from` (hand frame, hand to camera) with the hand
// direction `up` pointing up in the picture, then rolled.
Matrix3d LookFrom(const Vector3d& from, const Vector3d& up, double roll_rad) {
  const Vector3d z = -from.normalized();
  Vector3d y = -(up - up.dot(z) * z);
  if (y.norm() < 1e-6) y = z.unitOrthogonal();
  y.normalize();
  Matrix3d cam_from_hand;
  cam_from_hand.row(0) = y.cross(z);
  cam_from_hand.row(1) = y;
  cam_from_hand.row(2) = z;
  return Eigen::AngleAxisd(roll_rad, Vector3d::UnitZ()) * cam_from_hand;
}

// Uniform on the cap of half-angle `deg` around `axis`.
Vector3d NearDirection(const Vector3d& axis, double deg, Random& random) {
  const double z = random.Uniform(std::cos(deg * kDegree), 1);
  const double phi = random.Uniform(0, 2 * M_PI), r = std::sqrt(1 - z * z);
  const Vector3d side = axis.unitOrthogonal();
  return z * axis + r * (std::cos(phi) * side + std::sin(phi) * axis.cross(side));
}

Matrix3d DrawRotation(const CameraOptions& o, Random& random) {
  const Vector3d dorsal = Vector3d::UnitY(), fingers = -Vector3d::UnitZ();
  double left = random.Uniform() * (o.sphere + o.egocentric + o.tabletop + o.frontal);
  if ((left -= o.sphere) < 0) return AnyRotation(random);
  if ((left -= o.egocentric) < 0) {
    // The eyes lie behind the wrist; the forearm comes from below, the hand turns in any way a
    // forearm lets it, so back, edge or palm faces the eyes.
    const double turn = random.Uniform(-100, 100) * kDegree;
    const Vector3d facing = Eigen::AngleAxisd(turn, fingers) * dorsal;
    const double rise = random.Uniform(10, 75) * kDegree;
    const Vector3d from = std::sin(rise) * facing - std::cos(rise) * fingers;
    return LookFrom(from, fingers + 0.3 * facing, random.Normal(0, 25) * kDegree);
  }
  if ((left -= o.tabletop) < 0) {
    const Vector3d side = random.Chance(0.7) ? dorsal : Vector3d(-dorsal);
    return LookFrom(NearDirection(side, 40, random), fingers, random.Uniform(-M_PI, M_PI));
  }
  const Vector3d side = random.Chance(o.frontal_back) ? dorsal : Vector3d(-dorsal);
  return LookFrom(
      NearDirection(side, o.frontal_deg, random), fingers, random.Normal(0, 20) * kDegree);
}

}  // namespace

Eigen::Matrix3d AnyRotation(Random& random) {
  Eigen::Quaterniond q(random.Normal(), random.Normal(), random.Normal(), random.Normal());
  return q.normalized().toRotationMatrix();
}

SampledCamera SampleCamera(const Joints3& joints_in_hand,
                           int image_px,
                           const CameraOptions& options,
                           Random& random) {
  SampledCamera out;
  out.cam_from_hand.rotation = DrawRotation(options, random);
  const Joints3 turned = joints_in_hand * out.cam_from_hand.rotation.transpose();
  const Vector3d centre =
      0.5 * (turned.colwise().maxCoeff() + turned.colwise().minCoeff()).transpose();
  const double distance_mm = random.Uniform(options.nearest_mm, options.furthest_mm);
  const double fill = random.Uniform(options.smallest_fill, options.largest_fill);
  const double shift_x = random.TruncatedNormal(0, options.off_centre, 2);
  const double shift_y = random.TruncatedNormal(0, options.off_centre, 2);

  out.cam_from_hand.translation = Vector3d(0, 0, distance_mm) - centre;
  const Joints3 joints_in_cam = out.cam_from_hand.Apply(joints_in_hand);
  const Eigen::Array<double, kNumJoints, 2> slope =
      joints_in_cam.leftCols<2>().array().colwise() / joints_in_cam.col(2).array();
  const double extent = (slope.colwise().maxCoeff() - slope.colwise().minCoeff()).maxCoeff();
  out.camera = PinholeCamera::Centred(image_px, fill * image_px / extent);

  const double mm_per_side = distance_mm * image_px / out.camera.fx;
  out.cam_from_hand.translation += Vector3d(shift_x, shift_y, 0) * mm_per_side;
  return out;
}

}  // namespace handforge
