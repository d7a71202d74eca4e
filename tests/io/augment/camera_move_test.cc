#include "io/augment/camera_move.h"

#include "tests/io/core/random_geometry.h"

#include <gtest/gtest.h>

namespace handforge {
namespace {

using Eigen::Vector2d;
using Eigen::Vector3d;

TEST(NewFromCam, PanToTheRightMovesTheContentLeft) {
  EXPECT_LT((NewFromCam(0, 20, 0) * Vector3d(0, 0, 1)).x(), -0.3);
}

TEST(NewFromCam, TiltDownwardsMovesTheContentUp) {
  EXPECT_LT((NewFromCam(0, 0, 20) * Vector3d(0, 0, 1)).y(), -0.3);
}

TEST(NewFromCam, RollTurnsRightIntoDown) {
  EXPECT_LT((NewFromCam(90, 0, 0) * Vector3d(1, 0, 0) - Vector3d(0, 1, 0)).norm(), 1e-12);
}

TEST(CameraMove, ZoomsAboutThePicturesCentreThenShifts) {
  const PinholeCamera camera{101, 101, 200, 210, 40, 60};
  CameraMove move;
  move.zoom = 2;
  move.shift_px = {3, -5};
  const PinholeCamera moved = move.Apply(camera);
  EXPECT_DOUBLE_EQ(moved.fx, 400);
  EXPECT_DOUBLE_EQ(moved.fy, 420);
  EXPECT_DOUBLE_EQ(moved.cx, 2 * (40 - 50) + 50 + 3);
  EXPECT_DOUBLE_EQ(moved.cy, 2 * (60 - 50) + 50 - 5);
}

CameraMove RandomMove(Random* random) {
  CameraMove move;
  move.flip = random->Chance(0.5);
  move.new_from_cam =
      NewFromCam(random->Uniform(-180, 180), random->Uniform(-20, 20), random->Uniform(-20, 20));
  move.zoom = random->Uniform(0.5, 2);
  move.shift_px = {random->Uniform(-30, 30), random->Uniform(-30, 30)};
  return move;
}

TEST(CameraMove, InverseRestoresTheCamera) {
  for (uint64_t i = 0; i < 1000; ++i) {
    Random random(1, i, 0, Purpose::kTest);
    const PinholeCamera camera{
        128, 128, random.Uniform(100, 400), random.Uniform(100, 400), 50, 70};
    const CameraMove move = RandomMove(&random);
    const PinholeCamera back = move.Inverse().Apply(move.Apply(camera));
    EXPECT_LT((back.K() - camera.K()).cwiseAbs().maxCoeff(), 1e-9) << "draw " << i;
    const CameraMove twice = move.Inverse().Inverse();
    EXPECT_LT((twice.new_from_cam - move.new_from_cam).norm(), 1e-12) << "draw " << i;
    EXPECT_LT((twice.shift_px - move.shift_px).norm(), 1e-9) << "draw " << i;
  }
}

TEST(OldFromNewPixel, AgreesWithProjectedPointsAndTheirDepths) {
  for (uint64_t i = 0; i < 1000; ++i) {
    Random random(2, i, 0, Purpose::kTest);
    const PinholeCamera camera{128, 128, 250, 240, 60, 66};
    CameraMove move = RandomMove(&random);
    move.flip = false;
    const PinholeCamera moved = move.Apply(camera);
    const Vector3d x = RandomVector(random, 40) + Vector3d(0, 0, 500);
    const Vector3d turned = move.new_from_cam * x;
    const Vector3d p =
        OldFromNewPixel(camera, moved, move.new_from_cam) * moved.Project(turned).homogeneous();
    EXPECT_LT((p.hnormalized() - camera.Project(x)).norm(), 1e-8) << "draw " << i;
    EXPECT_NEAR(p.z(), x.z() / turned.z(), 1e-10) << "draw " << i;
  }
}

}  // namespace
}  // namespace handforge
