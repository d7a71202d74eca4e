#pragma once

#include "vae/batch.h"
#include "vae/process_group.h"
#include "vae/train.h"

#include <memory>
#include <string>
#include <vector>

namespace handforge {

// Losses of one pair of a step, unweighted but for their sum.
struct StepLosses {
  std::string pair;           // "rgb->3d"; "rgb->side" of the side head, "rgb->places" of joint
                              // maps, "rgb->turns" of two looks,
                              // "rgb->limits" of impossible hands
  double loss = 0;            // what is minimised, KL included
  double reconstruction = 0;  // joints: mean squared error of unit-spread ones, or mean distance;
                              // colour, depth: mean absolute error; side: cross-entropy
  double alpha = 0;
  double kl = 0;
  double gradient_norm = 0;  // of all modules that the step trains, before shortening

  bool Finite() const;
};

// Networks with their optimisers: one step of Algorithm 1 at a time. Includes no LibTorch header.
class Learner {
 public:
  // Fresh weights, a pure function of the seed. Sets the calling thread's intra-op threads.
  // `samples` are those trained on; what they say of the lengths of bones is kept.
  // With a `group`, which must outlive this, every process steps on its part of the batch and all
  // have the same weights.
  explicit Learner(const TrainOptions& options,
                   const SampleSet* samples = nullptr,
                   ProcessGroup* group = nullptr);
  ~Learner();

  // Steps the encoder and the decoders of the batch's pass; losses of each pair, means over the
  // processes. Where a loss or
  // gradient is not finite, nothing is stepped.
  std::vector<StepLosses> Step(const Batch& batch, double learning_rate);
  // Inference sets the thread's intra-op threads to one (HandVae); this sets them back.
  void UseTrainingThreads();

  // The networks as they train, for a checkpoint.
  void AddNetworks(TensorFile* file) const;
  // What is used and measured: their running average where there is one; perhaps in half precision.
  void AddFinishedNetworks(bool half, TensorFile* file);
  void AddOptimisers(TensorFile* file) const;
  // Weights of a model of the same sizes, all networks or the one named (EncoderName, DecoderName,
  // kAppearanceName); optimisers stay fresh. Throws DataError as Restore.
  void StartFrom(const TensorFile& file, const std::string& network = "");
  // Networks and optimisers. Throws DataError naming file and array.
  void Restore(const TensorFile& file);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace handforge
