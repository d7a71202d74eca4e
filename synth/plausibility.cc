#include "synth/plausibility.h"

#include "render/collision.h"

#include <algorithm>
#include <cmath>

namespace handforge {

std::string ImplausibleBecause(const Rig& rig,
                               const BonePoses& fitted,
                               const PlausibilityOptions& options) {
  const MeasuredHand hand = Measure(rig, fitted);
  for (const auto& finger : hand.shape.segment_length) {
    for (double length : finger) {
      const double ratio = length / hand.shape.palm_length;
      if (ratio < options.shortest_bone || ratio > options.longest_bone) return "bone_lengths";
    }
  }
  // A decoded hand has no wrist of its own, and its twists are inferred.
  HandAngles angles = hand.angles_deg;
  for (int angle : {kWristFlexion, kWristDeviation}) angles[angle] = 0;
  if (LimitViolation(angles, nullptr) > options.joint_limit_slack_deg) return "joint_limits";
  for (const auto& finger : hand.off_hinge_deg) {
    for (double angle : finger) {
      if (std::abs(angle) > options.off_hinge_deg) return "off_hinge";
    }
  }
  if (SelfPenetrationMm(rig, fitted) > options.penetration_mm) return "self_collision";
  return "";
}

}  // namespace handforge
