#include "synth/nearest_hand.h"

#include "render/collision.h"
#include "tests/render/render_testing.h"

#include <cmath>

#include <gtest/gtest.h>

namespace handforge {
namespace {

constexpr int kHands = 200;

Joints3 Noisy(Joints3 joints, double deviation_mm, uint64_t index) {
  Random random(60, index, 0, Purpose::kTest);
  for (int j = 0; j < kNumJoints; ++j) {
    for (int c = 0; c < 3; ++c) joints(j, c) += random.Normal(0, deviation_mm);
  }
  return joints;
}

NearestHand Find(const Joints3& joints) {
  return FindNearestHand(TestRig(), joints, 0, 0, NearestHandOptions());
}

TEST(FindNearestHand, IsAlwaysAHand) {
  for (int i = 0; i < kHands; ++i) {
    const Joints3 target = Noisy(JointsOf(TestRig(), DrawHand(60, i).poses_in_cam), 8, i);
    const NearestHand hand = Find(target);
    const MeasuredHand measured = Measure(TestRig(), hand.poses);
    int worst = -1;
    EXPECT_LE(LimitViolation(measured.angles_deg, &worst), 1e-3)
        << i << ": " << (worst < 0 ? "" : AngleLimits()[worst].name);
    for (const auto& finger : measured.off_hinge_deg) {
      for (double angle : finger) EXPECT_NEAR(angle, 0, 1e-3) << i;
    }
    EXPECT_NEAR(hand.penetration_mm, SelfPenetrationMm(TestRig(), hand.poses), 1e-6) << i;
  }
}

TEST(FindNearestHand, LeavesRealHandsNearlyWhereTheyAre) {
  std::vector<double> rms_mm;
  for (int i = 0; i < kHands; ++i) {
    const RandomHand drawn = DrawHand(61, i);
    if (SelfPenetrationMm(TestRig(), drawn.poses_in_cam) > 4) continue;
    rms_mm.push_back(Find(JointsOf(TestRig(), drawn.poses_in_cam)).rms_mm);
  }
  std::sort(rms_mm.begin(), rms_mm.end());
  ASSERT_GT(rms_mm.size(), 50u);
  EXPECT_LE(rms_mm[rms_mm.size() / 2], 0.5);
  EXPECT_LE(rms_mm[rms_mm.size() * 95 / 100], 3);
}

TEST(FindNearestHand, RemovesNoise) {
  double before = 0, after = 0;
  for (int i = 0; i < kHands; ++i) {
    const Joints3 truth = JointsOf(TestRig(), DrawHand(62, i).poses_in_cam);
    const Joints3 noisy = Noisy(truth, 5, i);
    before += (noisy - truth).rowwise().norm().mean();
    after += (JointsOf(TestRig(), Find(noisy).poses) - truth).rowwise().norm().mean();
  }
  EXPECT_LT(after, 0.95 * before) << "mm: " << before / kHands << " before, " << after / kHands
                                  << " after";
}

TEST(FindNearestHand, MovesRigidlyWithItsTarget) {
  const Joints3 target = Noisy(JointsOf(TestRig(), DrawHand(63, 1).poses_in_cam), 4, 1);
  Random random(63, 0, 0, Purpose::kTest);
  const Rigid3 moved{RandomRotation(random), {30, -20, 100}};
  const Joints3 expected = moved.Apply(JointsOf(TestRig(), Find(target).poses));
  EXPECT_LE((JointsOf(TestRig(), Find(moved.Apply(target)).poses) - expected).cwiseAbs().maxCoeff(),
            1e-3);
}

}  // namespace
}  // namespace handforge
