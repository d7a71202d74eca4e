#include "render/collision.h"

#include "render/flesh.h"
#include "tests/render/render_testing.h"
#include "tests/render/skin_overlap.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

namespace handforge {
namespace {

using Eigen::Vector3d;

constexpr uint64_t kSeed = 77;

// Two capsules and nothing else, on bones of two fingers, in bone frames that are the hand's.
struct TwoCapsules {
  static constexpr int kA = SegmentBone(kIndex, 1), kB = SegmentBone(kRing, 2);
  Rig rig;
  BonePoses poses;

  TwoCapsules() {
    for (int bone = 0; bone < kNumBones; ++bone) {
      poses.origin_mm[bone].setZero();
      poses.rotation[bone].setIdentity();
      poses.scale[bone].setOnes();
    }
  }
  TwoCapsules(const FleshCapsule& a, const FleshCapsule& b) : TwoCapsules() {
    rig.flesh[kA] = a;
    rig.flesh[kB] = b;
  }
  double PenetrationMm() const { return SelfPenetrationMm(rig, poses); }
  double DepthMm() const { return ContactDepthMm(rig, poses, kA, kB); }
};

FleshCapsule Capsule(const Vector3d& start, const Vector3d& end, double r0, double r1) {
  FleshCapsule capsule;
  capsule.start_mm = start;
  capsule.end_mm = end;
  capsule.start_radius_mm = r0;
  capsule.end_radius_mm = r1;
  return capsule;
}

TEST(ContactDepth, FollowsClosedForms) {
  const FleshCapsule x = Capsule({0, 0, 0}, {20, 0, 0}, 5, 5);
  EXPECT_NEAR(TwoCapsules(x, Capsule({0, 8, 0}, {20, 8, 0}, 4, 4)).DepthMm(), 1, 1e-9);
  EXPECT_NEAR(TwoCapsules(x, Capsule({10, -9, 6}, {10, 9, 6}, 3, 3)).DepthMm(), 2, 1e-9);
  EXPECT_NEAR(TwoCapsules(x, Capsule({26, 0, 0}, {40, 0, 0}, 4, 4)).DepthMm(), 3, 1e-9);
  EXPECT_NEAR(TwoCapsules(x, Capsule({23, 4, 0}, {40, 4, 0}, 1, 1)).DepthMm(), 1, 1e-9);
  EXPECT_NEAR(TwoCapsules(x, Capsule({10, 30, 0}, {10, 10, 0}, 2, 2)).DepthMm(), -3, 1e-9);
  // Tapered: 5 + (9 - 5) / 2 half-way along.
  const FleshCapsule tapered = Capsule({0, 0, 0}, {20, 0, 0}, 5, 9);
  EXPECT_NEAR(TwoCapsules(tapered, Capsule({10, 0, 8}, {10, 20, 8}, 2, 6)).DepthMm(), 1, 1e-9);
  // Points for axes.
  const FleshCapsule ball = Capsule({10, 0, 6}, {10, 0, 6}, 3, 3);
  EXPECT_TRUE(std::isfinite(TwoCapsules(x, ball).DepthMm()));
}

// Reference: both capsules as rows of many balls.
TEST(ContactDepth, MatchesRowsOfBalls) {
  constexpr int kBalls = 160;
  Random random(kSeed, 0, 0, Purpose::kTest);
  const auto point = [&] {
    return Vector3d(random.Uniform(-20, 20), random.Uniform(-20, 20), random.Uniform(-20, 20));
  };
  for (int i = 0; i < 300; ++i) {
    // As slim as a finger's: radii differ by up to 1.5 mm.
    const double ra = random.Uniform(4, 8), rb = random.Uniform(4, 8);
    const FleshCapsule a = Capsule(point(), point(), ra, ra + random.Uniform(-1.5, 1.5));
    const FleshCapsule b = Capsule(point(), point(), rb, rb + random.Uniform(-1.5, 1.5));
    if ((a.end_mm - a.start_mm).norm() < 15 || (b.end_mm - b.start_mm).norm() < 15) continue;
    double deepest = -INFINITY;
    for (int k = 0; k <= kBalls; ++k) {
      for (int l = 0; l <= kBalls; ++l) {
        const double s = k / double{kBalls}, t = l / double{kBalls};
        const Vector3d x = a.start_mm + s * (a.end_mm - a.start_mm);
        const Vector3d y = b.start_mm + t * (b.end_mm - b.start_mm);
        const double radii = a.start_radius_mm + s * (a.end_radius_mm - a.start_radius_mm) +
                             b.start_radius_mm + t * (b.end_radius_mm - b.start_radius_mm);
        deepest = std::max(deepest, radii - (x - y).norm());
      }
    }
    EXPECT_NEAR(TwoCapsules(a, b).DepthMm(), deepest, 0.8);
    EXPECT_LE(TwoCapsules(a, b).DepthMm(), deepest + 0.1);
  }
}

TEST(ContactDepth, GrowsWithGirth) {
  TwoCapsules hand(Capsule({0, 0, 0}, {20, 0, 0}, 5, 5), Capsule({10, 9, 0}, {10, 20, 0}, 5, 5));
  EXPECT_NEAR(hand.DepthMm(), 1, 1e-9);
  hand.poses.scale[TwoCapsules::kA] = {1.2, 1.2, 1};
  hand.poses.scale[TwoCapsules::kB] = {1, 1, 1};
  EXPECT_NEAR(hand.DepthMm(), 2, 1e-9);
}

TEST(SelfPenetration, IsNoneForOpenHands) {
  EXPECT_EQ(SelfPenetrationMm(TestRig(), ForwardKinematics(TestRig(), HandShape(), HandAngles{})),
            0);
  for (const Gesture& gesture : TestGestures()) {
    if (gesture.name != "open_palm" && gesture.name != "open_spread") continue;
    const BonePoses poses = ForwardKinematics(TestRig(), HandShape(), gesture.angles_deg);
    EXPECT_EQ(SelfPenetrationMm(TestRig(), poses), 0) << gesture.name;
    EXPECT_TRUE(SelfContacts(TestRig(), poses, 0).empty());
  }
}

double PenetrationOf(const HandAngles& angles) {
  return SelfPenetrationMm(TestRig(), ForwardKinematics(TestRig(), HandShape(), angles));
}

TEST(SelfPenetration, SeesFingersThatCross) {
  for (int finger = kIndex; finger < kLittle; ++finger) {
    HandAngles angles{};
    angles[FingerAngle(finger, kMcpAbduction)] = -25;
    angles[FingerAngle(finger + 1, kMcpAbduction)] = 25;
    EXPECT_GT(PenetrationOf(angles), 5) << kFingerNames[finger];
  }
}

TEST(SelfPenetration, SeesFingertipsInThePalm) {
  for (int finger = kIndex; finger <= kLittle; ++finger) {
    HandAngles angles{};
    angles[FingerAngle(finger, kMcpFlexion)] = 100;
    angles[FingerAngle(finger, kPipFlexion)] = 90;
    angles[FingerAngle(finger, kDipFlexion)] = 45;
    EXPECT_GT(PenetrationOf(angles), 5) << kFingerNames[finger];
  }
}

TEST(SelfPenetration, SeesTheThumbInThePalmAndInAFinger) {
  HandAngles in_palm{};
  in_palm[kThumbCmcFlexion] = 45;
  in_palm[kThumbCmcAbduction] = -30;
  in_palm[kThumbMcpFlexion] = 60;
  EXPECT_GT(PenetrationOf(in_palm), 5);
  HandAngles in_finger{};
  for (const Gesture& gesture : TestGestures()) {
    if (gesture.name == "pinch") in_finger = gesture.angles_deg;
  }
  in_finger[FingerAngle(kIndex, kMcpFlexion)] += 25;
  EXPECT_GT(PenetrationOf(in_finger), 5);
}

TEST(SelfPenetration, DoesNotDependOnTheFrame) {
  Random random(kSeed, 1, 0, Purpose::kTest);
  for (int i = 0; i < 200; ++i) {
    const RandomHand hand = DrawHand(kSeed, i);
    Rigid3 moved;
    moved.rotation = RandomRotation(random);
    moved.translation = {random.Uniform(-300, 300), 40, 500};
    EXPECT_NEAR(SelfPenetrationMm(TestRig(), hand.poses_in_cam),
                SelfPenetrationMm(TestRig(), hand.poses_in_cam.Moved(moved)),
                1e-6);
  }
}

TEST(SelfContacts, ListWhatIsDeep) {
  for (int i = 0; i < 300; ++i) {
    const BonePoses poses = DrawHand(kSeed, i).poses_in_cam;
    const double deepest = SelfPenetrationMm(TestRig(), poses);
    const auto contacts = SelfContacts(TestRig(), poses, 1);
    EXPECT_EQ(contacts.empty(), deepest <= 1);
    double listed = 0;
    for (const SelfContact& contact : contacts) {
      EXPECT_GT(contact.depth_mm, 1);
      EXPECT_EQ(contact.depth_mm, ContactDepthMm(TestRig(), poses, contact.bone_a, contact.bone_b));
      listed = std::max(listed, contact.depth_mm);
    }
    EXPECT_EQ(listed, deepest > 1 ? deepest : 0);
  }
}

TEST(SelfContacts, LeaveNeighboursOut) {
  for (int i = 0; i < 300; ++i) {
    for (const SelfContact& c : SelfContacts(TestRig(), DrawHand(kSeed, i).poses_in_cam, -1000)) {
      EXPECT_NE(ParentBone(c.bone_a), c.bone_b);
      EXPECT_NE(ParentBone(c.bone_b), c.bone_a);
      EXPECT_FALSE(c.bone_a < 5 && c.bone_b < 5) << "two parts of the palm";
    }
  }
}

TEST(SelfContacts, LeaveBonesWithoutFleshOut) {
  const TwoCapsules nothing;
  EXPECT_EQ(nothing.PenetrationMm(), 0);
  EXPECT_TRUE(SelfContacts(nothing.rig, nothing.poses, -1000).empty());
}

TEST(FitFlesh, CapsulesFollowTheSkinOfTheDigits) {
  const Rig& rig = TestRig();
  std::vector<double> off_mm;
  for (size_t v = 0; v < rig.positions.size(); ++v) {
    const int bone = rig.weights[v].bone[0];
    if (bone <= SegmentBone(kThumb, 0) || bone == kForearmBone) continue;
    if (rig.weights[v].weight[0] < 0.9f) continue;
    const FleshCapsule& flesh = rig.flesh[bone];
    const Vector3d x =
        rig.rest_rotation[bone].transpose() * (rig.positions[v] - rig.rest_origin[bone]);
    const Vector3d axis = flesh.end_mm - flesh.start_mm;
    const double t = (x - flesh.start_mm).dot(axis) / axis.squaredNorm();
    if (t < 0 || t > 1) continue;
    const double radius = flesh.start_radius_mm + t * (flesh.end_radius_mm - flesh.start_radius_mm);
    off_mm.push_back(std::abs((x - flesh.start_mm - t * axis).norm() - radius));
  }
  ASSERT_GT(off_mm.size(), 100u);
  std::sort(off_mm.begin(), off_mm.end());
  EXPECT_LT(off_mm[off_mm.size() / 2], 1);
  EXPECT_LT(off_mm[off_mm.size() * 9 / 10], 2.5);
}

TEST(FitFlesh, EveryBoneOfTheHandHasFlesh) {
  for (int bone = 0; bone < kForearmBone; ++bone) {
    EXPECT_GT(TestRig().flesh[bone].start_radius_mm, 4) << bone;
    EXPECT_LT(TestRig().flesh[bone].start_radius_mm, 30) << bone;
    EXPECT_GT(TestRig().flesh[bone].end_radius_mm, 4) << bone;
  }
  EXPECT_EQ(TestRig().flesh[kForearmBone].start_radius_mm, 0);
}

// Independent of capsules: winding numbers of the posed skin say how deep one finger's skin lies
// inside another part.
TEST(PosePrior, SkinsOfAcceptedPosesHardlyPassThroughEachOther) {
  const PosePriorOptions options;
  SkinOverlap overlap;
  int accepted = 0, deep = 0, deeper = 0;
  for (int i = 0; accepted < 150; ++i) {
    RandomHand hand = DrawHand(kSeed, i);
    if (SettlePose(TestRig(), hand.shape, options.max_penetration_mm, &hand.angles_deg) >
        options.max_penetration_mm) {
      continue;
    }
    ++accepted;
    const double depth =
        overlap.DeepestMm(ForwardKinematics(TestRig(), hand.shape, hand.angles_deg), 4);
    deep += depth > 4;
    deeper += depth > 6;
  }
  RecordProperty("deeper_than_4_mm", deep);
  EXPECT_LE(deep, 0.05 * accepted);
  EXPECT_LE(deeper, 0.01 * accepted);
}

TEST(SkinOverlap, NoticesCrossedFingers) {
  SkinOverlap overlap;
  HandAngles angles{};
  EXPECT_EQ(overlap.DeepestMm(ForwardKinematics(TestRig(), HandShape(), angles), 1), 0);
  angles[FingerAngle(kIndex, kMcpAbduction)] = -20;
  angles[FingerAngle(kMiddle, kMcpAbduction)] = 20;
  EXPECT_GT(overlap.DeepestMm(ForwardKinematics(TestRig(), HandShape(), angles), 4), 4);
}

}  // namespace
}  // namespace handforge
