#include "io/augment/camera_move.h"

#include <cmath>

#include <Eigen/Geometry>
#include <Eigen/LU>

namespace handforge {
namespace {

constexpr double kRadPerDeg = 3.14159265358979323846 / 180;

}  // namespace

bool CameraMove::ResamplesPixels() const {
  return zoom != 1 || !shift_px.isZero(0) || !new_from_cam.isIdentity(0);
}

// With F = diag(-1, 1, 1): undoing turn and flip is x = F R^T x', which is the flip, then F R^T F.
CameraMove CameraMove::Inverse() const {
  CameraMove inverse;
  inverse.flip = flip;
  inverse.zoom = 1 / zoom;
  inverse.shift_px = -shift_px / zoom;
  inverse.new_from_cam = new_from_cam.transpose();
  if (flip) {
    const Eigen::DiagonalMatrix<double, 3> mirror(-1, 1, 1);
    inverse.shift_px.x() *= -1;
    inverse.new_from_cam = mirror * inverse.new_from_cam * mirror;
  }
  return inverse;
}

PinholeCamera CameraMove::Apply(const PinholeCamera& camera) const {
  PinholeCamera moved = camera;
  if (flip) moved.cx = camera.width_px - 1 - camera.cx;
  const Eigen::Vector2d centre(0.5 * camera.width_px - 0.5, 0.5 * camera.height_px - 0.5);
  moved.fx *= zoom;
  moved.fy *= zoom;
  moved.cx = zoom * (moved.cx - centre.x()) + centre.x() + shift_px.x();
  moved.cy = zoom * (moved.cy - centre.y()) + centre.y() + shift_px.y();
  return moved;
}

Eigen::Matrix3d NewFromCam(double roll_deg, double pan_deg, double tilt_deg) {
  using Eigen::AngleAxisd;
  using Eigen::Vector3d;
  return (AngleAxisd(roll_deg * kRadPerDeg, Vector3d::UnitZ()) *
          AngleAxisd(tilt_deg * kRadPerDeg, Vector3d::UnitX()) *
          AngleAxisd(-pan_deg * kRadPerDeg, Vector3d::UnitY()))
      .toRotationMatrix();
}

CameraMove MoveOf(const Augmentation& augmentation) {
  const auto& numbers = augmentation.numbers;
  CameraMove move;
  move.flip = (augmentation.applied & kFlipped) != 0;
  move.new_from_cam = NewFromCam(numbers[kRollDeg], numbers[kPanDeg], numbers[kTiltDeg]);
  move.zoom = numbers[kZoomFactor];
  move.shift_px = {numbers[kShiftX], numbers[kShiftY]};
  return move;
}

Eigen::Matrix3d OldFromNewPixel(const PinholeCamera& flipped_camera,
                                const PinholeCamera& new_camera,
                                const Eigen::Matrix3d& new_from_cam) {
  return flipped_camera.K() * new_from_cam.transpose() * new_camera.K().inverse();
}

}  // namespace handforge
