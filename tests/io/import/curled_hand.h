#pragma once

#include "io/core/skeleton.h"

#include <cmath>

namespace handforge {

// A right hand, its back towards the camera, fingers up and curled, the wrist at the origin; its
// middle bone is 40 mm long.
inline Joints3 CurledRightHand() {
  Joints3 joints = Joints3::Zero();
  for (int finger = 0; finger < kNumFingers; ++finger) {
    Eigen::RowVector3d at(20.0 * (finger - 2) - 5, finger == kThumb ? -30 : -85, 0);
    for (int level = 0; level < 4; ++level) {
      joints.row(FingerJoint(finger, level)) = at;
      const double bend = 0.3 + 0.35 * level;
      at += (40 - 8 * level) * Eigen::RowVector3d(0, -std::cos(bend), std::sin(bend));
    }
  }
  return joints;
}

}  // namespace handforge
