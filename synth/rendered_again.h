#pragma once

#include "io/core/tuple.h"

#include <string>
#include <vector>

namespace handforge {

struct Difference {
  std::string column;
  std::string what;
};

// How a stored row differs from `rendered`, the same row with depth, mask and visibility made again
// from its rig. A row as it was made must be equal in every pixel. An augmented one may differ by
// what its augmentation does, and by no more:
//  - occluders (mask 18 and above) lie in front of what they hide, and joints behind them or behind
//    a cut-out are kHiddenByOccluder;
//  - a moved camera's pixels are the nearest ones of the first picture: each must show a part, and
//    a depth within kResampledDepthMm and a pixel's width of the depths, that are rendered to at
//    most ResampleReach(zoom) pixels away, for all but kResampledOddShare of the pixels;
//  - beyond the edge of the first picture there is nothing, and joints there are
//    kVisibilityUnknown;
//  - one joint may differ in visibility: its ray may graze an edge of the rig, rounded anew.
std::vector<Difference> CompareWithRendered(const Tuple& stored, const Tuple& rendered);

constexpr double kResampledDepthMm = 1;
constexpr double kResampledOddShare = 0.01;
int ResampleReach(double zoom);

}  // namespace handforge
