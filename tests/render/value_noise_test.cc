#include "render/value_noise.h"

#include "io/core/random.h"

#include <cmath>

#include <gtest/gtest.h>

namespace handforge {
namespace {

using Eigen::Vector3f;

Vector3f Somewhere(uint64_t i) {
  Random random(4, i, 0, Purpose::kTest);
  Vector3f x;
  for (int c = 0; c < 3; ++c) x[c] = static_cast<float>(random.Uniform(-300, 300));
  return x;
}

TEST(ValueNoise, IsSpreadOverItsRange) {
  double sum = 0, squares = 0, least = 1, most = 0;
  constexpr int kPoints = 40000;
  for (uint64_t i = 0; i < kPoints; ++i) {
    const double value = ValueNoise(Somewhere(i));
    least = std::min(least, value);
    most = std::max(most, value);
    sum += value;
    squares += value * value;
  }
  const double mean = sum / kPoints;
  EXPECT_GE(least, 0);
  EXPECT_LT(most, 1);
  EXPECT_NEAR(mean, 0.5, 0.01);
  // Trilinear weights smoothed by Perlin's cubic: the sum of their squares is (26/35)^3 on average,
  // the corners' variance 1/12.
  EXPECT_NEAR(squares / kPoints - mean * mean, std::pow(26.0 / 35, 3) / 12, 0.001);
}

TEST(ValueNoise, IsContinuousAcrossCells) {
  constexpr float kStep = 1e-3f;
  for (uint64_t i = 0; i < 2000; ++i) {
    Vector3f x = Somewhere(i);
    const auto axis = static_cast<int>(i % 3);
    x[axis] = std::round(x[axis]);
    Vector3f before = x;
    before[axis] -= kStep;
    EXPECT_NEAR(ValueNoise(before), ValueNoise(x), 1e-4) << x.transpose();
  }
}

}  // namespace
}  // namespace handforge
