#include "synth/translation.h"

#include "io/core/random.h"

#include <gtest/gtest.h>

namespace handforge {
namespace {

struct Case {
  Joints3 joints_mm;
  Eigen::Vector3d translation_mm;
  PinholeCamera camera;
  Joints2 joints_px;
};

Case DrawCase(uint64_t index, double noise_px) {
  Random random(3, index, 0, Purpose::kTest);
  Case c;
  for (int j = 0; j < kNumJoints; ++j) {
    for (int i = 0; i < 3; ++i) c.joints_mm(j, i) = random.Uniform(-90, 90);
  }
  c.translation_mm = {random.Uniform(-60, 60), random.Uniform(-60, 60), random.Uniform(250, 900)};
  c.camera = PinholeCamera::Centred(256, random.Uniform(300, 1500));
  c.camera.fy *= 1.1;
  const Joints3 moved = c.joints_mm.rowwise() + c.translation_mm.transpose();
  c.joints_px = c.camera.Project(moved);
  for (int j = 0; j < kNumJoints; ++j) {
    for (int i = 0; i < 2; ++i) c.joints_px(j, i) += random.Normal(0, noise_px);
  }
  return c;
}

TEST(SolveTranslation, IsExactWithoutNoise) {
  for (uint64_t i = 0; i < 1000; ++i) {
    const Case c = DrawCase(i, 0);
    const Placement p = SolveTranslation(c.joints_mm, c.joints_px, c.camera);
    ASSERT_TRUE(p.in_front);
    ASSERT_LE((p.translation_mm - c.translation_mm).norm(), 1e-5) << i;
    ASSERT_LE(p.residual_px, 1e-6);
  }
}

TEST(SolveTranslation, IsAMinimumOfTheReprojectionError) {
  for (uint64_t i = 0; i < 300; ++i) {
    const Case c = DrawCase(i, 3);
    const Placement p = SolveTranslation(c.joints_mm, c.joints_px, c.camera);
    ASSERT_TRUE(p.in_front);
    for (int axis = 0; axis < 3; ++axis) {
      for (double step : {-0.5, 0.5}) {
        Eigen::Vector3d t = p.translation_mm;
        t[axis] += step;
        const Joints3 moved = c.joints_mm.rowwise() + t.transpose();
        const double rms =
            std::sqrt((c.camera.Project(moved) - c.joints_px).squaredNorm() / kNumJoints);
        ASSERT_GE(rms, p.residual_px - 1e-9) << "seed " << i << ", axis " << axis;
      }
    }
    EXPECT_NEAR(p.residual_px, 3 * std::sqrt(2.0), 1.8);
  }
}

TEST(SolveTranslation, SaysWhenNoPlaceInFrontFits) {
  const Case c = DrawCase(1, 0);
  // Upside down and mirrored pixels ask for a hand behind the camera.
  const Joints2 turned = (255 - c.joints_px.array()).matrix();
  EXPECT_FALSE(SolveTranslation(c.joints_mm, turned, c.camera).in_front &&
               SolveTranslation(c.joints_mm, turned, c.camera).residual_px < 5);
}

TEST(MovedTowardsPixels, GoesTheShareOfTheWayAtTheSameDepth) {
  for (uint64_t i = 0; i < 300; ++i) {
    const Case c = DrawCase(i, 5);
    const Eigen::Vector3d t = SolveTranslation(c.joints_mm, c.joints_px, c.camera).translation_mm;
    const Joints3 before = c.joints_mm.rowwise() + t.transpose();
    const Joints2 error_px = c.joints_px - c.camera.Project(before);
    for (const double share : {0.0, 0.3, 1.0}) {
      const Joints3 after =
          MovedTowardsPixels(c.joints_mm, c.joints_px, c.camera, share).rowwise() + t.transpose();
      EXPECT_LT((after.col(2) - before.col(2)).cwiseAbs().maxCoeff(), 1e-9);
      const Joints2 moved_px = c.camera.Project(after) - c.camera.Project(before);
      ASSERT_LT((moved_px - share * error_px).cwiseAbs().maxCoeff(), 1e-6) << i;
    }
  }
}

TEST(MovedTowardsPixels, LeavesJointsThatNoPlaceInFrontExplains) {
  int behind = 0;
  for (uint64_t i = 0; i < 50; ++i) {
    Case c = DrawCase(i, 0);
    c.joints_px = Joints2::Constant(512) - c.joints_px;  // turned by half a turn
    if (SolveTranslation(c.joints_mm, c.joints_px, c.camera).in_front) continue;
    ++behind;
    EXPECT_EQ(MovedTowardsPixels(c.joints_mm, c.joints_px, c.camera, 1), c.joints_mm);
  }
  EXPECT_GT(behind, 0);
}

}  // namespace
}  // namespace handforge
