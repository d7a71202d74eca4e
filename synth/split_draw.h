#pragma once

#include "io/core/tuple.h"

#include <cstdint>
#include <map>
#include <set>
#include <tuple>

namespace handforge {

// What a number of a group counts; the order is from what holds most rows to what holds least.
enum class GroupKind : uint8_t { kSubject = 0, kSequence = 1, kImage = 2, kTuple = 3 };

// Rows that must stay together.
struct SplitGroup {
  GroupKind kind = GroupKind::kTuple;
  // Tells rows of different runs apart that have one number; 0 for all other kinds: a number stands
  // for one person, scene or picture in whichever dataset it is, so that a dataset and what was
  // augmented from it part alike. At worst two persons of two datasets go the same way.
  uint64_t run = 0;
  int64_t number = 0;

  bool operator<(const SplitGroup& other) const {
    return std::tie(kind, run, number) < std::tie(other.kind, other.run, other.number);
  }
};

// A share this close to 0 or a whole number is one: 1 - 0.9 - 0.1 is not 0 in floating point.
constexpr double kShareRounding = 1e-9;

struct SplitShares {
  double validation = 0;
  double test = 0;
  double labelled = 1;  // of the groups for training
};

struct GroupFate {
  Split split = Split::kTrain;
  bool keeps_labels = true;
};

// Parts the groups. Their order is drawn, each one's place a pure function of (seed, group,
// purpose); the first are for tests, the next for validation, the others for training. How many is
// no matter of chance: the shares of the number of groups, rounded by largest remainders, so that
// 100 persons at 0.1 give 10; a share above 0 gives at least one. (Of rows the shares are the same
// only as far as groups are of one size.) A larger test share therefore only adds to the test
// groups. Likewise the training groups that keep their labels: first in an order of their own, so
// that those of a smaller share are among those of a larger one.
// Throws UsageError where there are fewer groups than parts that must have one.
std::map<SplitGroup, GroupFate> DrawSplits(const std::set<SplitGroup>& groups,
                                           const SplitShares& shares,
                                           uint64_t seed);

}  // namespace handforge
