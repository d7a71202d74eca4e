#include "render/object_paint.h"

#include "render/value_noise.h"

#include <array>
#include <cmath>

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
      const float share = ValueNoise(2 * x);
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
