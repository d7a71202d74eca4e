#pragma once

#include "io/config.h"
#include "render/kinematics.h"

#include <string>

namespace handforge {

// Bounds beyond which a decoded hand is not a hand. Angles, hinges, bones and
// penetration are those of the rig fitted exactly to it.
struct PlausibilityOptions {
  // How far an angle may lie outside its anatomical range, degrees. 4 mm, which a decoded joint is
  // off by, turn a last phalanx by 10 degrees; the label is the nearest hand within the range.
  double joint_limit_slack_deg = 24;
  // How far PIP, DIP, thumb MCP and IP may bend across their hinge, degrees.
  double off_hinge_deg = 22;
  // Length of each finger bone against the rig's, relative to the palm's length.
  double shortest_bone = 0.65;
  double longest_bone = 1.5;
  // How deep parts may pass into each other, mm.
  double penetration_mm = 9;
  // RMS distance of the decoded 3D joints from the nearest hand, mm (synth/nearest_hand.h).
  double fit_mm = 10;
  // RMS distance of the decoded 2D joints from the label's, px of the depth image.
  double residual_px = 9;
  // Smallest overlap of decoded silhouette and ray-traced mask; 0 = any.
  double silhouette_iou = 0;
  // Cycle error (quality_cycle_rgb_mm, quality_cycle_2d_mm); 0 = any.
  double cycle_mm = 0;
  // Smallest number of joints within the picture.
  int64_t joints_in_frame = kNumJoints;
  // Greatest z of a joint, mm. Depth is stored up to 6553.5 mm; the forearm reaches beyond the
  // hand.
  double furthest_mm = 6000;
  // Smallest share of the picture that shows the hand itself, no forearm.
  double hand_share = 0.02;

  void Visit(Fields& fields);
};

// The reason why a fitted hand is rejected ("bone_lengths", "joint_limits",
// "off_hinge" or "self_collision"); "" where it is plausible.
std::string ImplausibleBecause(const Rig& rig,
                               const BonePoses& fitted,
                               const PlausibilityOptions& options);

}  // namespace handforge
