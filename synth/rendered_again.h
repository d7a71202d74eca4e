#pragma once

#include "io/core/tuple.h"

#include <string>
#include <vector>

namespace handforge {

struct Difference {
  std::string column;
  std::string what;
};

// The record of a row as its first picture showed it: a moved camera moved back, a flip kept.
// Without images.
Tuple BeforeMove(const Tuple& stored);

// How a stored row differs from what its rig renders to: `rendered` is the row, and `before` is
// BeforeMove(row), with depth, mask and visibility made again. A row as it was made must be equal
// in every pixel. An augmented one may differ by what its augmentation does, and by no more:
//  - occluders (mask 18 and above) lie in front of what they hide, and joints behind them or behind
//    a cut-out are kHiddenByOccluder;
//  - a moved camera's pixel shows what the first picture's pixel nearest to its ray does, with the
//    depth of that point in the new camera, for all but kGrazingShare of the pixels: the turned rig
//    is rounded anew, and so may a ray that grazes an edge fall on its other side;
//  - beyond the edge of the first picture there is nothing, and joints there are
//    kVisibilityUnknown;
//  - one joint may differ in visibility, for the same reason.
std::vector<Difference> CompareWithRendered(const Tuple& stored,
                                            const Tuple& rendered,
                                            const Tuple& before);

constexpr double kGrazingShare = 0.002;

}  // namespace handforge
