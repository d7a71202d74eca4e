#pragma once

#include "io/core/skeleton.h"
#include "vae/samples.h"

#include <array>
#include <string>
#include <vector>

#include <torch/torch.h>

namespace handforge {

// What a hand cannot be, as losses after Spurr et al., "Weakly Supervised 3D Hand Pose Estimation
// via Biomechanical Constraints", ECCV 2020 (arXiv 2003.09282): bones of impossible length, joints
// bent beyond their range. Both are 0 for possible hands and need no label.

/// Angles {N, kNumJointAngles} in degrees of right hands, joints {N, 21, 3} in any unit and frame
/// that is not mirrored. Flexion of finger MCP, PIP and DIP is positive towards the palm, abduction
/// of the MCP towards the thumb; bending across the hinge is that of PIP and DIP. Of the thumb,
/// whose axes 21 joints do not tell, the angles between its bones at MCP and IP.
torch::Tensor JointAnglesDeg(const torch::Tensor& joints);
constexpr int kAnglesOfFinger = 6;  // MCP flexion, abduction, PIP, PIP across, DIP, DIP across
constexpr int kNumJointAngles = 4 * kAnglesOfFinger + 2;

// The range of each of these angles, from io/core/joint_limits.h. Abduction is measured against
// the mean direction of a finger's metacarpal and the middle one, its range against the rig's
// relaxed one: 15 degrees are granted for that. Across a hinge 25 degrees are.
struct AngleRange {
  std::string name;  // "index_pip_flexion"
  double low_deg;
  double high_deg;
};
const std::array<AngleRange, kNumJointAngles>& AngleRanges();
/// Mean over hands and angles of how far each lies outside its range, in radians.
torch::Tensor AngleExcess(const torch::Tensor& joints);

// Lengths of the 20 bones in units of the model's 3D joints.
struct BoneRanges {
  std::array<double, kNumEdges> low{};
  std::array<double, kNumEdges> high{};
};
// From the 0.5th to the 99.5th percentile of the labelled samples. Throws DataError without any.
BoneRanges MeasureBones(const SampleSet& samples);
/// Mean over hands and bones of how far each length lies outside its range, joints {N, 21, 3}.
torch::Tensor BoneExcess(const torch::Tensor& joints, const BoneRanges& ranges);

}  // namespace handforge
