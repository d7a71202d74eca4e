#include "synth/plausibility.h"

#include "render/collision.h"
#include "tests/render/render_testing.h"

#include <map>

#include <gtest/gtest.h>

namespace handforge {
namespace {

std::string Judge(const Joints3& joints) {
  return ImplausibleBecause(TestRig(), FitRig(TestRig(), joints), PlausibilityOptions());
}

TEST(Plausibility, LetsRenderedHandsPass) {
  int rejected = 0, hands = 0;
  for (int i = 0; i < 2000; ++i) {
    const RandomHand hand = DrawHand(50, i);
    if (SelfPenetrationMm(TestRig(), hand.poses_in_cam) > PosePriorOptions().max_penetration_mm)
      continue;
    ++hands;
    rejected += !Judge(JointsOf(TestRig(), hand.poses_in_cam)).empty();
  }
  EXPECT_GT(hands, 500);
  EXPECT_LE(rejected, 0.02 * hands) << rejected << " of " << hands;
}

Joints3 OpenHand(const HandAngles& angles, const HandShape& shape = HandShape()) {
  return JointsOf(TestRig(), ForwardKinematics(TestRig(), shape, angles));
}

TEST(Plausibility, NamesAFingerBentBack) {
  HandAngles angles{};
  angles[FingerAngle(kMiddle, kPipFlexion)] = -60;
  EXPECT_EQ(Judge(OpenHand(angles)), "joint_limits");
}

TEST(Plausibility, NamesABoneOfWrongLength) {
  HandShape shape;
  shape.segment_length[kRing][1] = 2.2;
  EXPECT_EQ(Judge(OpenHand(HandAngles{}, shape)), "bone_lengths");
}

TEST(Plausibility, NamesAHingeBentSideways) {
  // The bent PIP fixes the finger's twist; the last bone then leaves its hinge by 45 degrees.
  HandAngles angles{};
  angles[FingerAngle(kIndex, kPipFlexion)] = 50;
  const BonePoses poses = ForwardKinematics(TestRig(), HandShape(), angles);
  Joints3 joints = JointsOf(TestRig(), poses);
  const Eigen::Vector3d dip = joints.row(kIndexDip),
                        dorsal = poses.rotation[SegmentBone(kIndex, 2)].col(1);
  const Eigen::Matrix3d turn = Eigen::AngleAxisd(M_PI / 4, dorsal).toRotationMatrix();
  joints.row(kIndexTip) = (dip + turn * (joints.row(kIndexTip).transpose() - dip)).transpose();
  EXPECT_EQ(Judge(joints), "off_hinge");
}

TEST(Plausibility, NamesFingersInsideEachOther) {
  HandAngles angles{};
  angles[FingerAngle(kIndex, kMcpAbduction)] = -25;
  angles[FingerAngle(kMiddle, kMcpAbduction)] = 25;
  EXPECT_EQ(Judge(OpenHand(angles)), "self_collision");
}

TEST(Plausibility, RejectsImpossibleHands) {
  std::map<std::string, int> reasons;
  int passed = 0;
  constexpr int kHands = 1500;
  for (int i = 0; i < kHands; ++i) {
    Random random(51, i, 0, Purpose::kTest);
    HandAngles angles = DrawHand(51, i).angles_deg;
    HandShape shape;
    const int finger = 1 + static_cast<int>(random.Integer(4));
    switch (i % 3) {
      case 0:  // bent back
        angles[FingerAngle(finger, random.Chance(0.5) ? kPipFlexion : kDipFlexion)] =
            random.Uniform(-90, -40);
        break;
      case 1:  // bones off
        shape.segment_length[finger][random.Integer(3)] =
            random.Chance(0.5) ? random.Uniform(0.2, 0.55) : random.Uniform(1.7, 3);
        break;
      case 2:  // knuckle folded outwards
        angles[FingerAngle(finger, kMcpFlexion)] = random.Uniform(-110, -60);
        break;
    }
    const std::string reason = Judge(OpenHand(angles, shape));
    passed += reason.empty();
    ++reasons[reason];
  }
  EXPECT_LE(passed, 0.01 * kHands);
  EXPECT_GE(reasons.size(), 2u);
}

}  // namespace
}  // namespace handforge
