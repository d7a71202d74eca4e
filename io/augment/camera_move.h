#pragma once

#include "io/core/augmentation.h"
#include "io/core/camera.h"

#include <Eigen/Core>

namespace handforge {

// Another look through the same centre of projection: first the mirror image (x -> -x of the camera
// frame), then a turn of the camera, then a zoom and shift of the pixel grid (a change of focal
// length and principal point). The centre of projection stays, so the new picture is a homography
// of the old one, every ray meets what it met, and 2D, 3D, depth and K change exactly; a shift or a
// zoom leaves 3D and depth as they are, a roll too but for the axes.
struct CameraMove {
  bool flip = false;
  Eigen::Matrix3d new_from_cam = Eigen::Matrix3d::Identity();  // rotation, after the flip
  double zoom = 1;                                             // about the picture's centre
  Eigen::Vector2d shift_px = Eigen::Vector2d::Zero();          // of the content, after the zoom

  bool ResamplesPixels() const;
  CameraMove Inverse() const;
  // The camera after the move; `camera` is that of the picture before it.
  PinholeCamera Apply(const PinholeCamera& camera) const;
};

// Roll turns the content from x towards y; pan turns the camera to the right and tilt downwards, so
// the content moves left and up. The camera pans and tilts first, then rolls.
Eigen::Matrix3d NewFromCam(double roll_deg, double pan_deg, double tilt_deg);

// The move that the numbers of a row stand for.
CameraMove MoveOf(const Augmentation& augmentation);

// Homography {3, 3} from pixels after the move to pixels before it (after its flip). The third
// coordinate of its result is z before the move over z after it, for any point on that ray.
Eigen::Matrix3d OldFromNewPixel(const PinholeCamera& flipped_camera,
                                const PinholeCamera& new_camera,
                                const Eigen::Matrix3d& new_from_cam);

}  // namespace handforge
