#include "io/core/joint_limits.h"

#include "io/core/random.h"

#include <set>

#include <gtest/gtest.h>

namespace handforge {
namespace {

TEST(AngleLimits, EveryAngleHasANameARangeAroundZeroAndASource) {
  std::set<std::string> names;
  for (const AngleLimit& limit : AngleLimits()) {
    EXPECT_FALSE(limit.name.empty());
    EXPECT_TRUE(names.insert(limit.name).second) << limit.name << " is there twice";
    EXPECT_LT(limit.low_deg, 0) << limit.name;
    EXPECT_GT(limit.high_deg, 0) << limit.name;
    EXPECT_LE(limit.high_deg - limit.low_deg, 180) << limit.name;
    EXPECT_FALSE(limit.source.empty()) << limit.name;
  }
}

TEST(AngleLimits, NamesFollowTheEnumeration) {
  EXPECT_EQ(AngleLimits()[kThumbCmcTwist].name, "thumb_cmc_twist");
  EXPECT_EQ(AngleLimits()[FingerAngle(kIndex, kMcpFlexion)].name, "index_mcp_flexion");
  EXPECT_EQ(AngleLimits()[FingerAngle(kLittle, kDipFlexion)].name, "little_dip_flexion");
  EXPECT_EQ(AngleLimits()[kRingCup].name, "ring_cup");
  EXPECT_EQ(AngleLimits()[kWristDeviation].name, "wrist_deviation");
  EXPECT_EQ(FingerAngle(kLittle, kDipFlexion) + 1, kRingCup);
}

TEST(AngleLimits, LongFingersMoveAlike) {
  for (int kind = kMcpFlexion; kind <= kDipFlexion; ++kind) {
    for (int finger = kMiddle; finger <= kLittle; ++finger) {
      EXPECT_EQ(AngleLimits()[FingerAngle(finger, kind)].high_deg,
                AngleLimits()[FingerAngle(kIndex, kind)].high_deg);
    }
  }
}

TEST(ClampToLimits, PutsEveryAngleInsideAndLeavesTheOthersAlone) {
  Random random(1, 0, 0, Purpose::kTest);
  for (int i = 0; i < 1000; ++i) {
    HandAngles angles;
    for (double& angle : angles) angle = random.Uniform(-200, 200);
    const HandAngles clamped = ClampToLimits(angles);
    EXPECT_EQ(LimitViolation(clamped, nullptr), 0);
    for (int a = 0; a < kNumAngles; ++a) {
      const AngleLimit& limit = AngleLimits()[a];
      if (angles[a] >= limit.low_deg && angles[a] <= limit.high_deg) {
        EXPECT_EQ(clamped[a], angles[a]);
      } else {
        EXPECT_EQ(clamped[a], angles[a] < limit.low_deg ? limit.low_deg : limit.high_deg);
      }
    }
    EXPECT_EQ(ClampToLimits(clamped), clamped);
  }
}

TEST(LimitViolation, NamesTheWorstAngle) {
  HandAngles angles{};
  int worst = -1;
  EXPECT_EQ(LimitViolation(angles, &worst), 0);
  EXPECT_EQ(worst, -1);
  const int pip = FingerAngle(kRing, kPipFlexion);
  angles[kWristFlexion] = AngleLimits()[kWristFlexion].low_deg - 4;
  angles[pip] = AngleLimits()[pip].high_deg + 7;
  EXPECT_DOUBLE_EQ(LimitViolation(angles, &worst), 7);
  EXPECT_EQ(worst, pip);
  EXPECT_DOUBLE_EQ(LimitViolation(angles, nullptr), 7);
}

}  // namespace
}  // namespace handforge
