#pragma once

#include <functional>

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace handforge {

// Largest difference of the gradient of `loss` at `at` from central differences, relative to the
// largest entry; double precision.
inline double GradientError(const std::function<torch::Tensor(const torch::Tensor&)>& loss,
                            const torch::Tensor& at,
                            double step = 1e-6) {
  torch::Tensor x = at.clone().set_requires_grad(true);
  loss(x).backward();
  const torch::Tensor analytic = x.grad().flatten();
  torch::Tensor numeric = torch::zeros_like(analytic);
  torch::NoGradGuard no_grad;
  for (int64_t i = 0; i < numeric.numel(); ++i) {
    torch::Tensor up = at.clone();
    torch::Tensor down = at.clone();
    up.view(-1)[i] += step;
    down.view(-1)[i] -= step;
    numeric[i] = (loss(up) - loss(down)) / (2 * step);
  }
  EXPECT_GT(analytic.abs().max().item<double>(), 0);
  return ((analytic - numeric).abs().max() / numeric.abs().max()).item<double>();
}

}  // namespace handforge
