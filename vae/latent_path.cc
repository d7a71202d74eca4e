#include "vae/latent_path.h"

#include "io/core/error.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace handforge {
namespace {

constexpr double kSameDirection = 1e-4;  // sine of the angle below which a line is as good

double Dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t d = 0; d < a.size(); ++d) sum += static_cast<double>(a[d]) * b[d];
  return sum;
}

}  // namespace

std::vector<float> Slerp(const std::vector<float>& from, const std::vector<float>& to, double t) {
  const double length_from = std::sqrt(Dot(from, from));
  const double length_to = std::sqrt(Dot(to, to));
  double weight_from = 1 - t;
  double weight_to = t;
  if (length_from > 0 && length_to > 0) {
    const double cosine = std::clamp(Dot(from, to) / (length_from * length_to), -1.0, 1.0);
    const double angle = std::acos(cosine);
    if (std::sin(angle) > kSameDirection) {
      const double length = (1 - t) * length_from + t * length_to;
      weight_from = length * std::sin((1 - t) * angle) / (std::sin(angle) * length_from);
      weight_to = length * std::sin(t * angle) / (std::sin(angle) * length_to);
    }
  }
  std::vector<float> code(from.size());
  for (size_t d = 0; d < code.size(); ++d) {
    code[d] = static_cast<float>(weight_from * from[d] + weight_to * to[d]);
  }
  return code;
}

std::vector<std::vector<float>> LatentPath(const std::vector<std::vector<float>>& waypoints,
                                           int frames_per_leg) {
  if (waypoints.size() < 2) {
    throw UsageError("a walk needs at least two waypoints, got " +
                     std::to_string(waypoints.size()));
  }
  std::vector<std::vector<float>> path;
  for (size_t leg = 0; leg + 1 < waypoints.size(); ++leg) {
    for (int i = 0; i < frames_per_leg; ++i) {
      path.push_back(
          Slerp(waypoints[leg], waypoints[leg + 1], static_cast<double>(i) / frames_per_leg));
    }
  }
  path.push_back(waypoints.back());
  return path;
}

}  // namespace handforge
