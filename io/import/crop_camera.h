#pragma once

#include "io/core/camera.h"
#include "io/core/image.h"
#include "io/core/skeleton.h"

#include <Eigen/Core>

namespace handforge {

// What of a whole picture becomes a training crop: the view of a virtual camera at the real one's
// centre of projection, turned (by the smallest rotation) until the middle of the hand lies on its
// optical axis. The crop is a homography of the picture, and labels stay exact: x_in_crop =
// crop_from_cam * x_in_cam, and `camera` projects it.
struct CropCamera {
  Eigen::Matrix3d crop_from_cam = Eigen::Matrix3d::Identity();
  PinholeCamera camera;  // square, principal point at its centre, in single precision (as stored)
};

// The middle of the box around the projected joints lies at the crop's centre, and the longer side
// of that box takes the share `fill` of the crop's. Throws DataError where a joint lies behind one
// of the cameras, or all project to one point.
CropCamera CropAround(const Joints3& joints_in_cam, int size_px, double fill);

// {size_px, size_px, 3}: the picture through the crop's camera (on a grid of its own with the same
// field of view), averaged where several pixels become one. Beyond its edges the picture is
// mirrored, as in training.
ImageU8 CropColours(const CropCamera& crop,
                    const PinholeCamera& camera,
                    const ImageU8& rgb,
                    int size_px);

// On the crop's own grid: the nearest pixel of the picture, 0 beyond it.
ImageU8 CropMask(const CropCamera& crop, const PinholeCamera& camera, const ImageU8& mask);
// The same of depth along the optical axis, which the turn changes by one factor along each ray; 0
// where it would not fit 16 bits.
ImageU16 CropDepth(const CropCamera& crop, const PinholeCamera& camera, const ImageU16& depth);

}  // namespace handforge
