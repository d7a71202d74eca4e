#pragma once

#include "io/core/skeleton.h"

#include <Eigen/Core>

namespace handforge {

// Pinhole camera without skew or distortion. Camera frame: x right, y down, z forward,
// right-handed, millimetres. Integer pixel coordinates are pixel centres, so an image of width W
// spans [-0.5, W - 0.5].
struct PinholeCamera {
  int width_px = 0;
  int height_px = 0;
  double fx = 0;
  double fy = 0;
  double cx = 0;
  double cy = 0;

  // Pixel of a point with z > 0.
  Eigen::Vector2d Project(const Eigen::Vector3d& x_in_cam) const;
  Joints2 Project(const Joints3& joints_in_cam) const;
  // Direction through a pixel with z = 1: the point at depth d is d * Ray(pixel).
  Eigen::Vector3d Ray(const Eigen::Vector2d& pixel_px) const;
  Eigen::Matrix3d K() const;
  bool Contains(const Eigen::Vector2d& pixel_px) const;

  // The same field of view on another pixel grid (half-pixel rule).
  PinholeCamera Resized(int new_width_px, int new_height_px) const;

  static PinholeCamera FromK(const Eigen::Matrix3d& K, int width_px, int height_px);
  // With every number rounded to single precision, as a shard stores K: what is rendered with it
  // can be rendered again from the shard to the same bytes.
  PinholeCamera RoundedToSingle() const;
  // Square image, principal point at its centre.
  static PinholeCamera Centred(int size_px, double focal_px);
};

// Maps a pixel coordinate between two grids that cover the same field of view:
// (x + 0.5) * to / from - 0.5.
double RescalePixel(double x_px, int from_size_px, int to_size_px);

// x_in_a = rotation * x_in_b + translation, for a Rigid3 named `a_from_b`.
struct Rigid3 {
  Eigen::Matrix3d rotation = Eigen::Matrix3d::Identity();
  Eigen::Vector3d translation = Eigen::Vector3d::Zero();

  Eigen::Vector3d operator*(const Eigen::Vector3d& x) const { return rotation * x + translation; }
  Rigid3 operator*(const Rigid3& other) const;
  Rigid3 Inverse() const;
  Joints3 Apply(const Joints3& joints) const;
};

}  // namespace handforge
