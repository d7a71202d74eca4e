#pragma once

#include "io/augment/augmentation_options.h"
#include "io/core/random.h"
#include "io/core/tuple.h"

#include <array>
#include <vector>

namespace handforge {

// A smooth, shaded, closed shape between the camera and the hand. Positions and lengths are shares
// of the picture's side, from its left and top edge, so that one blob covers all grids alike.
struct OccluderBlob {
  double x = 0.5;
  double y = 0.5;
  double radius = 0.1;
  // Radius in direction a: radius (1 + sum_k swell[k] cos((k + 1) a + phase[k])).
  std::array<double, 4> swell{};
  std::array<double, 4> phase{};
  std::array<double, 3> colour{};  // 0 to 255, where it faces the camera
  double front_mm = 0;             // depth of its nearest point
  double thickness_mm = 0;         // its rim lies this much further

  // Distance from the centre over that of the rim in that direction: below 1 inside.
  double RelativeRadius(double at_x, double at_y) const;
};

// One to `options.most` blobs near the hand's box, before the nearest of what they hide; the
// furthest first.
std::vector<OccluderBlob> DrawBlobs(const OccluderOptions& options,
                                    const Tuple& tuple,
                                    Random* random);

// Puts one blob after the other over the picture (antialiased), alpha, mask (kPartFirstOccluder)
// and depth: where several lie, all show the last; joints in the picture whose pixel they cover
// become kHiddenByOccluder, and the box encloses what the mask still shows. What `present` says is
// missing stays missing.
void PlaceBlobs(const std::vector<OccluderBlob>& blobs, Tuple* tuple);

// Share of the hand's pixels (without a mask: of the joints in the picture) behind the blobs.
double HiddenShare(const std::vector<OccluderBlob>& blobs, const Tuple& tuple);

}  // namespace handforge
