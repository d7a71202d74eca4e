#pragma once

#include "io/core/joint_limits.h"
#include "render/rig.h"

#include <array>

namespace handforge {

// Proportions of a hand relative to the rig's rest shape; 1 = as modelled.
struct HandShape {
  double palm_length = 1;
  double palm_breadth = 1;
  double girth = 1;  // thickness of flesh across every bone
  std::array<std::array<double, 3>, kNumFingers> segment_length = {
      {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}}};
  std::array<std::array<double, 3>, kNumFingers> segment_girth = {  // beside `girth`
      {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}}};
};

// The joints move as follows, and `MeasureAngles` reads the same angles back:
//   finger MCP, DIP, PIP, CMC   R_child = R_parent * straight * Rx(-flexion) * Ry(abduction) *
//   Rz(twist)
// with `straight` the rest rotation freed of its flexion, so that flexion 0 is a straight finger;
// for the thumb's CMC `straight` is the rest rotation itself. Abduction and twist exist at the MCPs
// and the thumb's CMC only: PIP, DIP, thumb MCP and IP are hinges.
// Result in the hand frame (origin at the wrist).
BonePoses ForwardKinematics(const Rig& rig, const HandShape& shape, const HandAngles& angles_deg);

// Twist in degrees that goes with a swing of the thumb's CMC: a thumb that opposes turns its pad to
// the fingers (the axial rotation of Cooney et al. 1981). A plane fitted to the thumbs of
// configs/poses/gestures.yaml, which it meets within 10 degrees (standard deviation).
double UsualThumbTwist(double flexion_deg, double abduction_deg);

struct MeasuredHand {
  HandAngles angles_deg{};
  // Bending of the hinge joints across their hinge axis, degrees: 0 for a real hand. Index: finger,
  // then {thumb MCP or PIP, thumb IP or DIP}.
  std::array<std::array<double, 2>, kNumFingers> off_hinge_deg{};
  HandShape shape;
};
MeasuredHand Measure(const Rig& rig, const BonePoses& poses);

// Closed-form retargeting: poses whose joints equal the 21 target joints (any frame, mm, right
// hand). The palm's rotation, length and breadth come from wrist and MCPs, each metacarpal is swung
// and stretched to its knuckle, each finger bone swung to its target; its twist follows from the
// next joint being a hinge, faded out where the finger is nearly straight. Joints do not determine
// the forearm: `wrist_flexion_deg` and `wrist_deviation_deg` give its direction.
// Throws DataError where targets are not finite or two ends of a bone coincide.
BonePoses FitRig(const Rig& rig,
                 const Joints3& joints,
                 double wrist_flexion_deg = 0,
                 double wrist_deviation_deg = 0);

}  // namespace handforge
