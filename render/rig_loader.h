#pragma once

#include "render/rig_spec.h"

#include <array>
#include <filesystem>
#include <utility>
#include <vector>

#include <Eigen/Core>

namespace handforge {

// A rigged hand as the file has it, reduced to plain arrays: millimetres, a RIGHT hand (a left one
// is mirrored in x with its winding flipped), vertices at one position merged.
struct RiggedMesh {
  std::vector<Eigen::Vector3d> positions_mm;
  std::vector<std::array<int, 3>> triangles;  // counter-clockwise seen from outside
  // Per vertex: {WebXR joint, weight}, weights sum to 1.
  std::vector<std::vector<std::pair<int, double>>> weights;
  std::array<Eigen::Vector3d, kNumXrJoints> joint_mm;
  std::array<Eigen::Vector3d, kNumXrJoints> hinge_axis;  // unit, flexion axis at rest
};

// Reads the file in a child process (io/isolated.h), since Assimp can crash on damaged ones.
// Throws EnvironmentError where the file is missing, DataError naming the file where it cannot be
// read, has no skinned mesh, lacks joints (all are listed), or holds a mesh that is empty, not
// finite, not closed or of unlikely size.
RiggedMesh LoadRiggedMesh(const std::filesystem::path& file, const RigSpec& spec);

}  // namespace handforge
