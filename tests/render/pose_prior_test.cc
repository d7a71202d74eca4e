#include "render/pose_prior.h"

#include "render/collision.h"
#include "tests/render/render_testing.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <gtest/gtest.h>

namespace handforge {
namespace {

constexpr uint64_t kSeed = 41;
constexpr int kDraws = 10000;

SampledPose Draw(const PosePriorOptions& options, uint64_t index, uint32_t attempt = 0) {
  Random random(kSeed, index, attempt, Purpose::kPose);
  return SamplePose(TestGestures(), options, random);
}

HandShape DrawShape(uint64_t index, const ShapeOptions& options = {}) {
  Random random(kSeed, index, 0, Purpose::kShape);
  return SampleShape(TestRig(), options, random);
}

PosePriorOptions Quiet() {
  PosePriorOptions options;
  options.free = options.between = options.mixed = 0;
  options.noise_deg = options.wrist_deg = 0;
  return options;
}

double PenetrationMm(const HandShape& shape, const HandAngles& angles) {
  return SelfPenetrationMm(TestRig(), ForwardKinematics(TestRig(), shape, angles));
}

TEST(SamplePose, IsAFunctionOfTheCounters) {
  for (uint64_t i = 0; i < 200; ++i) {
    EXPECT_EQ(Draw({}, i).angles_deg, Draw({}, i).angles_deg);
    EXPECT_NE(Draw({}, i).angles_deg, Draw({}, i, 1).angles_deg);
    EXPECT_NE(Draw({}, i).angles_deg, Draw({}, i + 1).angles_deg);
  }
}

TEST(SamplePose, StaysWithinTheLimits) {
  for (int i = 0; i < kDraws; ++i) {
    int worst = 0;
    EXPECT_EQ(LimitViolation(Draw({}, i).angles_deg, &worst), 0) << AngleLimits()[worst].name;
  }
}

TEST(SamplePose, WithoutNoiseGivesTheGestures) {
  std::map<int, int> count;
  for (int i = 0; i < kDraws; ++i) {
    const SampledPose pose = Draw(Quiet(), i);
    ASSERT_GE(pose.gesture, 0);
    for (int a = 0; a < kNumAngles; ++a) {
      ASSERT_EQ(pose.angles_deg[a], TestGestures()[pose.gesture].angles_deg[a]);
    }
    ++count[pose.gesture];
  }
  // As often as their weights say, within five standard deviations.
  double total = 0;
  for (const Gesture& gesture : TestGestures()) total += gesture.weight;
  for (size_t g = 0; g < TestGestures().size(); ++g) {
    const double p = TestGestures()[g].weight / total;
    EXPECT_NEAR(count[static_cast<int>(g)], kDraws * p, 5 * std::sqrt(kDraws * p * (1 - p)))
        << TestGestures()[g].name;
  }
}

TEST(SamplePose, ThumbTwistFollowsItsSwing) {
  for (int i = 0; i < 2000; ++i) {
    const HandAngles angles = Draw({}, i).angles_deg;
    const double usual = UsualThumbTwist(angles[kThumbCmcFlexion], angles[kThumbCmcAbduction]);
    EXPECT_NEAR(angles[kThumbCmcTwist], usual, 15) << "clamping may add a little to the play of 12";
  }
}

TEST(SamplePose, NeverDrawsAGestureOfWeightZero) {
  std::vector<Gesture> gestures(TestGestures().begin(), TestGestures().begin() + 3);
  gestures[0].weight = gestures[2].weight = 0;
  for (int i = 0; i < 1000; ++i) {
    Random random(kSeed, i, 0, Purpose::kPose);
    EXPECT_EQ(SamplePose(gestures, Quiet(), random).gesture, 1);
  }
}

TEST(SamplePose, ReachesBetweenTwoGestures) {
  std::vector<Gesture> gestures(2);
  gestures[0].angles_deg[kThumbMcpFlexion] = 10;
  gestures[1].angles_deg[kThumbMcpFlexion] = 50;
  gestures[1].angles_deg[FingerAngle(kRing, kPipFlexion)] = 80;
  PosePriorOptions options = Quiet();
  options.between = 1;
  int inside = 0;
  for (int i = 0; i < 2000; ++i) {
    Random random(kSeed, i, 0, Purpose::kPose);
    const SampledPose pose = SamplePose(gestures, options, random);
    const double t = (pose.angles_deg[kThumbMcpFlexion] - 10) / 40;
    EXPECT_NEAR(pose.angles_deg[FingerAngle(kRing, kPipFlexion)], 80 * t, 1e-9);
    if (t <= 0 || t >= 1) continue;
    ++inside;
    EXPECT_EQ(pose.gesture, t > 0.5 ? 1 : 0) << "not the nearer one at " << t;
  }
  EXPECT_NEAR(inside / 2000.0, 0.5, 0.06);  // else both draws gave the same gesture
}

// Mixed: every angle lies between the two gestures, as far as the others of its digit, while the
// digits differ.
TEST(SamplePose, MixesTheDigitsOfTwoGestures) {
  std::vector<Gesture> gestures(2);
  for (int a = 0; a < kWristFlexion; ++a) gestures[1].angles_deg[a] = 5 + a % 3;
  PosePriorOptions options = Quiet();
  options.between = options.mixed = 1;
  int mixed = 0;
  for (int i = 0; i < 2000; ++i) {
    Random random(kSeed, i, 0, Purpose::kPose);
    const SampledPose pose = SamplePose(gestures, options, random);
    const auto way = [&](int angle) { return pose.angles_deg[angle] / (5 + angle % 3); };
    for (int finger = kIndex; finger <= kLittle; ++finger) {
      for (int kind : {kMcpAbduction, kPipFlexion, kDipFlexion}) {
        EXPECT_NEAR(way(FingerAngle(finger, kind)), way(FingerAngle(finger, kMcpFlexion)), 1e-9);
      }
      EXPECT_GE(way(FingerAngle(finger, kMcpFlexion)), 0);
      EXPECT_LE(way(FingerAngle(finger, kMcpFlexion)), 1);
    }
    EXPECT_NEAR(way(kRingCup), way(FingerAngle(kRing, kMcpFlexion)), 1e-9);
    EXPECT_NEAR(way(kLittleCup), way(FingerAngle(kLittle, kMcpFlexion)), 1e-9);
    const double first = way(FingerAngle(kIndex, kMcpFlexion));
    mixed += std::abs(way(kThumbMcpFlexion) - first) > 1e-3 &&
             std::abs(way(FingerAngle(kMiddle, kMcpFlexion)) - first) > 1e-3;
  }
  EXPECT_NEAR(mixed / 2000.0, 0.5, 0.06);  // else both draws gave the same gesture
}

// Draped: all fingers give the same flexion from PIP to MCP, those that have less give what they
// have; nothing else moves.
TEST(SamplePose, DrapedFingersBendAtTheKnucklesInstead) {
  std::vector<Gesture> gestures(1);
  HandAngles& gesture = gestures[0].angles_deg;
  for (int finger = kIndex; finger <= kLittle; ++finger) {
    gesture[FingerAngle(finger, kMcpFlexion)] = 10;
    gesture[FingerAngle(finger, kPipFlexion)] = finger == kIndex ? 20 : 60;
    gesture[FingerAngle(finger, kDipFlexion)] = finger == kIndex ? 14 : 40;
  }
  PosePriorOptions options = Quiet();
  options.draped = 0.5;
  int draped = 0, to_the_last_degree = 0;
  for (int i = 0; i < 2000; ++i) {
    Random random(kSeed, i, 0, Purpose::kPose);
    HandAngles pose = SamplePose(gestures, options, random).angles_deg;
    const double moved = pose[FingerAngle(kMiddle, kMcpFlexion)] - 10;
    EXPECT_GE(moved, 0);
    EXPECT_LE(moved, 60);
    draped += moved > 0;
    to_the_last_degree += moved > 54;
    for (int finger = kIndex; finger <= kLittle; ++finger) {
      const double own = finger == kIndex ? std::min(moved, 20.0) : moved;
      EXPECT_NEAR(pose[FingerAngle(finger, kMcpFlexion)], 10 + own, 1e-9);
      pose[FingerAngle(finger, kMcpFlexion)] -= own;
      pose[FingerAngle(finger, kPipFlexion)] += own;
      pose[FingerAngle(finger, kDipFlexion)] += 2.0 / 3 * own;
    }
    for (int a = kFirstFingerAngle; a < kNumAngles; ++a) EXPECT_NEAR(pose[a], gesture[a], 1e-9);
  }
  EXPECT_NEAR(draped / 2000.0, 0.5, 0.05);
  EXPECT_NEAR(to_the_last_degree / 2000.0, 0.05, 0.03);
}

TEST(SamplePose, BendsNoMoreFingersThanAllowed) {
  PosePriorOptions options;
  for (int allowed : {0, 1, 4}) {
    options.bent_fingers = allowed;
    int most = 0;
    for (int i = 0; i < kDraws; ++i) {
      most = std::max(most, BentFingers(Draw(options, i).angles_deg));
    }
    EXPECT_EQ(most, allowed);
  }
}

TEST(SamplePose, TakesTheLeastBentWhereAllAreFists) {
  PosePriorOptions options = Quiet();
  options.bent_fingers = 0;
  Random random(1, 0, 0, Purpose::kPose);
  Gesture fist;
  fist.name = "fist";
  for (int finger = kIndex; finger <= kLittle; ++finger) {
    fist.angles_deg[FingerAngle(finger, kMcpFlexion)] = 80;
    fist.angles_deg[FingerAngle(finger, kPipFlexion)] = 90;
  }
  EXPECT_EQ(BentFingers(SamplePose({fist}, options, random).angles_deg), 4);
}

TEST(SamplePose, DrawsFreePosesAsOftenAsAsked) {
  PosePriorOptions options;
  options.free = 0.3;
  int free = 0;
  for (int i = 0; i < kDraws; ++i) free += Draw(options, i).gesture < 0;
  EXPECT_NEAR(free / double{kDraws}, 0.3, 0.025);
}

TEST(SamplePose, FreePosesCoverTheRanges) {
  PosePriorOptions options;
  options.free = 1;
  HandAngles low, high;
  low.fill(1e9);
  high.fill(-1e9);
  for (int i = 0; i < kDraws; ++i) {
    const SampledPose pose = Draw(options, i);
    for (int a = 0; a < kNumAngles; ++a) {
      low[a] = std::min(low[a], pose.angles_deg[a]);
      high[a] = std::max(high[a], pose.angles_deg[a]);
    }
  }
  for (int a = 0; a < kNumAngles; ++a) {
    // The palm cups less in free poses than it can.
    const double share = a == kRingCup || a == kLittleCup ? 0.5 : 0.7;
    const double range = AngleLimits()[a].high_deg - AngleLimits()[a].low_deg;
    EXPECT_GT(high[a] - low[a], share * range) << AngleLimits()[a].name;
  }
}

TEST(SettlePose, LeavesPosesThatDoNotCollideAlone) {
  for (int i = 0; i < 500; ++i) {
    const HandShape shape = DrawShape(i);
    HandAngles angles = Draw({}, i).angles_deg;
    const HandAngles before = angles;
    const double depth = PenetrationMm(shape, angles);
    if (depth > 3) continue;
    EXPECT_EQ(SettlePose(TestRig(), shape, 3, &angles), depth);
    EXPECT_EQ(angles, before);
  }
}

TEST(SettlePose, PartsWhatCollides) {
  constexpr double kLimitMm = 3;
  int colliding = 0, refused = 0;
  std::vector<double> moved_deg;
  for (int i = 0; i < 1500; ++i) {
    const HandShape shape = DrawShape(i);
    HandAngles angles = Draw({}, i).angles_deg;
    const HandAngles before = angles;
    if (PenetrationMm(shape, angles) <= kLimitMm) continue;
    ++colliding;
    const double left = SettlePose(TestRig(), shape, kLimitMm, &angles);
    EXPECT_EQ(left, PenetrationMm(shape, angles));
    EXPECT_EQ(LimitViolation(angles, nullptr), 0);
    EXPECT_EQ(angles[kWristFlexion], before[kWristFlexion]);
    EXPECT_EQ(angles[kWristDeviation], before[kWristDeviation]);
    if (left > kLimitMm) {
      ++refused;
      continue;
    }
    double most = 0;
    for (int a = 0; a < kNumAngles; ++a) most = std::max(most, std::abs(angles[a] - before[a]));
    moved_deg.push_back(most);
  }
  ASSERT_GT(colliding, 300);
  EXPECT_LT(refused, 0.06 * colliding);
  std::sort(moved_deg.begin(), moved_deg.end());
  EXPECT_LT(moved_deg[moved_deg.size() / 2], 9) << "a touch should suffice";
}

TEST(SettlePose, RepeatsToTheBit) {
  for (int i = 0; i < 100; ++i) {
    HandAngles a = Draw({}, i).angles_deg, b = a;
    SettlePose(TestRig(), DrawShape(i), 2, &a);
    SettlePose(TestRig(), DrawShape(i), 2, &b);
    EXPECT_EQ(a, b);
  }
}

// What the prior is worth to a data set: few draws are lost, and closed hands are not lost more
// often than open ones.
TEST(PosePrior, RefusesFewPosesOfAnyGesture) {
  const PosePriorOptions options;
  int colliding = 0, refused = 0;
  std::map<int, std::pair<int, int>> by_gesture;
  for (int i = 0; i < kDraws; ++i) {
    const HandShape shape = DrawShape(i);
    SampledPose pose = Draw(options, i);
    colliding += PenetrationMm(shape, pose.angles_deg) > options.max_penetration_mm;
    const bool lost = SettlePose(TestRig(), shape, options.max_penetration_mm, &pose.angles_deg) >
                      options.max_penetration_mm;
    refused += lost;
    by_gesture[pose.gesture].first += lost;
    by_gesture[pose.gesture].second += 1;
  }
  RecordProperty("colliding", colliding);
  RecordProperty("refused", refused);
  EXPECT_LT(colliding, 0.5 * kDraws);
  EXPECT_LT(refused, 0.03 * kDraws);
  for (const auto& [gesture, count] : by_gesture) {
    EXPECT_LT(count.first, 0.25 * count.second + 3)
        << (gesture < 0 ? "free" : TestGestures()[gesture].name);
  }
}

TEST(SampleShape, IsAFunctionOfTheCounters) {
  for (uint64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(DrawShape(i).segment_length, DrawShape(i).segment_length);
    EXPECT_NE(DrawShape(i).girth, DrawShape(i + 1).girth);
  }
}

TEST(SampleShape, VariesEachProportionAsFarAsToldAndNoOther) {
  ShapeOptions still;
  still.palm_length = still.finger_length = still.segment_length = still.girth = 0;
  const auto thumb_girth = [](const HandShape& s) { return s.segment_girth[kThumb][1]; };
  const auto index_length = [](const HandShape& s) {
    return s.segment_length[kIndex][0] / s.palm_length;
  };
  const auto girth = [](const HandShape& s) { return s.girth / s.palm_breadth; };
  const auto deviation = [](const ShapeOptions& options, const auto& of) {
    constexpr int kShapes = 4000;
    double sum = 0, squares = 0;
    for (int i = 0; i < kShapes; ++i) {
      const double x = of(DrawShape(static_cast<uint64_t>(i), options));
      sum += x;
      squares += x * x;
      EXPECT_LT(std::abs(x - 1), 2 * 0.1 + 1e-9);
    }
    EXPECT_NEAR(sum / kShapes, 1, 0.006);
    return std::sqrt(std::max(0.0, squares / kShapes - std::pow(sum / kShapes, 2)));
  };
  // A normal cut off at twice its deviation keeps 0.880 of it.
  constexpr double kKept = 0.880;
  for (double ShapeOptions::*field : {&ShapeOptions::palm_length,
                                      &ShapeOptions::finger_length,
                                      &ShapeOptions::segment_length,
                                      &ShapeOptions::girth,
                                      &ShapeOptions::finger_girth,
                                      &ShapeOptions::segment_girth}) {
    ShapeOptions options = still;
    options.*field = 0.1;
    const auto expected = [&](bool varies) { return varies ? 0.1 * kKept : 0; };
    const bool of_girth =
        field == &ShapeOptions::finger_girth || field == &ShapeOptions::segment_girth;
    const bool of_length =
        field == &ShapeOptions::finger_length || field == &ShapeOptions::segment_length;
    EXPECT_NEAR(deviation(options, girth), expected(field == &ShapeOptions::girth), 0.004);
    EXPECT_NEAR(deviation(options, thumb_girth), expected(of_girth), 0.004);
    if (field != &ShapeOptions::palm_length) {
      EXPECT_NEAR(deviation(options, index_length), expected(of_length), 0.004);
    }
  }
}

TEST(SampleShape, GivesHandsOfAdults) {
  constexpr int kShapes = 4000;
  double sum = 0, squares = 0;
  for (int i = 0; i < kShapes; ++i) {
    const HandShape shape = DrawShape(i);
    const Joints3 joints = JointsOf(TestRig(), ForwardKinematics(TestRig(), shape, HandAngles{}));
    double length = 0;
    for (const auto& [a, b] : {std::pair<int, int>{kWrist, kMiddleMcp},
                               {kMiddleMcp, kMiddlePip},
                               {kMiddlePip, kMiddleDip},
                               {kMiddleDip, kMiddleTip}}) {
      length += (joints.row(a) - joints.row(b)).norm();
    }
    const double rest = TestRig().rest_hand_length_mm;
    // Palm and finger scaled by their own factors: compare in units of the rig's hand.
    const Joints3 rest_joints =
        JointsOf(TestRig(), ForwardKinematics(TestRig(), HandShape(), HandAngles{}));
    double rest_length = (rest_joints.row(kWrist) - rest_joints.row(kMiddleMcp)).norm();
    for (int level = 0; level < 3; ++level) {
      rest_length +=
          (rest_joints.row(kMiddleMcp + level) - rest_joints.row(kMiddleMcp + level + 1)).norm();
    }
    const double hand_mm = length / rest_length * rest;
    EXPECT_GT(hand_mm, 140);
    EXPECT_LT(hand_mm, 240);
    sum += hand_mm;
    squares += hand_mm * hand_mm;
    EXPECT_GT(shape.palm_breadth / shape.palm_length, 0.75);
    EXPECT_LT(shape.palm_breadth / shape.palm_length, 1.35);
    EXPECT_NEAR(shape.girth / shape.palm_breadth, 1, 0.09);
  }
  // 1988 U.S. Army: men 193.8 +- 9.8, women 180.5 +- 9.7, half each: 187.2 +- 11.8.
  const double mean = sum / kShapes;
  EXPECT_NEAR(mean, 187.2, 2);
  EXPECT_NEAR(std::sqrt(squares / kShapes - mean * mean), 11.8, 2);
}

}  // namespace
}  // namespace handforge
