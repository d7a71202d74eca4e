#include "render/kinematics.h"

#include "io/core/error.h"
#include "tests/render/render_testing.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

namespace handforge {
namespace {

constexpr uint64_t kSeed = 20;
constexpr int kPoses = 10000;

double SkinRmsMm(const BonePoses& a, const BonePoses& b, bool hand_only) {
  std::vector<Eigen::Vector3f> skin_a, skin_b;
  PoseSurface(TestRig(), a, &skin_a);
  PoseSurface(TestRig(), b, &skin_b);
  double sum = 0;
  size_t n = 0;
  std::vector<bool> forearm(skin_a.size(), false);
  for (size_t t = 0; t < TestRig().triangles.size(); ++t) {
    if (TestRig().triangle_part[t] != kPartForearm) continue;
    for (int v : TestRig().triangles[t]) forearm[v] = true;
  }
  for (size_t v = 0; v < skin_a.size(); ++v) {
    if (hand_only && forearm[v]) continue;
    sum += (skin_a[v] - skin_b[v]).squaredNorm();
    ++n;
  }
  return std::sqrt(sum / n);
}

TEST(FitRig, JointsEqualTargetsOver10000Poses) {
  double worst_mm = 0;
  for (int i = 0; i < kPoses; ++i) {
    const Joints3 target = JointsOf(TestRig(), DrawHand(kSeed, i).poses_in_cam);
    const BonePoses fitted = FitRig(TestRig(), target);
    // Through the stored, single-precision record, as every label is made.
    const Joints3 joints = JointsOf(TestRig(), ToBonePoses(ToRigPose(fitted)));
    worst_mm = std::max(worst_mm, (joints - target).rowwise().norm().maxCoeff());
  }
  RecordProperty("worst_mm", std::to_string(worst_mm));
  EXPECT_LE(worst_mm, 0.05);
}

TEST(FitRig, JointsEqualTargetsThatNoHandCouldReach) {
  Random random(kSeed, 0, 0, Purpose::kTest);
  for (int i = 0; i < 1000; ++i) {
    Joints3 target = JointsOf(TestRig(), DrawHand(kSeed, i).poses_in_cam);
    for (int j = 0; j < kNumJoints; ++j) {
      for (int c = 0; c < 3; ++c) target(j, c) += random.Normal(0, 12);
    }
    const Joints3 joints = JointsOf(TestRig(), FitRig(TestRig(), target));
    EXPECT_LE((joints - target).rowwise().norm().maxCoeff(), 0.05) << "pose " << i;
  }
}

TEST(FitRig, GivesTheSkinBack) {
  std::vector<double> rms_mm;
  for (int i = 0; i < kPoses; ++i) {
    const RandomHand hand = DrawHand(kSeed, i);
    const BonePoses fitted = FitRig(TestRig(),
                                    JointsOf(TestRig(), hand.poses_in_cam),
                                    hand.angles_deg[kWristFlexion],
                                    hand.angles_deg[kWristDeviation]);
    rms_mm.push_back(SkinRmsMm(hand.poses_in_cam, fitted, true));
  }
  std::sort(rms_mm.begin(), rms_mm.end());
  RecordProperty("median_rms_mm", std::to_string(rms_mm[rms_mm.size() / 2]));
  RecordProperty("worst_rms_mm", std::to_string(rms_mm.back()));
  EXPECT_LE(rms_mm.back(), 2.0) << "median " << rms_mm[rms_mm.size() / 2];
}

TEST(FitRig, ATwistedSkinIsNoticed) {
  // The check above must be able to fail: a proximal bone turned by 60 degrees keeps all joints.
  const RandomHand hand = DrawHand(kSeed, 1);
  BonePoses twisted = hand.poses_in_cam;
  const int bone = SegmentBone(kMiddle, 0);
  twisted.rotation[bone] =
      twisted.rotation[bone] * Eigen::AngleAxisd(M_PI / 3, Eigen::Vector3d::UnitZ());
  EXPECT_LE((JointsOf(TestRig(), twisted) - JointsOf(TestRig(), hand.poses_in_cam)).norm(), 1e-9);
  EXPECT_GT(SkinRmsMm(hand.poses_in_cam, twisted, true), 0.5);
}

TEST(FitRig, RefusesDegenerateTargets) {
  Joints3 target = TestRig().rest_joints;
  target.row(kIndexPip) = target.row(kIndexMcp);
  try {
    FitRig(TestRig(), target);
    FAIL() << "no error";
  } catch (const DataError& e) {
    EXPECT_NE(std::string(e.what()).find("index_mcp - index_pip"), std::string::npos) << e.what();
  }
  target(0, 0) = NAN;
  EXPECT_THROW(FitRig(TestRig(), target), DataError);
}

TEST(ForwardKinematics, RestAnglesGiveTheRestPose) {
  BonePoses rest;
  for (int b = 0; b < kNumBones; ++b) {
    rest.origin_mm[b] = TestRig().rest_origin[b];
    rest.rotation[b] = TestRig().rest_rotation[b];
    rest.scale[b].setOnes();
  }
  const HandAngles angles = Measure(TestRig(), rest).angles_deg;
  const BonePoses poses = ForwardKinematics(TestRig(), HandShape(), angles);
  EXPECT_LE((JointsOf(TestRig(), poses) - TestRig().rest_joints).rowwise().norm().maxCoeff(), 1e-6);
}

TEST(ForwardKinematics, FlexionBendsTowardsThePalm) {
  for (int finger = kIndex; finger <= kLittle; ++finger) {
    HandAngles angles{};
    angles[FingerAngle(finger, kMcpFlexion)] = 90;
    const Joints3 joints = JointsOf(TestRig(), ForwardKinematics(TestRig(), HandShape(), angles));
    const Eigen::Vector3d bone =
        (joints.row(FingerJoint(finger, 1)) - joints.row(FingerJoint(finger, 0))).normalized();
    EXPECT_LT(bone.y(), -0.85) << kFingerNames[finger];
  }
}

TEST(ForwardKinematics, ShapeScalesBones) {
  HandShape shape;
  shape.segment_length[kIndex][1] = 1.25;
  const Joints3 joints = JointsOf(TestRig(), ForwardKinematics(TestRig(), shape, HandAngles{}));
  const double length = (joints.row(kIndexDip) - joints.row(kIndexPip)).norm();
  const double rest =
      (TestRig().rest_joints.row(kIndexDip) - TestRig().rest_joints.row(kIndexPip)).norm();
  EXPECT_NEAR(length / rest, 1.25, 1e-6);
}

TEST(ForwardKinematics, SegmentGirthThickensOneSegmentAndMovesNoJoint) {
  HandShape shape, thick;
  shape.girth = thick.girth = 0.9;
  thick.segment_girth[kRing][2] = 1.2;
  const BonePoses before = ForwardKinematics(TestRig(), shape, HandAngles{});
  const BonePoses after = ForwardKinematics(TestRig(), thick, HandAngles{});
  EXPECT_EQ(JointsOf(TestRig(), before), JointsOf(TestRig(), after));
  for (int b = 0; b < kNumBones; ++b) {
    const double wider = b == SegmentBone(kRing, 2) ? 1.2 : 1;
    EXPECT_NEAR(after.scale[b].x(), wider * before.scale[b].x(), 1e-12);
    EXPECT_NEAR(after.scale[b].y(), wider * before.scale[b].y(), 1e-12);
    EXPECT_EQ(after.scale[b].z(), before.scale[b].z());
  }
  EXPECT_NEAR(Measure(TestRig(), after).shape.segment_girth[kRing][2], 1.2, 1e-12);
}

TEST(Measure, ReadsForwardAnglesBack) {
  for (int i = 0; i < 1000; ++i) {
    const RandomHand hand = DrawHand(kSeed, i);
    const MeasuredHand measured = Measure(TestRig(), hand.poses_in_cam);
    for (int a = 0; a < kNumAngles; ++a) {
      EXPECT_NEAR(measured.angles_deg[a], hand.angles_deg[a], 1e-4)
          << AngleLimits()[a].name << " of pose " << i;
    }
  }
}

}  // namespace
}  // namespace handforge
