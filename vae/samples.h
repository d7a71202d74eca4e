#pragma once

#include "io/core/tuple.h"
#include "vae/modality.h"
#include "vae/sample_pixels.h"

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace handforge {

// Pictures of one sample (SamplePixels), valid as long as this and the set are.
struct PixelView {
  const uint8_t* rgb = nullptr;
  const uint8_t* alpha = nullptr;
  const int8_t* depth = nullptr;
  std::shared_ptr<const SamplePixels> owner;  // where they were read for this view
};

// Where a sample was read: row `row` of folder `folder` of the list of folders.
struct SampleOrigin {
  uint32_t folder = 0;
  uint64_t row = 0;
};

// Labelled (and unlabelled) samples as the networks see them: right hands (SampleForm), model-size
// images, normalised joints (vae/modality.h). Row i of every array is sample i. Pictures are in
// memory or, where there are too many, in their shards.
struct SampleSet {
  explicit SampleSet(int rgb_size_px = 0) : rgb_px(rgb_size_px) {}

  int rgb_px = 0;
  std::vector<uint8_t> rgb;    // {N, px, px, 3} as SamplePixels; empty where `stored`
  std::vector<uint8_t> alpha;  // {N, px, px}
  std::vector<int8_t> depth;   // {N, px, px}
  std::shared_ptr<const StoredPixels> stored;
  std::vector<PixelPlace> places;      // {N} where `stored`
  std::vector<float> joints3;          // {N, 21, 3}
  std::vector<float> joints2;          // {N, 21, 2}
  std::vector<float> bone_mm;          // {N} reference bone length; 0 without 3D labels
  std::vector<float> focal_over_size;  // {N} fx / image width
  std::vector<uint8_t> visible;        // {N, 21} `Visibility`
  std::vector<uint8_t> handedness;     // {N} `Handedness` of the stored row
  // {N} 1 where something else stands at the hand: an object or another hand in the scene's record,
  // or one that hides a joint. What hides a hand is part of its picture, so its background stays,
  // and no decoder can tell it from a pose.
  std::vector<uint8_t> obstructed;
  std::vector<SampleOrigin> origin;  // {N}; empty where no dataset is behind them
  std::vector<uint32_t> present;  // {N} bits of `Present`: rgb, depth, mask, joints; 0 bits where a
                                  // modality is absent or may not be learned from

  int64_t size() const { return static_cast<int64_t>(present.size()); }
  bool Has(int64_t row, Modality modality) const;
  // Rows that have all modalities of the pass. Passes to pictures leave obstructed ones out, unless
  // there are no others.
  std::vector<int64_t> RowsFor(const Pass& pass) const;
  // Rows that have both modalities of the pair.
  std::vector<int64_t> RowsFor(const Pair& pair) const;

  // Any number of threads may ask. Only the wanted kinds are sure to be there.
  PixelView Pixels(int64_t row, const PixelKinds& kinds = {}) const;
  // One encoder input, InputSize(modality, rgb_px) floats.
  void CopyInput(int64_t row, Modality modality, float* input) const;
};

struct TrainingData {
  SampleSet train;
  // Split `validation`; `test`, which nothing should be chosen by, only where there is none.
  SampleSet held_out;
  std::vector<std::string> manifest_sha256;  // one per folder
};

// Pictures beyond so many bytes stay in their shards; either way they are the same.
constexpr uint64_t kAllInMemory = std::numeric_limits<uint64_t>::max();

// Loads the columns a model needs from dataset folders, every shard, in its form (PixelMaker).
// Unlabelled rows keep their picture and its depth. Throws DataError naming folder, shard and
// column: images smaller than `rgb_px`, not square, a principal point more than a quarter of the
// width off the centre (not a crop camera; nearer ones are turned to look at the centre), no
// training row.
TrainingData LoadTrainingData(const std::vector<std::string>& folders,
                              const SampleForm& form,
                              uint64_t most_pixel_bytes = kAllInMemory);

// The rows of the given splits of dataset folders, all rows where `splits` is empty. Throws as
// LoadTrainingData does, but for a folder without training rows; DataError where no row is left.
SampleSet LoadSamples(const std::vector<std::string>& folders,
                      const SampleForm& form,
                      const std::vector<Split>& splits,
                      uint64_t most_pixel_bytes = kAllInMemory);

// Takes labels away: of the N rows that have joints round(share * N), `share` in [0, 1], keep them,
// the same ones for any larger share; a pure function of (rows, share, seed). The others keep their
// picture and its depth, or with `keep_images` false nothing.
void DropLabels(double share, bool keep_images, uint64_t seed, SampleSet* samples);

// Rows with 2D or 3D joints.
int64_t LabelledRows(const SampleSet& samples);

// At most `limit` of the rows, evenly spaced; 0 = all.
std::vector<int64_t> EvenlySpaced(const std::vector<int64_t>& rows, int64_t limit);

// Median of focal_over_size; 0 for an empty set.
double MedianFocalOverSize(const SampleSet& samples);

}  // namespace handforge
