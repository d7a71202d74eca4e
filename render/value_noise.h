#pragma once

#include <Eigen/Core>

namespace handforge {

// Value noise in [0, 1): values of the corners of unit cells, blended smoothly (Perlin's cubic).
// The same everywhere and on every run; mean 0.5, deviation 0.18.
float ValueNoise(const Eigen::Vector3f& x);

}  // namespace handforge
