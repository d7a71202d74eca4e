#pragma once

#include "render/kinematics.h"
#include "render/pose_library.h"
#include "render/pose_prior.h"
#include "render/rig.h"

#include <filesystem>
#include <vector>

namespace handforge {

// The project's rig, loaded once per process.
const Rig& TestRig();
const std::vector<Gesture>& TestGestures();
std::filesystem::path SourcePath(const std::string& relative);

// A random hand as the pose prior draws it (collisions included), at a random place before the
// camera.
struct RandomHand {
  HandShape shape;
  HandAngles angles_deg;
  BonePoses poses_in_cam;
};
RandomHand DrawHand(uint64_t seed, uint64_t index);

Eigen::Matrix3d RandomRotation(Random& random);

}  // namespace handforge
