#pragma once

#include "vae/batch.h"
#include "vae/train.h"

#include <memory>
#include <vector>

namespace handforge {

// Losses of one step, unweighted but for their sum.
struct StepLosses {
  double loss = 0;            // what is minimised
  double reconstruction = 0;  // mean squared error of unit-spread joints, or of colour (absolute)
  double alpha = 0;
  double kl = 0;
  double gradient_norm = 0;  // of encoder and decoder together, before shortening

  bool Finite() const;
};

// Networks with their optimisers: one step of Algorithm 1 at a time. Includes no LibTorch header.
class Learner {
 public:
  // Fresh weights, a pure function of the seed. Sets the calling thread's intra-op threads.
  explicit Learner(const TrainOptions& options);
  ~Learner();

  // Steps the encoder and decoder of the batch's pair. Where a loss or gradient is not finite,
  // nothing is stepped.
  StepLosses Step(const Batch& batch, double learning_rate);
  // Inference sets the thread's intra-op threads to one (HandVae); this sets them back.
  void UseTrainingThreads();

  void AddNetworks(TensorFile* file) const;
  void AddOptimisers(TensorFile* file) const;
  // Networks and optimisers. Throws DataError naming file and array.
  void Restore(const TensorFile& file);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace handforge
