#pragma once

#include <Eigen/Core>

namespace handforge {

// CIE Y of a linear sRGB colour (IEC 61966-2-1).
inline float Luminance(const Eigen::Vector3f& c) {
  return 0.2126f * c.x() + 0.7152f * c.y() + 0.0722f * c.z();
}

}  // namespace handforge
