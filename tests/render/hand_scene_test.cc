#include "render/hand_scene.h"

#include "io/augment/mirror.h"
#include "render/tuple_renderer.h"
#include "tests/render/render_testing.h"

#include <cmath>

#include <gtest/gtest.h>

namespace handforge {
namespace {

Tuple LabelledTuple(uint64_t seed, uint64_t index) {
  static HandScene scene(TestRig());
  const RandomHand hand = DrawHand(seed, index);
  Random random(seed, index, 0, Purpose::kCamera);
  const Joints3 joints = JointsOf(TestRig(), hand.poses_in_cam);
  Tuple t;
  t.camera = PinholeCamera::Centred(160, 1).RoundedToSingle();
  const double z = joints.col(2).mean();
  t.camera.fx = t.camera.fy = static_cast<float>(160 * z / 320);
  t.rig = ToRigPose(hand.poses_in_cam);
  t.joints_in_cam = JointsOf(TestRig(), ToBonePoses(t.rig));
  t.joints_px = t.camera.Project(t.joints_in_cam);
  RenderLabels(&scene, &t);
  return t;
}

// All triangles, one by one, without any hierarchy (Moller and Trumbore 1997).
uint8_t ExhaustiveVisibility(const std::vector<Eigen::Vector3f>& x,
                             const Eigen::Vector3d& joint,
                             int j) {
  double nearest = 1e30;
  int part = -1;
  const Eigen::Vector3d d = joint / joint.z();
  for (size_t t = 0; t < TestRig().triangles.size(); ++t) {
    const auto& [a, b, c] = TestRig().triangles[t];
    const Eigen::Vector3d p = x[a].cast<double>(), e1 = x[b].cast<double>() - p,
                          e2 = x[c].cast<double>() - p;
    const Eigen::Vector3d h = d.cross(e2);
    const double det = e1.dot(h);
    if (std::abs(det) < 1e-12) continue;
    const double u = -p.dot(h) / det;
    const Eigen::Vector3d q = (-p).cross(e1);
    const double v = d.dot(q) / det, distance = e2.dot(q) / det;
    if (u < 0 || v < 0 || u + v > 1 || distance <= 1 || distance >= nearest) continue;
    nearest = distance;
    part = TestRig().triangle_part[t];
  }
  if (part < 0) return kHiddenByHand;
  const double before = joint.z() - nearest;
  if (PartTouchesJoint(static_cast<uint8_t>(part), j) && before <= 30 && before >= -3)
    return kVisible;
  return part == kPartForearm ? kHiddenByArm : kHiddenByHand;
}

TEST(HandScene, VisibilityAgreesWithAnExhaustiveTest) {
  constexpr int kHands = 60;
  int agree = 0, all = 0, visible = 0;
  std::vector<Eigen::Vector3f> surface;
  for (int i = 0; i < kHands; ++i) {
    const Tuple t = LabelledTuple(31, i);
    PoseSurface(TestRig(), ToBonePoses(t.rig), &surface);
    for (int j = 0; j < kNumJoints; ++j) {
      if (t.visible[j] == kOutOfFrame) continue;
      ++all;
      visible += t.visible[j] == kVisible;
      agree += t.visible[j] == ExhaustiveVisibility(surface, t.joints_in_cam.row(j), j);
    }
  }
  EXPECT_GE(agree, 0.999 * all) << agree << " of " << all;
  EXPECT_GT(visible, all / 4);
  EXPECT_LT(visible, all);
}

TEST(HandScene, DepthMaskAndBoxAgree) {
  for (int i = 0; i < 40; ++i) {
    const Tuple t = LabelledTuple(32, i);
    for (size_t p = 0; p < t.mask.pixels.size(); ++p) {
      ASSERT_EQ(t.mask.pixels[p] == 0, t.depth.pixels[p] == 0);
    }
    for (int y = 0; y < t.mask.height; ++y) {
      for (int x = 0; x < t.mask.width; ++x) {
        const uint8_t part = t.mask.at(x, y);
        if (part == 0 || part == kPartForearm) continue;
        ASSERT_GE(x, t.bbox_px[0]);
        ASSERT_GE(y, t.bbox_px[1]);
        ASSERT_LE(x, t.bbox_px[0] + t.bbox_px[2]);
        ASSERT_LE(y, t.bbox_px[1] + t.bbox_px[3]);
      }
    }
  }
}

TEST(HandScene, RendersTheSameBytesFromTheRecord) {
  const Tuple a = LabelledTuple(33, 4), b = LabelledTuple(33, 4);
  EXPECT_EQ(a.depth.pixels, b.depth.pixels);
  EXPECT_EQ(a.mask.pixels, b.mask.pixels);
  EXPECT_EQ(a.visible, b.visible);
}

TEST(MirrorTuple, KeepsLabelsConsistentAndIsAnInvolution) {
  for (int i = 0; i < 20; ++i) {
    const Tuple original = LabelledTuple(34, i);
    Tuple t = original;
    t.camera.cx += 3.5;  // an off-centre camera must stay right too
    t.joints_px = t.camera.Project(t.joints_in_cam);
    t.depth_sensor = t.depth;
    const Tuple before = t;
    MirrorTuple(&t);
    EXPECT_EQ(t.depth_sensor.pixels, t.depth.pixels);
    EXPECT_NE(t.depth_sensor.pixels, before.depth.pixels);
    EXPECT_EQ(t.handedness, Handedness::kLeft);
    EXPECT_LE((t.camera.Project(t.joints_in_cam) - t.joints_px).cwiseAbs().maxCoeff(), 1e-9);
    for (int y = 0; y < t.mask.height; ++y) {
      for (int x = 0; x < t.mask.width; ++x) {
        ASSERT_EQ(t.mask.at(x, y), before.mask.at(t.mask.width - 1 - x, y));
      }
    }
    MirrorTuple(&t);
    EXPECT_EQ(t.depth.pixels, before.depth.pixels);
    EXPECT_LE((t.joints_px - before.joints_px).cwiseAbs().maxCoeff(), 1e-9);
    EXPECT_EQ(t.bbox_px, before.bbox_px);
    EXPECT_EQ(t.handedness, Handedness::kRight);
  }
}

TEST(HandScene, ACameraInTheArmSeesItFromWithin) {
  HandScene scene(TestRig());
  Tuple t = LabelledTuple(31, 0);
  scene.SetPose(t.rig);
  scene.Trace(t.camera);
  EXPECT_LT(scene.ShareFromWithin(), 0.01);
  // The camera moves to the middle of the forearm and looks along it.
  const BonePoses poses = ToBonePoses(t.rig);
  std::vector<Eigen::Vector3f> surface;
  PoseSurface(TestRig(), poses, &surface);
  Eigen::Vector3d sum = Eigen::Vector3d::Zero();
  int corners = 0;
  for (size_t i = 0; i < TestRig().triangles.size(); ++i) {
    if (TestRig().triangle_part[i] != kPartForearm) continue;
    for (const int v : TestRig().triangles[i]) {
      sum += surface[static_cast<size_t>(v)].cast<double>();
      ++corners;
    }
  }
  const Eigen::Vector3d middle = sum / corners;
  for (auto& origin : t.rig.origin_in_cam_mm) {
    for (int c = 0; c < 3; ++c) origin[c] -= static_cast<float>(middle[c]);
  }
  scene.SetPose(t.rig);
  scene.Trace(t.camera);
  EXPECT_GT(scene.ShareFromWithin(), 0.9);
}

}  // namespace
}  // namespace handforge
