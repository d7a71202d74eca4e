#include "synth/split_draw.h"

#include "io/core/error.h"
#include "io/core/random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace handforge {
namespace {

// Whole numbers that add up to `total`, in the ratio of `shares` (which add up to 1), by largest
// remainders; of equal ones the first is served first. None is 0 whose share is not, at the cost of
// the largest. Requires as many groups as there are shares above 0.
template <size_t kParts>
std::array<size_t, kParts> Apportion(size_t total, const std::array<double, kParts>& shares) {
  std::array<size_t, kParts> counts{};
  std::array<double, kParts> remainders{};
  size_t given = 0;
  for (size_t i = 0; i < kParts; ++i) {
    const double exact = shares[i] * static_cast<double>(total);
    counts[i] = static_cast<size_t>(std::floor(exact + kShareRounding));
    remainders[i] = exact - static_cast<double>(counts[i]);
    given += counts[i];
  }
  for (; given < total; ++given) {
    const auto largest = std::max_element(remainders.begin(), remainders.end());
    ++counts[static_cast<size_t>(largest - remainders.begin())];
    *largest -= 1;
  }
  for (size_t i = 0; i < kParts; ++i) {
    if (shares[i] <= kShareRounding || counts[i] > 0) continue;
    --*std::max_element(counts.begin(), counts.end());
    ++counts[i];
  }
  return counts;
}

std::vector<SplitGroup> InDrawnOrder(const std::vector<SplitGroup>& groups,
                                     uint64_t seed,
                                     Purpose purpose) {
  std::vector<std::pair<uint64_t, SplitGroup>> drawn;
  drawn.reserve(groups.size());
  for (const SplitGroup& group : groups) {
    const auto index = static_cast<uint64_t>(group.number) ^ group.run;
    Random random(seed, index, static_cast<uint32_t>(group.kind), purpose);
    drawn.emplace_back(random.NextU64(), group);
  }
  std::sort(drawn.begin(), drawn.end());
  std::vector<SplitGroup> order;
  order.reserve(drawn.size());
  for (const auto& [draw, group] : drawn) order.push_back(group);
  return order;
}

void RequireEnough(size_t groups, const std::array<double, 3>& shares) {
  const auto parts = static_cast<size_t>(std::count_if(
      shares.begin(), shares.end(), [](double share) { return share > kShareRounding; }));
  if (groups >= parts) return;
  throw UsageError("split: the rows are of " + std::to_string(groups) +
                   (groups == 1 ? " group" : " groups") + " that may not be parted, but " +
                   std::to_string(parts) +
                   " parts have a share (split.validation_share, split.test_share, the rest for "
                   "training); set one of them to 0, or part by something finer (split.by)");
}

}  // namespace

std::map<SplitGroup, GroupFate> DrawSplits(const std::set<SplitGroup>& groups,
                                           const SplitShares& shares,
                                           uint64_t seed) {
  const std::array<double, 3> parts = {
      std::max(0.0, 1 - shares.validation - shares.test), shares.validation, shares.test};
  RequireEnough(groups.size(), parts);
  const auto [num_train, num_validation, num_test] = Apportion(groups.size(), parts);
  const std::vector<SplitGroup> order =
      InDrawnOrder({groups.begin(), groups.end()}, seed, Purpose::kSplit);
  std::map<SplitGroup, GroupFate> fates;
  std::vector<SplitGroup> train;
  for (size_t i = 0; i < order.size(); ++i) {
    const Split split = i < num_test                    ? Split::kTest
                        : i < num_test + num_validation ? Split::kValidation
                                                        : Split::kTrain;
    fates[order[i]].split = split;
    if (split == Split::kTrain) train.push_back(order[i]);
  }
  if (shares.labelled >= 1 || train.empty()) return fates;
  const auto wanted =
      static_cast<size_t>(std::lround(shares.labelled * static_cast<double>(num_train)));
  const size_t labelled = shares.labelled > 0 ? std::max<size_t>(1, wanted) : 0;
  const std::vector<SplitGroup> by_label = InDrawnOrder(train, seed, Purpose::kLabelled);
  for (size_t i = labelled; i < by_label.size(); ++i) fates[by_label[i]].keeps_labels = false;
  return fates;
}

}  // namespace handforge
