#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace handforge {

// What the networks see and say. All are of a right hand: left hands are mirrored on the way in and
// out (vae/targets.h), unless ModelOptions::side_input leaves them as they are. Per sample:
//   kRgb      {H, W, 3} colours in [0, 1]; decoders add alpha: {H, W, 4}
//   kJoints2  {21, 2} crop coordinates in [-1, 1] (x right, y down)
//   kJoints3  {21, 3} palm-centred, in reference bone lengths (ModelOptions::metric_scale: units of
//             kMetricUnitMm), axes of the crop camera
//   kDepth    {H, W} relative depth in [-1, 1] (NormaliseDepth in vae/targets.h)
enum class Modality { kRgb = 0, kJoints2 = 1, kJoints3 = 2, kDepth = 3 };
constexpr int kNumModalities = 4;
constexpr std::array<Modality, kNumModalities> kModalities = {
    Modality::kRgb, Modality::kJoints2, Modality::kJoints3, Modality::kDepth};

// Which modalities, by Modality.
using ModalitySet = std::array<bool, kNumModalities>;

const char* ModalityName(Modality modality);  // "rgb", "2d", "3d", "depth"
// Floats of one sample as an encoder's input; images of both kinds have rgb_px x rgb_px pixels.
int InputSize(Modality modality, int rgb_px);
bool IsImage(Modality modality);

// One encoder and one decoder that are trained together.
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

// What one step of Algorithm 1 of Spurr et al. 2018 trains: an encoder and a decoder, or several
// decoders that share the encoder's pass and its z; their losses are summed.
struct Pass {
  Modality from = Modality::kJoints3;
  std::vector<Modality> to;
  int weight = 1;  // steps in each round of the schedule

  bool Decodes(Modality modality) const;
  bool HasImages() const;  // to or from
  // From RGB to both joints and no picture: what `TrainOptions::decoded_share` may show decoded
  // pictures to.
  bool ReadsJoints() const;
  std::string Name() const;  // "rgb->3d+2d"
};

inline bool HasCanonicalFraming(const Pass& pass) {
  return std::any_of(pass.to.begin(), pass.to.end(), [&](Modality to) {
    return HasCanonicalFraming(Pair{pass.from, to, 1});
  });
}

// Parses "FROM->TO", "FROM->TO+TO", each perhaps with "*WEIGHT" (1 .. 1000). Throws UsageError
// naming the entry and the modalities there are, also for an empty list, a pass listed twice and a
// decoder named twice in a pass.
std::vector<Pass> ParsePasses(const std::vector<std::string>& texts);
// The pairs of these passes, each once, in order of appearance; weights are summed.
std::vector<Pair> PairsOf(const std::vector<Pass>& passes);
// PairsOf(ParsePasses(texts)).
std::vector<Pair> ParsePairs(const std::vector<std::string>& texts);

// Which pass is stepped when: a smooth weighted round robin, a pure function of the step.
class PassSchedule {
 public:
  explicit PassSchedule(const std::vector<Pass>& passes);

  int PassAt(int64_t step) const { return round_[step % round_.size()]; }
  // How often that step's pass has been stepped before.
  int64_t Occurrence(int64_t step) const;

 private:
  std::vector<int> weights_;
  std::vector<int> round_;   // pass of each step of a round
  std::vector<int> before_;  // occurrences of that pass earlier in the round
};

}  // namespace handforge
