#include "vae/modality.h"

#include "io/core/error.h"
#include "io/core/skeleton.h"

#include <algorithm>
#include <optional>
#include <set>

namespace handforge {
namespace {

constexpr int kMaxWeight = 1000;

std::optional<Modality> FindModality(const std::string& name) {
  for (const Modality modality : kModalities) {
    if (name == ModalityName(modality)) return modality;
  }
  return std::nullopt;
}

// 0 where the text is no whole number in 1 .. kMaxWeight.
int ParseWeight(const std::string& text) {
  if (text.empty() || text.size() > 4) return 0;
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) return 0;
  const int weight = std::stoi(text);
  return weight <= kMaxWeight ? weight : 0;
}

Pair ParsePair(const std::string& text) {
  const size_t arrow = text.find("->");
  const size_t star = text.find('*');
  if (arrow != std::string::npos && (star == std::string::npos || star > arrow)) {
    const size_t end = star == std::string::npos ? text.size() : star;
    const auto from = FindModality(text.substr(0, arrow));
    const auto to = FindModality(text.substr(arrow + 2, end - arrow - 2));
    const int weight = star == std::string::npos ? 1 : ParseWeight(text.substr(star + 1));
    if (from && to && weight > 0) return Pair{*from, *to, weight};
  }
  throw UsageError("pairs: \"" + text +
                   "\" is no training pair; expected FROM->TO or FROM->TO*WEIGHT with FROM and TO "
                   "of rgb, 2d, 3d and WEIGHT in 1 .. " +
                   std::to_string(kMaxWeight));
}

}  // namespace

const char* ModalityName(Modality modality) {
  switch (modality) {
    case Modality::kRgb:
      return "rgb";
    case Modality::kJoints2:
      return "2d";
    case Modality::kJoints3:
      return "3d";
  }
  return "";
}

int InputSize(Modality modality, int rgb_px) {
  switch (modality) {
    case Modality::kRgb:
      return rgb_px * rgb_px * 3;
    case Modality::kJoints2:
      return kNumJoints * 2;
    case Modality::kJoints3:
      return kNumJoints * 3;
  }
  return 0;
}

std::string Pair::Name() const { return std::string(ModalityName(from)) + "->" + ModalityName(to); }

std::vector<Pair> ParsePairs(const std::vector<std::string>& texts) {
  if (texts.empty()) throw UsageError("pairs: empty; expected at least one, such as 3d->3d");
  std::vector<Pair> pairs;
  std::set<std::string> names;
  for (const std::string& text : texts) {
    pairs.push_back(ParsePair(text));
    if (!names.insert(pairs.back().Name()).second) {
      throw UsageError("pairs: " + pairs.back().Name() +
                       " is listed twice; give it a weight instead (" + pairs.back().Name() +
                       "*2)");
    }
  }
  return pairs;
}

PairSchedule::PairSchedule(const std::vector<Pair>& pairs) {
  int total = 0;
  for (const Pair& pair : pairs) {
    weights_.push_back(pair.weight);
    total += pair.weight;
  }
  std::vector<int> credit(pairs.size(), 0);
  std::vector<int> count(pairs.size(), 0);
  for (int step = 0; step < total; ++step) {
    for (size_t i = 0; i < pairs.size(); ++i) credit[i] += weights_[i];
    const int chosen =
        static_cast<int>(std::max_element(credit.begin(), credit.end()) - credit.begin());
    credit[chosen] -= total;
    round_.push_back(chosen);
    before_.push_back(count[chosen]++);
  }
}

int64_t PairSchedule::Occurrence(int64_t step) const {
  const int64_t round = step / static_cast<int64_t>(round_.size());
  const size_t position = static_cast<size_t>(step % static_cast<int64_t>(round_.size()));
  return round * weights_[round_[position]] + before_[position];
}

}  // namespace handforge
