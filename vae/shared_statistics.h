#pragma once

#include "vae/process_group.h"

#include <torch/torch.h>

namespace handforge {

// While it lives, batch normalisation of the calling thread's networks (vae/conv_blocks.h) takes
// its moments over the rows of all processes, so that several small batches train as one large
// does.
class SharedStatisticsScope {
 public:
  // Null: every process for itself.
  explicit SharedStatisticsScope(ProcessGroup* group);
  ~SharedStatisticsScope();
  SharedStatisticsScope(const SharedStatisticsScope&) = delete;
  SharedStatisticsScope& operator=(const SharedStatisticsScope&) = delete;

  // Of the calling thread; null without.
  static ProcessGroup* Current();

 private:
  ProcessGroup* before_;
};

/// Sum of x over the processes; its gradient is the sum of the processes' gradients.
torch::Tensor SumAcross(const torch::Tensor& x, ProcessGroup* group);

/// What torch::nn::BatchNorm2d says of x {N, C, H, W} in training, moments over all processes;
/// running statistics are updated likewise.
torch::Tensor NormaliseAcross(const torch::Tensor& x,
                              ProcessGroup* group,
                              torch::nn::BatchNorm2dImpl* norm);

}  // namespace handforge
