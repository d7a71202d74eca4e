#include "render/object_paint.h"

#include <array>
#include <cmath>
#include <cstdint>

namespace handforge {
namespace {

using Eigen::Vector3f;

Vector3f DrawColour(Random& random) {
  const auto grey = static_cast<float>(std::pow(random.Uniform(0.1, 0.95), 2.2));
  Vector3f colour;
  for (int c = 0; c < 3; ++c) {
    colour[c] = static_cast<float>(std::pow(random.Uniform(0.05, 0.95), 2.2));
  }
  const auto saturation = static_cast<float>(random.Uniform());
  return saturation * colour + (1 - saturation) * Vector3f::Constant(grey);
}

// In [0, 1): a hash of a cell.
float CellValue(const Eigen::Array3i& cell) {
  uint32_t h = 0;
  for (int i = 0; i < 3; ++i) {
    h = (h ^ static_cast<uint32_t>(cell[i])) * 0x9e3779b1u;
    h ^= h >> 15;
  }
  return static_cast<float>(h >> 8) / static_cast<float>(1u << 24);
}

// Value noise: values of the cells' corners, blended smoothly.
float Noise(const Vector3f& x) {
  const Eigen::Array3f base = x.array().floor();
  const Eigen::Array3i cell = base.cast<int>();
  Eigen::Array3f t = x.array() - base;
  t = t * t * (3 - 2 * t);
  float sum = 0;
  for (int corner = 0; corner < 8; ++corner) {
    const Eigen::Array3i step(corner & 1, corner >> 1 & 1, corner >> 2);
    const Eigen::Array3f weight = (step == 1).select(t, 1 - t);
    sum += weight.prod() * CellValue(cell + step);
  }
  return sum;
}

}  // namespace

Vector3f ObjectPaint::At(const Vector3f& x_in_object_mm) const {
  const Vector3f x = x_in_object_mm / period_mm;
  // Off the faces of boxes, which lie at simple fractions of their sides.
  const Eigen::Array3i half = (2 * x.array() + 0.237f).floor().cast<int>();
  switch (pattern) {
    case Pattern::kPlain:
      return colour;
    case Pattern::kStripes:
      return (half.x() & 1) == 0 ? colour : second;
    case Pattern::kChecks:
      return (half.sum() & 1) == 0 ? colour : second;
    case Pattern::kPatches: {
      const float share = Noise(2 * x);
      return share * colour + (1 - share) * second;
    }
  }
  return colour;
}

Vector3f ObjectPaint::Mean() const {
  return pattern == Pattern::kPlain ? colour : (colour + second) / 2;
}

ObjectPaint DrawPaint(Random& random) {
  constexpr std::array<ObjectPaint::Pattern, 6> kPatterns = {ObjectPaint::Pattern::kPlain,
                                                             ObjectPaint::Pattern::kPlain,
                                                             ObjectPaint::Pattern::kPlain,
                                                             ObjectPaint::Pattern::kStripes,
                                                             ObjectPaint::Pattern::kChecks,
                                                             ObjectPaint::Pattern::kPatches};
  constexpr double kFinestMm = 4, kCoarsestMm = 80;
  ObjectPaint paint;
  paint.colour = DrawColour(random);
  paint.pattern = kPatterns[random.Integer(static_cast<int64_t>(kPatterns.size()))];
  paint.second = DrawColour(random);
  paint.period_mm =
      static_cast<float>(kFinestMm * std::pow(kCoarsestMm / kFinestMm, random.Uniform()));
  return paint;
}

}  // namespace handforge
