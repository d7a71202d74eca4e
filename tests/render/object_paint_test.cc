#include "render/object_paint.h"

#include <set>

#include <gtest/gtest.h>

namespace handforge {
namespace {

using Eigen::Vector3f;

ObjectPaint BlackAndWhite(ObjectPaint::Pattern pattern) {
  ObjectPaint paint;
  paint.pattern = pattern;
  paint.colour = Vector3f::Zero();
  paint.second = Vector3f::Ones();
  paint.period_mm = 10;
  return paint;
}

Vector3f Somewhere(uint64_t i) {
  Random random(3, i, 0, Purpose::kTest);
  Vector3f x;
  for (int c = 0; c < 3; ++c) x[c] = static_cast<float>(random.Uniform(-200, 200));
  return x;
}

TEST(ObjectPaint, PatternsRepeatAndShowBothColoursAlike) {
  for (const auto pattern : {ObjectPaint::Pattern::kStripes, ObjectPaint::Pattern::kChecks}) {
    const ObjectPaint paint = BlackAndWhite(pattern);
    double sum = 0;
    constexpr int kPoints = 4000;
    for (uint64_t i = 0; i < kPoints; ++i) {
      const Vector3f x = Somewhere(i);
      sum += paint.At(x).x();
      EXPECT_NEAR(paint.At(x).x(), paint.At(x + Vector3f(10, 0, 0)).x(), 1e-6)
          << "unless on an edge: " << x.transpose();
      EXPECT_NE(paint.At(x), paint.At(x + Vector3f(5, 0, 0)));
    }
    EXPECT_NEAR(sum / kPoints, paint.Mean().x(), 0.03);
  }
}

TEST(ObjectPaint, PatchesBlendSmoothly) {
  const ObjectPaint paint = BlackAndWhite(ObjectPaint::Pattern::kPatches);
  double sum = 0, least = 1, most = 0;
  constexpr int kPoints = 4000;
  for (uint64_t i = 0; i < kPoints; ++i) {
    const Vector3f x = Somewhere(i);
    const double here = paint.At(x).x();
    EXPECT_NEAR(here, paint.At(x + Vector3f(0.01f, 0, 0)).x(), 0.01);
    sum += here;
    least = std::min(least, here);
    most = std::max(most, here);
  }
  EXPECT_NEAR(sum / kPoints, paint.Mean().x(), 0.03);
  EXPECT_LT(least, 0.1);
  EXPECT_GT(most, 0.9);
}

TEST(DrawPaint, DrawsReflectancesOfEveryPattern) {
  std::set<ObjectPaint::Pattern> patterns;
  for (uint64_t i = 0; i < 200; ++i) {
    Random random(4, i, 0, Purpose::kTest), again(4, i, 0, Purpose::kTest);
    const ObjectPaint paint = DrawPaint(random);
    patterns.insert(paint.pattern);
    for (const Vector3f& colour : {paint.colour, paint.second, paint.At(Somewhere(i))}) {
      EXPECT_GE(colour.minCoeff(), 0);
      EXPECT_LE(colour.maxCoeff(), 1);
    }
    EXPECT_GT(paint.period_mm, 0);
    EXPECT_EQ(DrawPaint(again).At(Somewhere(i)), paint.At(Somewhere(i)));
  }
  EXPECT_EQ(patterns.size(), 4u);
}

}  // namespace
}  // namespace handforge
