#pragma once

#include "render/rig.h"

namespace handforge {

// Deepest mutual penetration, in mm, of the capsules around bones of different fingers and around
// the metacarpals; 0 where nothing touches. Neighbours that touch in every hand (a finger's own
// bones, the roots of adjacent fingers, the thumb's ball and the palm) are left out. Flesh gives:
// up to about 5 mm is contact, not collision.
double SelfPenetrationMm(const Rig& rig, const BonePoses& poses);

}  // namespace handforge
