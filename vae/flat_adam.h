#pragma once

#include "vae/tensor_file.h"

#include <string>
#include <vector>

#include <torch/torch.h>

namespace handforge {

struct AdamOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double max_gradient_norm = 1;  // longer gradients are shortened to this; 0 = never
  // Of an exponential moving average of the values and of the running statistics of normalisation,
  // kept beside them; 0 = none. Early on it is shorter, so that it is no average of the first
  // weights: min(decay, (1 + steps) / (10 + steps)).
  double average_decay = 0;
};

// Adam (Kingma & Ba 2015) over one module whose parameters and gradients are moved into one
// contiguous array each: a step is a handful of passes over memory instead of some per parameter,
// and the state is two arrays.
class FlatAdam {
 public:
  // Requires that the module's parameters are not shared with another module.
  FlatAdam(std::shared_ptr<torch::nn::Module> module, const AdamOptions& options);

  void ZeroGradient();
  // {parameters}, what Step will use.
  torch::Tensor& gradient() { return gradient_; }
  // Euclidean length of the gradient.
  double GradientNorm() const;
  void Step(double learning_rate, double gradient_norm);

  // Exchanges the module's values and statistics and their average; the second call undoes the
  // first. Does nothing without an average.
  void SwapAverage();
  // The average starts from the values as they are.
  void ResetAverage();

  // State as arrays NAME.m, NAME.v {parameters} and NAME.steps {1}, with an average NAME.average.
  void Save(const std::string& name, TensorFile* file) const;
  // Throws DataError naming file and array.
  void Load(const std::string& name, const TensorFile& file);

 private:
  torch::Tensor ValuesAndStatistics() const;

  std::shared_ptr<torch::nn::Module> module_;
  AdamOptions options_;
  torch::Tensor values_;
  torch::Tensor gradient_;
  torch::Tensor first_moment_;
  torch::Tensor second_moment_;
  std::vector<torch::Tensor> statistics_;  // the module's own
  torch::Tensor average_;                  // of values, then statistics; undefined without
  int64_t steps_ = 0;
};

}  // namespace handforge
