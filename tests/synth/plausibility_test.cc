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
  int rejected = 0;
  constexpr int kHands = 2000;
  for (int i = 0; i < kHands; ++i) {
    const RandomHand hand = DrawHand(50, i);
    HandAngles angles = hand.angles_deg;
    const double limit_mm = PosePriorOptions().max_penetration_mm;
    if (SettlePose(TestRig(), hand.shape, limit_mm, &angles) > limit_mm) continue;
    rejected +=
        !Judge(JointsOf(TestRig(), ForwardKinematics(TestRig(), hand.shape, angles))).empty();
  }
  EXPECT_LE(rejected, 0.02 * kHands) << rejected << " of " << kHands;
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
  for (const double angle : {M_PI / 4, -M_PI / 4}) {
    Joints3 joints = JointsOf(TestRig(), poses);
    const Eigen::Vector3d dip = joints.row(kIndexDip),
                          dorsal = poses.rotation[SegmentBone(kIndex, 2)].col(1);
    const Eigen::Matrix3d turn = Eigen::AngleAxisd(angle, dorsal).toRotationMatrix();
    joints.row(kIndexTip) = (dip + turn * (joints.row(kIndexTip).transpose() - dip)).transpose();
    EXPECT_EQ(Judge(joints), "off_hinge") << angle;
  }
}

TEST(Plausibility, NamesFingersInsideEachOther) {
  HandAngles angles{};
  angles[FingerAngle(kIndex, kMcpAbduction)] = -25;
  angles[FingerAngle(kMiddle, kMcpAbduction)] = 25;
  EXPECT_EQ(Judge(OpenHand(angles)), "self_collision");
}

// ---- Deliberately impossible hands, from plausible ones
// ------------------------------------------

// A finger bent back at PIP, DIP or its knuckle.
void BendBack(Random& random, HandAngles* angles, HandShape*) {
  const int finger = 1 + static_cast<int>(random.Integer(4));
  switch (random.Integer(3)) {
    case 0:
      (*angles)[FingerAngle(finger, kPipFlexion)] = random.Uniform(-90, -35);
      break;
    case 1:
      (*angles)[FingerAngle(finger, kDipFlexion)] = random.Uniform(-90, -40);
      break;
    default:
      (*angles)[FingerAngle(finger, kMcpFlexion)] = random.Uniform(-110, -60);
  }
}

// Smallest distance between the bones of two fingers.
double BoneDistanceMm(const Joints3& joints, int finger_a, int finger_b) {
  constexpr int kSteps = 6;
  const auto point = [&](int finger, int step) -> Eigen::RowVector3d {
    const int bone = std::min(step / kSteps, 2);
    const double t = static_cast<double>(step - bone * kSteps) / kSteps;
    return (1 - t) * joints.row(FingerJoint(finger, bone)) +
           t * joints.row(FingerJoint(finger, bone + 1));
  };
  double nearest_mm = 1e9;
  for (int a = 0; a <= 3 * kSteps; ++a) {
    for (int b = 0; b <= 3 * kSteps; ++b) {
      nearest_mm = std::min(nearest_mm, (point(finger_a, a) - point(finger_b, b)).norm());
    }
  }
  return nearest_mm;
}

// Two neighbours stretched in one plane, each turned across the other's line, so that their bones
// meet: above a few millimetres one finger would lie on the other, which real hands can do.
void CrossThrough(Random& random, HandAngles* angles, HandShape* shape) {
  constexpr double kBonesMeetMm = 5;
  for (int attempt = 0; attempt < 40; ++attempt) {
    HandAngles crossed = *angles;
    crossed[kRingCup] = crossed[kLittleCup] = 0;
    const int finger = 1 + static_cast<int>(random.Integer(3));
    const double flexion = random.Uniform(0, 50);
    for (int f : {finger, finger + 1}) {
      crossed[FingerAngle(f, kMcpFlexion)] = flexion + random.Uniform(-10, 10);
      crossed[FingerAngle(f, kMcpTwist)] = 0;
      crossed[FingerAngle(f, kPipFlexion)] = crossed[FingerAngle(f, kDipFlexion)] = 5;
    }
    crossed[FingerAngle(finger, kMcpAbduction)] = random.Uniform(-30, -15);
    crossed[FingerAngle(finger + 1, kMcpAbduction)] = random.Uniform(15, 30);
    if (BoneDistanceMm(OpenHand(crossed), finger, finger + 1) > kBonesMeetMm) continue;
    *angles = crossed;
    return;
  }
  BendBack(random, angles, shape);
}

// One bone far too short or too long.
void SpoilBone(Random& random, HandAngles*, HandShape* shape) {
  const int finger = 1 + static_cast<int>(random.Integer(4));
  shape->segment_length[finger][random.Integer(3)] =
      random.Chance(0.5) ? random.Uniform(0.2, 0.55) : random.Uniform(1.75, 3);
}

TEST(Plausibility, RejectsTenThousandImpossibleHands) {
  constexpr int kHands = 10000;
  const struct {
    const char* name;
    void (*spoil)(Random&, HandAngles*, HandShape*);
  } kinds[] = {{"bent back", BendBack}, {"crossed through", CrossThrough}, {"bone off", SpoilBone}};
  int passed = 0;
  std::map<std::string, int> passed_by_kind;
  for (int i = 0; i < kHands; ++i) {
    Random random(51, i, 0, Purpose::kTest);
    HandAngles angles = DrawHand(51, i).angles_deg;
    HandShape shape;
    const auto& kind = kinds[i % 3];
    kind.spoil(random, &angles, &shape);
    if (!Judge(OpenHand(angles, shape)).empty()) continue;
    ++passed;
    ++passed_by_kind[kind.name];
  }
  RecordProperty("passed", passed);
  std::string text;
  for (const auto& [name, count] : passed_by_kind) text += name + " " + std::to_string(count) + " ";
  EXPECT_LE(passed, 0.01 * kHands) << text;
}

}  // namespace
}  // namespace handforge
