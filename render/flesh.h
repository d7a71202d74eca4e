#pragma once

#include "render/rig.h"

#include <array>

namespace handforge {

// Tapered capsules around the metacarpals (the thumb's is its ball) and the finger segments, fitted
// to the skin at rest: rays leave a bone's axis at several stations, a circle is laid through the
// points where they leave the skin, and centres and radii are made linear along the bone. Rays that
// run on inside the hand (into the neighbouring metacarpal, into the web) are left out. The palm
// and the forearm have none (radius 0).
std::array<FleshCapsule, kNumBones> FitFlesh(const Rig& rig);

}  // namespace handforge
