#pragma once

#include "render/rig.h"

#include <vector>

namespace handforge {

// Two bones whose capsules (`rig.flesh`) pass into each other.
struct SelfContact {
  int bone_a = 0;
  int bone_b = 0;
  double depth_mm = 0;
};

// Pairs of capsules that pass deeper than `deeper_than_mm` into each other: those around segments
// of different fingers, around the far segments of one finger, and segments against the palm, the
// thumb's ball and the web between thumb and index.
// Neighbours that touch in every hand (adjoining segments, the roots of fingers and the palm, the
// thumb's root and its ball) are left out.
std::vector<SelfContact> SelfContacts(const Rig& rig,
                                      const BonePoses& poses,
                                      double deeper_than_mm);

// Depth of one pair; negative where they are apart. Both bones need flesh.
double ContactDepthMm(const Rig& rig, const BonePoses& poses, int bone_a, int bone_b);

// The deepest contact, in mm; 0 where nothing touches. Flesh gives: up to about 2.5 mm is contact,
// not collision.
double SelfPenetrationMm(const Rig& rig, const BonePoses& poses);

}  // namespace handforge
