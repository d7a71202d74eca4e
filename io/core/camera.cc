#include "io/core/camera.h"

namespace handforge {

Eigen::Vector2d PinholeCamera::Project(const Eigen::Vector3d& x_in_cam) const {
  return {fx * x_in_cam.x() / x_in_cam.z() + cx, fy * x_in_cam.y() / x_in_cam.z() + cy};
}

Joints2 PinholeCamera::Project(const Joints3& joints_in_cam) const {
  Joints2 joints_px;
  for (int j = 0; j < kNumJoints; ++j) {
    joints_px.row(j) = Project(Eigen::Vector3d(joints_in_cam.row(j).transpose())).transpose();
  }
  return joints_px;
}

Eigen::Vector3d PinholeCamera::Ray(const Eigen::Vector2d& pixel_px) const {
  return {(pixel_px.x() - cx) / fx, (pixel_px.y() - cy) / fy, 1.0};
}

Eigen::Matrix3d PinholeCamera::K() const {
  Eigen::Matrix3d K;
  K << fx, 0, cx, 0, fy, cy, 0, 0, 1;
  return K;
}

bool PinholeCamera::Contains(const Eigen::Vector2d& p) const {
  return p.x() >= -0.5 && p.y() >= -0.5 && p.x() < width_px - 0.5 && p.y() < height_px - 0.5;
}

PinholeCamera PinholeCamera::Resized(int new_width_px, int new_height_px) const {
  const double sx = static_cast<double>(new_width_px) / width_px;
  const double sy = static_cast<double>(new_height_px) / height_px;
  return {new_width_px,
          new_height_px,
          fx * sx,
          fy * sy,
          RescalePixel(cx, width_px, new_width_px),
          RescalePixel(cy, height_px, new_height_px)};
}

PinholeCamera PinholeCamera::FromK(const Eigen::Matrix3d& K, int width_px, int height_px) {
  return {width_px, height_px, K(0, 0), K(1, 1), K(0, 2), K(1, 2)};
}

PinholeCamera PinholeCamera::RoundedToSingle() const {
  const auto single = [](double x) { return static_cast<double>(static_cast<float>(x)); };
  return {width_px, height_px, single(fx), single(fy), single(cx), single(cy)};
}

PinholeCamera PinholeCamera::Centred(int size_px, double focal_px) {
  const double centre = 0.5 * size_px - 0.5;
  return {size_px, size_px, focal_px, focal_px, centre, centre};
}

double RescalePixel(double x_px, int from_size_px, int to_size_px) {
  return (x_px + 0.5) * to_size_px / from_size_px - 0.5;
}

Rigid3 Rigid3::operator*(const Rigid3& other) const {
  return {rotation * other.rotation, rotation * other.translation + translation};
}

Rigid3 Rigid3::Inverse() const {
  return {rotation.transpose(), -(rotation.transpose() * translation)};
}

Joints3 Rigid3::Apply(const Joints3& joints) const {
  return (joints * rotation.transpose()).rowwise() + translation.transpose();
}

}  // namespace handforge
