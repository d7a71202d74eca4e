#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace handforge {

// What the networks see and say. All three are of a right hand: left hands are mirrored on the way
// in and out (vae/targets.h). Per sample:
//   kRgb      {H, W, 3} colours in [0, 1]; decoders add alpha: {H, W, 4}
//   kJoints2  {21, 2} crop coordinates in [-1, 1] (x right, y down)
//   kJoints3  {21, 3} palm-centred, in reference bone lengths, axes of the crop camera
enum class Modality { kRgb = 0, kJoints2 = 1, kJoints3 = 2 };
constexpr int kNumModalities = 3;
constexpr std::array<Modality, kNumModalities> kModalities = {
    Modality::kRgb, Modality::kJoints2, Modality::kJoints3};

// Which modalities, by Modality.
using ModalitySet = std::array<bool, kNumModalities>;

const char* ModalityName(Modality modality);  // "rgb", "2d", "3d"
// Floats of one sample as an encoder's input.
int InputSize(Modality modality, int rgb_px);

// One line of Algorithm 1 of Spurr et al. 2018: an encoder and a decoder trained together.
struct Pair {
  Modality from = Modality::kJoints3;
  Modality to = Modality::kJoints3;
  int weight = 1;  // steps in each round of the schedule

  std::string Name() const;  // "rgb->3d"
};

// Whether the pair's decoder is taught the canonical framing (vae/augment.h): it hears 3D joints,
// which have no place in the crop, and speaks of the crop.
inline bool HasCanonicalFraming(const Pair& pair) {
  return pair.from == Modality::kJoints3 && pair.to != Modality::kJoints3;
}

// Parses "FROM->TO" or "FROM->TO*WEIGHT" (weight 1 .. 1000). Throws UsageError naming the entry
// and the modalities there are, also for an empty list and for a pair named twice.
std::vector<Pair> ParsePairs(const std::vector<std::string>& texts);

// Which pair is stepped when: a smooth weighted round robin, a pure function of the step.
class PairSchedule {
 public:
  explicit PairSchedule(const std::vector<Pair>& pairs);

  int PairAt(int64_t step) const { return round_[step % round_.size()]; }
  // How often that step's pair has been stepped before.
  int64_t Occurrence(int64_t step) const;

 private:
  std::vector<int> weights_;
  std::vector<int> round_;   // pair of each step of a round
  std::vector<int> before_;  // occurrences of that pair earlier in the round
};

}  // namespace handforge
