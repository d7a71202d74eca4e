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

// Nothing where a name is none or is there twice.
std::optional<std::vector<Modality>> ParseDecoders(const std::string& text) {
  std::vector<Modality> decoders;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t plus = std::min(text.find('+', begin), text.size());
    const auto modality = FindModality(text.substr(begin, plus - begin));
    if (!modality) return std::nullopt;
    if (std::count(decoders.begin(), decoders.end(), *modality) > 0) return std::nullopt;
    decoders.push_back(*modality);
    begin = plus + 1;
  }
  return decoders;
}

Pass ParsePass(const std::string& text) {
  const size_t arrow = text.find("->");
  const size_t star = text.find('*');
  if (arrow != std::string::npos && (star == std::string::npos || star > arrow)) {
    const size_t end = star == std::string::npos ? text.size() : star;
    const auto from = FindModality(text.substr(0, arrow));
    const auto to = ParseDecoders(text.substr(arrow + 2, end - arrow - 2));
    const int weight = star == std::string::npos ? 1 : ParseWeight(text.substr(star + 1));
    if (from && to && weight > 0) return Pass{*from, *to, weight};
  }
  throw UsageError("pairs: \"" + text +
                   "\" is no training pair; expected FROM->TO, FROM->TO+TO or either with *WEIGHT, "
                   "FROM and TO of rgb, 2d, 3d, depth (each TO once) and WEIGHT in 1 .. " +
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
    case Modality::kDepth:
      return "depth";
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
    case Modality::kDepth:
      return rgb_px * rgb_px;
  }
  return 0;
}

bool IsImage(Modality modality) {
  return modality == Modality::kRgb || modality == Modality::kDepth;
}

std::string Pair::Name() const { return std::string(ModalityName(from)) + "->" + ModalityName(to); }

bool Pass::Decodes(Modality modality) const {
  return std::count(to.begin(), to.end(), modality) > 0;
}

bool Pass::HasImages() const { return IsImage(from) || std::any_of(to.begin(), to.end(), IsImage); }

bool Pass::ReadsJoints() const {
  return from == Modality::kRgb && Decodes(Modality::kJoints2) && Decodes(Modality::kJoints3) &&
         !Decodes(Modality::kRgb);
}

std::string Pass::Name() const {
  std::string name = std::string(ModalityName(from)) + "->";
  for (const Modality modality : to) {
    if (modality != to.front()) name += "+";
    name += ModalityName(modality);
  }
  return name;
}

std::vector<Pass> ParsePasses(const std::vector<std::string>& texts) {
  if (texts.empty()) throw UsageError("pairs: empty; expected at least one, such as 3d->3d");
  std::vector<Pass> passes;
  std::set<std::string> names;
  for (const std::string& text : texts) {
    passes.push_back(ParsePass(text));
    if (!names.insert(passes.back().Name()).second) {
      throw UsageError("pairs: " + passes.back().Name() +
                       " is listed twice; give it a weight instead (" + passes.back().Name() +
                       "*2)");
    }
  }
  return passes;
}

std::vector<Pair> PairsOf(const std::vector<Pass>& passes) {
  std::vector<Pair> pairs;
  for (const Pass& pass : passes) {
    for (const Modality to : pass.to) {
      const auto same = [&](const Pair& pair) { return pair.from == pass.from && pair.to == to; };
      const auto found = std::find_if(pairs.begin(), pairs.end(), same);
      if (found == pairs.end()) {
        pairs.push_back({pass.from, to, pass.weight});
      } else {
        found->weight += pass.weight;
      }
    }
  }
  return pairs;
}

std::vector<Pair> ParsePairs(const std::vector<std::string>& texts) {
  return PairsOf(ParsePasses(texts));
}

PassSchedule::PassSchedule(const std::vector<Pass>& passes) {
  int total = 0;
  for (const Pass& pass : passes) {
    weights_.push_back(pass.weight);
    total += pass.weight;
  }
  std::vector<int> credit(passes.size(), 0);
  std::vector<int> count(passes.size(), 0);
  for (int step = 0; step < total; ++step) {
    for (size_t i = 0; i < passes.size(); ++i) credit[i] += weights_[i];
    const int chosen =
        static_cast<int>(std::max_element(credit.begin(), credit.end()) - credit.begin());
    credit[chosen] -= total;
    round_.push_back(chosen);
    before_.push_back(count[chosen]++);
  }
}

int64_t PassSchedule::Occurrence(int64_t step) const {
  const int64_t round = step / static_cast<int64_t>(round_.size());
  const size_t position = static_cast<size_t>(step % static_cast<int64_t>(round_.size()));
  return round * weights_[round_[position]] + before_[position];
}

}  // namespace handforge
