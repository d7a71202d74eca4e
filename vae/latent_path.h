#pragma once

#include <vector>

namespace handforge {

// Spherical interpolation of latent codes (Shoemake 1985): the direction moves along the great
// circle at even speed and the length linearly, so that no point between two samples of a Gaussian
// lies nearer to the origin than samples do. t in [0, 1]; codes of one size; where one is zero or
// both point the same way the straight line.
std::vector<float> Slerp(const std::vector<float>& from, const std::vector<float>& to, double t);

// `frames_per_leg` codes from each waypoint towards the next, then the last one. Throws UsageError
// for fewer than two waypoints.
std::vector<std::vector<float>> LatentPath(const std::vector<std::vector<float>>& waypoints,
                                           int frames_per_leg);

}  // namespace handforge
