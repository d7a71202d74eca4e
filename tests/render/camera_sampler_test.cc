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

// What the camera is aimed at: the middle of the joints' box, in its own axes.
Eigen::Vector3d MiddleInCam(const SampledCamera& view) {
  const Joints3 joints = view.cam_from_hand.Apply(TestRig().rest_joints);
  return (joints.colwise().maxCoeff() + joints.colwise().minCoeff()).transpose() / 2;
}

TEST(SampleCamera, DistancesFillTheirRange) {
  CameraOptions options;
  options.nearest_mm = 500;
  options.furthest_mm = 600;
  double nearest = 1e9, furthest = 0;
  for (uint64_t i = 0; i < 200; ++i) {
    Random random(4, i, 0, Purpose::kCamera);
    const SampledCamera view = SampleCamera(TestRig().rest_joints, 128, options, random);
    nearest = std::min(nearest, MiddleInCam(view).z());
    furthest = std::max(furthest, MiddleInCam(view).z());
  }
  EXPECT_NEAR(nearest, 502, 2.001);
  EXPECT_NEAR(furthest, 598, 2.001);
}

// A normal distribution cut at two deviations keeps 0.88 of its deviation.
TEST(SampleCamera, HandsStandOffCentreByTheStatedDeviation) {
  for (const double off_centre : {0.0, 0.02, 0.05}) {
    CameraOptions options;
    options.off_centre = off_centre;
    double squares = 0, furthest = 0;
    constexpr int kViews = 400;
    for (uint64_t i = 0; i < kViews; ++i) {
      Random random(5, i, 0, Purpose::kCamera);
      const SampledCamera view = SampleCamera(TestRig().rest_joints, 128, options, random);
      const Eigen::Vector2d off_px =
          view.camera.Project(MiddleInCam(view)) - Eigen::Vector2d(63.5, 63.5);
      squares += off_px.squaredNorm() / (2 * kViews);
      furthest = std::max(furthest, off_px.cwiseAbs().maxCoeff());
    }
    EXPECT_NEAR(std::sqrt(squares), 0.88 * off_centre * 128, 0.1 * off_centre * 128 + 1e-6);
    EXPECT_LE(furthest, 2 * off_centre * 128 + 1e-6);
  }
}

TEST(CameraOptions, NeedsAKindOfView) {
  CameraOptions options;
  options.sphere = options.egocentric = options.tabletop = 0;
  EXPECT_THROW(options.Check(), UsageError);
}

}  // namespace
}  // namespace handforge
