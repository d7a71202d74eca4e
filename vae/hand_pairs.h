#pragma once

#include "vae/crop_square.h"

#include <cstddef>
#include <optional>
#include <vector>

namespace handforge {

// Two hands beside each other in a picture mostly belong to one person: a left and a right one.
// Which of the two is which, is then told by both.

// For each square around a hand of one picture the index of the other hand of its pair, none where
// it has none. Two hands are a pair where each is the nearest of the other, in their own sizes,
// among the hands that may be the same person's: one at most twice as large as the other, within an
// arm span, and not one hand asked for twice (boxes that overlap by half of their union).
std::vector<std::optional<size_t>> PairHands(const std::vector<CropSquare>& squares);

// What the other hand of a pair adds to the log odds that this one is a left hand.
// `other_left_log_odds`: those of the other hand, seen alone. `opposite`: probability, 0..1, that
// the hands of a pair are a left and a right one; 0.5 adds nothing.
double LeftLogOddsByOther(double other_left_log_odds, double opposite);

}  // namespace handforge
