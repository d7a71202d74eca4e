#pragma once

#include "render/rig.h"

namespace handforge {

// Deepest mutual penetration, in mm, of the capsules of `rig.flesh` around the segments of
// different fingers, around the far ends of one finger, and around the palm; 0 where nothing
// touches. Neighbours that touch in every hand (adjoining segments, the roots of fingers and the
// palm, the thumb's root and its ball) are left out. Flesh gives: up to about 4 mm is contact, not
// collision.
double SelfPenetrationMm(const Rig& rig, const BonePoses& poses);

}  // namespace handforge
