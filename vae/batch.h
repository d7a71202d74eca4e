#pragma once

#include "io/core/random.h"
#include "vae/augment.h"
#include "vae/samples.h"

#include <array>
#include <cstdint>
#include <future>
#include <string>
#include <vector>

namespace handforge {

// What one training step is fed.
struct Batch {
  int64_t step = 0;
  Pass pass;
  int rows = 0;
  // Rows at the end of `input` that show left hands; they have no targets but their side.
  int left_rows = 0;
  // Rows at the beginning, in the canonical framing, whose picture is to be decoded of their labels
  // over `backgrounds` {decoded_rows, 3, px, px}; `input` shows their skin and light.
  int decoded_rows = 0;
  std::vector<float> backgrounds;
  // rgb {rows + left_rows, 3, px, px} in [0, 1]; depth {.., 1, px, px}; 2d {.., 42}; 3d {.., 63}
  std::vector<float> input;
  // By modality, empty where the pass does not decode it: rgb {rows, 5, px, px} as of AugmentImage,
  // depth {rows, 2, px, px} as of AugmentDepth; 2d, 3d as the input.
  std::array<std::vector<float>, kNumModalities> targets;
  // {rows, 3, px, px} the same hands in the same light, turned otherwise: where skin and light may
  // be seen but no pose. Passes to rgb from another modality, models with an appearance code.
  std::vector<float> appearance;
  // {rows} angle by which each row is turned (AugmentDraw); where rows are two looks at the same
  // pictures, of which the second half of the rows is the second.
  std::vector<float> turns;
  // {rows, 2} one of left, right is 1: what models with side_input = 1 are told; passes from
  // images.
  std::vector<float> sides;
  std::vector<float> noise;      // {rows, latent_dim} standard normal
  std::vector<float> has_alpha;  // {rows} 1 where the alpha plane is a label; passes to rgb only
};

struct BatchOptions {
  uint64_t seed = 1;
  int pose_rows = 64;   // batch size of pairs without images
  int image_rows = 32;  // and of pairs with
  int latent_dim = 32;
  bool appearance = false;  // fill Batch::appearance
  bool sides = false;       // fill Batch::sides
  bool two_looks = false;   // each picture of rgb->rgb twice in a batch, moved differently
  // Share of each batch of rgb->rgb that is rows without joint labels, exact up to rounding to
  // whole rows; below 0 = as they come.
  double unlabelled_share = -1;
  double decoded_share = 0;  // decoded_rows as a share of the rows of passes that read joints
  double left_share = 0;     // left_rows as a share of the rows of a pass from an image
  // A batch is one of so many equal parts: samples number `process` of `processes` of each.
  int processes = 1;
  int process = 0;
  AugmentOptions augment;
};

// Makes the batch of any step: a pure function of (samples, options, passes, step). Each pass runs
// through its rows in a fresh random order each epoch. Not thread-safe (it caches the order).
class BatchMaker {
 public:
  // Keeps a reference to `samples`. Throws DataError naming a pass that no sample can train, or
  // whose share of unlabelled rows the samples cannot give.
  BatchMaker(const SampleSet& samples,
             const std::vector<Pass>& passes,
             const BatchOptions& options);

  Batch Make(int64_t step);

 private:
  struct Order {
    uint32_t stream = 0;            // of the shuffle's random numbers
    std::vector<int64_t> rows;      // all that are drawn from
    std::vector<int64_t> shuffled;  // in the order of `epoch`
    int64_t epoch = -1;
  };

  // Whether sample `i` of `count` is in this process's part.
  bool IsOurs(int i, int count) const;
  // How often each sample of a batch is in it.
  int Looks(const Pass& pass) const;
  bool Stretches(const Pass& pass) const;
  // Rows of a batch whose pictures are decoded.
  int DecodedRows(const Pass& pass) const;
  // Samples of a batch that are drawn from `unlabelled_`.
  int UnlabelledRows(const Pass& pass) const;
  void AddOrders(const Pass& pass);
  int64_t RowAt(int64_t position, Order* order) const;
  // How the sample at a position of a batch is moved and lit.
  AugmentDraw DrawFor(int64_t row, int position, const Pass& pass, int64_t step) const;
  void AddRow(int64_t row, int position, Batch* batch) const;
  void AddSide(int64_t row, Batch* batch) const;
  // Appends the same hand in the same light turned otherwise (Batch::appearance).
  void AddAppearance(
      int64_t row, int position, const AugmentDraw& draw, Random* random, Batch* batch) const;
  void AddNoise(int position, Batch* batch) const;
  void AddLeftRow(int64_t row, int position, Batch* batch) const;
  // Turns upright what an encoder of images is shown, where the draw says so.
  void StandUp(int64_t row, Modality from, AugmentDraw* draw) const;
  // A row that has a picture, of which a piece may be a background.
  int64_t AnyPicture(Random* random) const;
  // Appends a background for a decoded row.
  void AddBackground(int position, Batch* batch) const;
  // Appends the picture a row's encoder is shown, degraded.
  void AppendInput(int64_t row,
                   Modality modality,
                   const std::vector<float>& planes,
                   Random* random,
                   std::vector<float>* input) const;
  // Planes of the row's image, moved and tinted: AugmentImage or AugmentDepth.
  std::vector<float> Planes(int64_t row, Modality modality, const AugmentDraw& draw) const;

  const SampleSet& samples_;
  std::vector<Pass> passes_;
  BatchOptions options_;
  PassSchedule schedule_;
  std::vector<int64_t> pictures_;  // rows that have one
  std::vector<Order> orders_;      // by pass
  std::vector<Order> unlabelled_;  // likewise; empty where the pass takes rows as they come
};

// Prepares the next batch on a thread of its own while a step runs.
class BatchPrefetcher {
 public:
  BatchPrefetcher(BatchMaker* maker, int64_t first_step);
  ~BatchPrefetcher();

  // Batches of consecutive steps.
  Batch Next();

 private:
  void Start();

  BatchMaker* maker_;
  int64_t next_step_;
  std::future<Batch> pending_;
};

}  // namespace handforge
