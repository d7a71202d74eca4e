#pragma once

#include "tests/render/render_testing.h"

#include <vector>

namespace handforge {

// Some random hands as the pose prior draws them, and a 256 x 256 camera that frames each.
constexpr int kHands = 64;
const std::vector<RigPose>& Poses();
const std::vector<std::vector<Eigen::Vector3f>>& Surfaces();
PinholeCamera CameraOn(const RigPose& pose);

}  // namespace handforge
