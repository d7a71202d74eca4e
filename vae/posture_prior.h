#pragma once

#include "io/core/random.h"
#include "io/core/skeleton.h"

#include <optional>
#include <vector>

#include <Eigen/Core>

namespace handforge {

// How a right hand is turned in the axes of a camera (x right, y down, z into the picture): the
// columns of a rotation are where its palm looks, where its thumb's side is and where its fingers
// point.
using HandRotation = Eigen::Matrix3d;

// Of a right hand's joints, in any unit; the fingers point from the wrist to the middle MCP. None
// of joints that say no such directions (not finite, no length, all on a line).
std::optional<HandRotation> RotationOfRightHand(const Joints3& joints_in_cam);

// A right hand of a person before an upright camera. Chains of the body between the shoulder and
// the hand let it be turned in some ways only: the wrist is somewhere before the person, the elbow
// hangs down and outwards, the forearm turns by 90 degrees to either side, the wrist bends. Most
// hands have something before their palm, so that no camera looks at that. Cameras stand before the
// person, look over the shoulder, or look down on what the hands do. Lengths of segments: D. A.
// Winter, Biomechanics and Motor Control of Human Movement, fig. 4.1 (after Drillis and Contini,
// 1966).
HandRotation SampleRightHand(Random& random);

// How likely right hands are turned in which way in photographs of people, taken upright. A right
// hand mirrored is a left one, so it tells sides: a hand seen from the back whose fingers point up
// and to the left is likelier a right one than a left one seen from the palm.
// Immutable; may be used by several threads.
class PosturePrior {
 public:
  // Draws the hands that the density is made of; the same each time.
  PosturePrior();

  // Natural logarithm of the density over that of rotations without any preference: a mixture of
  // those and of kernels as wide as an estimate errs, exp(cos(angle) / width^2), around the drawn
  // hands. 0 for joints that have no rotation.
  double LogRatio(const Joints3& right_hand_in_cam) const;
  double LogRatio(const HandRotation& right_hand_in_cam) const;

 private:
  std::vector<HandRotation> hands_;
};

}  // namespace handforge
