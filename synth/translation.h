#pragma once

#include "io/core/camera.h"
#include "io/core/skeleton.h"

namespace handforge {

struct Placement {
  Eigen::Vector3d translation_mm = Eigen::Vector3d::Zero();
  double residual_px = 0;  // RMS over the joints
  bool in_front = false;   // all joints at z > 0
};

// Where a hand of known metric shape must stand so that it projects to given pixels: minimises
// sum |project(joints + t) - joints_px|^2. Starts from the linear least squares of the projection
// equations  fx (X + tx) = (u - cx) (Z + tz),  fy (Y + ty) = (v - cy) (Z + tz),  then refines with
// Gauss-Newton.
Placement SolveTranslation(const Joints3& joints_mm,
                           const Joints2& joints_px,
                           const PinholeCamera& camera);

// The same joints, `share` (0 .. 1) of the way from where they project, the hand being placed by
// SolveTranslation, to the given pixels; at their depths, in the frame of `joints_mm`. As they are
// where no place is in front of the camera.
Joints3 MovedTowardsPixels(const Joints3& joints_mm,
                           const Joints2& joints_px,
                           const PinholeCamera& camera,
                           double share);

}  // namespace handforge
