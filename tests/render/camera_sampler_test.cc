#include "render/camera_sampler.h"

#include "io/core/error.h"
#include "tests/render/render_testing.h"

#include <cmath>

#include <gtest/gtest.h>

namespace handforge {
namespace {

// Angle between the direction to the camera and the back's normal (+y of the hand frame), degrees.
double AngleToBackDeg(const SampledCamera& view) {
  const Eigen::Vector3d towards_camera =
      view.cam_from_hand.rotation.transpose() * -Eigen::Vector3d::UnitZ();
  return std::acos(towards_camera.y()) * 180 / M_PI;
}

TEST(SampleCamera, FrontalViewsStayWithinTheirCone) {
  CameraOptions options;
  options.sphere = options.egocentric = options.tabletop = 0;
  options.frontal = 1;
  options.frontal_deg = 30;
  for (uint64_t i = 0; i < 200; ++i) {
    Random random(1, i, 0, Purpose::kCamera);
    const double back = AngleToBackDeg(SampleCamera(TestRig().rest_joints, 128, options, random));
    EXPECT_GE(back, 149.99) << "the palm's normal is -y";
  }
}

TEST(SampleCamera, SeesPalmsAndBacksInTheStatedShares) {
  CameraOptions options;
  options.sphere = options.egocentric = options.tabletop = 0;
  options.frontal = 1;
  options.frontal_deg = 60;
  options.frontal_back = 0.3;
  int backs = 0;
  for (uint64_t i = 0; i < 400; ++i) {
    Random random(2, i, 0, Purpose::kCamera);
    const double back = AngleToBackDeg(SampleCamera(TestRig().rest_joints, 128, options, random));
    EXPECT_TRUE(back <= 60.01 || back >= 119.99);
    backs += back < 90;
  }
  EXPECT_NEAR(backs, 120, 35);
}

TEST(SampleCamera, FramesTheHand) {
  const CameraOptions options;
  for (uint64_t i = 0; i < 100; ++i) {
    Random random(3, i, 0, Purpose::kCamera);
    const SampledCamera view = SampleCamera(TestRig().rest_joints, 128, options, random);
    const Joints3 joints = view.cam_from_hand.Apply(TestRig().rest_joints);
    const Joints2 px = view.camera.Project(joints);
    const double extent = (px.colwise().maxCoeff() - px.colwise().minCoeff()).maxCoeff() / 128;
    EXPECT_GE(extent, options.smallest_fill - 0.05);
    EXPECT_LE(extent, options.largest_fill + 0.05);
    EXPECT_GE(joints.col(2).minCoeff(), options.nearest_mm - 120);
    EXPECT_LE(joints.col(2).maxCoeff(), options.furthest_mm + 120);
  }
}

TEST(CameraOptions, NeedsAKindOfView) {
  CameraOptions options;
  options.sphere = options.egocentric = options.tabletop = 0;
  EXPECT_THROW(options.Check(), UsageError);
}

}  // namespace
}  // namespace handforge
