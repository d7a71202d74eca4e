#pragma once

#include <cstdint>

#include <torch/torch.h>

namespace handforge {

// Convolution and batch normalisation, folded into one convolution for inference.
class ConvNormImpl : public torch::nn::Module {
 public:
  ConvNormImpl(int64_t in, int64_t out, int64_t kernel, int64_t stride);

  torch::Tensor forward(const torch::Tensor& x);
  // Merges the running statistics into the weights. The module no longer trains.
  void Fold();

  torch::nn::Conv2d conv{nullptr};

 private:
  torch::nn::BatchNorm2d norm_{nullptr};
  torch::Tensor folded_weight_;
  torch::Tensor folded_bias_;
};
TORCH_MODULE(ConvNorm);

// Two 3x3 convolutions and a shortcut (He et al. 2016, basic block).
class ResidualBlockImpl : public torch::nn::Module {
 public:
  ResidualBlockImpl(int64_t in, int64_t out, int64_t stride);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  ConvNorm first_{nullptr};
  ConvNorm second_{nullptr};
  ConvNorm shortcut_{nullptr};  // where the shape changes
};
TORCH_MODULE(ResidualBlock);

}  // namespace handforge
