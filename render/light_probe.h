#pragma once

#include "io/core/image.h"

#include <vector>

#include <Eigen/Core>

namespace handforge {

// Distant light from all directions for importance sampling: radiance constant on the cells of an
// octahedral map (Praun and Hoppe, Spherical parametrization and remeshing, SIGGRAPH 2003), so that
// looking a direction up needs no trigonometry and the density is proportional to luminance.
class LightProbe {
 public:
  static constexpr int kSide = 64;

  // `equirectangular` {H, W, 3}: linear, finite and not negative, +y up (see Environment).
  static LightProbe FromEquirectangular(const ImageF32& equirectangular);

  Eigen::Vector3f Radiance(const Eigen::Vector3f& direction) const;  // unit direction
  // Density of `Draw` per steradian.
  float Density(const Eigen::Vector3f& direction) const;

  struct Sample {
    Eigen::Vector3f direction;  // unit, towards the light
    Eigen::Vector3f radiance;
    float density;  // per steradian, > 0
  };
  // `u` in [0, 1)^2; near points give near directions.
  Sample Draw(const Eigen::Vector2f& u) const;

 private:
  std::vector<Eigen::Vector3f> radiance_;  // {kSide, kSide}
  std::vector<float> density_;             // on the unit square, mean 1
  std::vector<float> rows_;                // kSide + 1, cumulative
  std::vector<float> columns_;             // {kSide, kSide + 1}, cumulative within the row
};

// Octahedral map: unit direction <-> [0, 1]^2.
Eigen::Vector2f OctahedralPoint(const Eigen::Vector3f& direction);
Eigen::Vector3f OctahedralDirection(const Eigen::Vector2f& point);

}  // namespace handforge
