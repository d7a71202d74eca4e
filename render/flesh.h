#pragma once

#include "render/rig.h"

#include <array>

namespace handforge {

// Tapered capsules around the metacarpals (the thumb's is its ball) and the finger segments, fitted
// to the skin at rest: rays leave a bone's axis at several stations, a circle is laid through the
// points where they leave the skin, and centres and radii are made linear along the bone. Rays that
// run on inside the hand (into the neighbouring metacarpal, into the web) are left out.
// The palm bone stands for the web between thumb and index: only its radius is set, the depth of
// the flesh half-way between the two metacarpals; see WebCapsule. The forearm has none (radius 0).
std::array<FleshCapsule, kNumBones> FitFlesh(const Rig& rig);

// The web's capsule in the frame of `poses`: it spans the capsules of the thumb's and the index's
// metacarpals, whose motion it follows.
FleshCapsule WebCapsule(const Rig& rig, const BonePoses& poses);

// A bone's capsule in the frame of `poses`.
FleshCapsule PosedCapsule(const Rig& rig, const BonePoses& poses, int bone);

}  // namespace handforge
