#include "io/core/camera.h"

#include "tests/io/core/random_geometry.h"

#include <gtest/gtest.h>

namespace handforge {
namespace {

PinholeCamera SomeCamera() { return {320, 240, 300, 310, 150, 130}; }

TEST(PinholeCamera, ProjectsByItsFormula) {
  const Eigen::Vector2d pixel = SomeCamera().Project(Eigen::Vector3d(10, -20, 500));
  EXPECT_NEAR(pixel.x(), 300.0 * 10 / 500 + 150, 1e-12);
  EXPECT_NEAR(pixel.y(), 310.0 * -20 / 500 + 130, 1e-12);
}

TEST(PinholeCamera, ProjectionEqualsK) {
  Random random(1, 0, 0, Purpose::kTest);
  const PinholeCamera camera = SomeCamera();
  Joints3 joints = RandomJoints3(random, 50);
  joints.col(2).array() += 600;
  const Joints2 pixels = camera.Project(joints);
  for (int j = 0; j < kNumJoints; ++j) {
    const Eigen::Vector3d homogeneous = camera.K() * joints.row(j).transpose();
    EXPECT_LT((pixels.row(j).transpose() - homogeneous.hnormalized()).norm(), 1e-9);
  }
}

TEST(PinholeCamera, RayInvertsProjection) {
  Random random(2, 0, 0, Purpose::kTest);
  const PinholeCamera camera = SomeCamera();
  for (int i = 0; i < 1000; ++i) {
    const Eigen::Vector2d pixel(random.Uniform(-50, 400), random.Uniform(-50, 300));
    const double depth = random.Uniform(10, 1000);
    const Eigen::Vector3d x = depth * camera.Ray(pixel);
    EXPECT_NEAR(x.z(), depth, 1e-9);
    EXPECT_LT((camera.Project(x) - pixel).norm(), 1e-9);
  }
}

TEST(PinholeCamera, ImageEndsHalfAPixelBeyondTheLastCentre) {
  const PinholeCamera camera = SomeCamera();
  EXPECT_TRUE(camera.Contains({-0.5, -0.5}));
  EXPECT_TRUE(camera.Contains({319.49, 239.49}));
  EXPECT_FALSE(camera.Contains({319.5, 100}));
  EXPECT_FALSE(camera.Contains({100, 239.5}));
  EXPECT_FALSE(camera.Contains({-0.51, 0}));
}

TEST(PinholeCamera, ResizingKeepsTheFieldOfView) {
  Random random(3, 0, 0, Purpose::kTest);
  const PinholeCamera camera = SomeCamera();
  for (const int factor : {1, 2, 5}) {
    const PinholeCamera other = camera.Resized(320 * factor / 2, 240 * factor / 2);
    for (int i = 0; i < 100; ++i) {
      const Eigen::Vector3d x(random.Uniform(-200, 200), random.Uniform(-200, 200), 500);
      const Eigen::Vector2d a = camera.Project(x);
      const Eigen::Vector2d b = other.Project(x);
      EXPECT_NEAR(b.x(), RescalePixel(a.x(), 320, other.width_px), 1e-9);
      EXPECT_NEAR(b.y(), RescalePixel(a.y(), 240, other.height_px), 1e-9);
    }
    // The same rays bound both images.
    EXPECT_LT((other.Ray({-0.5, -0.5}) - camera.Ray({-0.5, -0.5})).norm(), 1e-12);
    EXPECT_LT(
        (other.Ray({other.width_px - 0.5, other.height_px - 0.5}) - camera.Ray({319.5, 239.5}))
            .norm(),
        1e-12);
  }
}

TEST(PinholeCamera, CentredLooksThroughTheMiddle) {
  const PinholeCamera camera = PinholeCamera::Centred(128, 200);
  EXPECT_EQ(camera.Project(Eigen::Vector3d(0, 0, 400)), Eigen::Vector2d(63.5, 63.5));
  EXPECT_EQ(camera.fx, 200);
  EXPECT_EQ(camera.fy, 200);
  EXPECT_EQ(camera.width_px, 128);
}

TEST(PinholeCamera, FromKInvertsK) {
  const PinholeCamera camera = SomeCamera();
  const PinholeCamera back = PinholeCamera::FromK(camera.K(), 320, 240);
  EXPECT_EQ(back.K(), camera.K());
  EXPECT_EQ(back.width_px, 320);
  EXPECT_EQ(back.height_px, 240);
}

TEST(RescalePixel, FollowsTheHalfPixelRule) {
  EXPECT_DOUBLE_EQ(RescalePixel(-0.5, 256, 128), -0.5);
  EXPECT_DOUBLE_EQ(RescalePixel(255.5, 256, 128), 127.5);
  EXPECT_DOUBLE_EQ(RescalePixel(0.5, 256, 128), 0);
  EXPECT_DOUBLE_EQ(RescalePixel(RescalePixel(17.3, 256, 128), 128, 256), 17.3);
}

TEST(Rigid3, ComposesAndInverts) {
  Random random(4, 0, 0, Purpose::kTest);
  for (int i = 0; i < 100; ++i) {
    const Rigid3 a_from_b{RandomRotation(random), RandomVector(random, 100)};
    const Rigid3 b_from_c{RandomRotation(random), RandomVector(random, 100)};
    const Eigen::Vector3d x_in_c = RandomVector(random, 100);
    EXPECT_LT(((a_from_b * b_from_c) * x_in_c - a_from_b * (b_from_c * x_in_c)).norm(), 1e-9);
    EXPECT_LT((a_from_b.Inverse() * (a_from_b * x_in_c) - x_in_c).norm(), 1e-9);
    const Joints3 joints = RandomJoints3(random, 100);
    const Eigen::Vector3d fifth = a_from_b.Apply(joints).row(5).transpose();
    EXPECT_LT((fifth - a_from_b * joints.row(5).transpose()).norm(), 1e-9);
  }
}

}  // namespace
}  // namespace handforge
