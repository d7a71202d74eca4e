#pragma once

#include "vae/augment.h"
#include "vae/samples.h"

#include <cstdint>
#include <future>
#include <string>
#include <vector>

namespace handforge {

// What one training step is fed.
struct Batch {
  int64_t step = 0;
  Pair pair;
  int rows = 0;
  std::vector<float> input;      // rgb {rows, 3, px, px} in [0, 1]; 2d {rows, 42}; 3d {rows, 63}
  std::vector<float> target;     // rgb {rows, 5, px, px} as of AugmentImage; 2d, 3d as the input
  std::vector<float> noise;      // {rows, latent_dim} standard normal
  std::vector<float> has_alpha;  // {rows} 1 where the alpha plane is a label; pairs to rgb only
};

struct BatchOptions {
  uint64_t seed = 1;
  int pose_rows = 64;   // batch size of pairs without images
  int image_rows = 32;  // and of pairs with
  int latent_dim = 32;
  AugmentOptions augment;
};

// Makes the batch of any step: a pure function of (samples, options, pairs, step). Each pair runs
// through its rows in a fresh random order each epoch. Not thread-safe (it caches the order).
class BatchMaker {
 public:
  // Keeps a reference to `samples`. Throws DataError naming a pair that no sample can train.
  BatchMaker(const SampleSet& samples, const std::vector<Pair>& pairs, const BatchOptions& options);

  Batch Make(int64_t step);
  const PairSchedule& schedule() const { return schedule_; }

 private:
  struct Order {
    std::vector<int64_t> rows;      // all rows of the pair
    std::vector<int64_t> shuffled;  // in the order of `epoch`
    int64_t epoch = -1;
  };

  int64_t RowAt(int pair, int64_t position);
  void AddRow(int64_t row, int position, Batch* batch) const;

  const SampleSet& samples_;
  std::vector<Pair> pairs_;
  BatchOptions options_;
  PairSchedule schedule_;
  std::vector<Order> orders_;
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
