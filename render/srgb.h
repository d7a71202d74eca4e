#pragma once

#include <cmath>
#include <cstdint>

#include <Eigen/Core>

namespace handforge {

// sRGB, IEC 61966-2-1.

// 0..1 of a stored value.
inline float LinearFromSrgb(uint8_t value) {
  const float s = static_cast<float>(value) / 255;
  return s <= 0.04045f ? s / 12.92f : std::pow((s + 0.055f) / 1.055f, 2.4f);
}

// CIE Y of a linear colour.
inline float Luminance(const Eigen::Vector3f& c) {
  return 0.2126f * c.x() + 0.7152f * c.y() + 0.0722f * c.z();
}

}  // namespace handforge
