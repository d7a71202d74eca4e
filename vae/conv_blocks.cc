#include "vae/conv_blocks.h"

#include "vae/shared_statistics.h"

namespace handforge {

ConvNormImpl::ConvNormImpl(int64_t in, int64_t out, int64_t kernel, int64_t stride) {
  const auto options =
      torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false);
  conv = register_module("conv", torch::nn::Conv2d(options));
  norm_ = register_module("norm", torch::nn::BatchNorm2d(out));
}

torch::Tensor ConvNormImpl::forward(const torch::Tensor& x) {
  ProcessGroup* const group = SharedStatisticsScope::Current();
  if (!folded_weight_.defined() && group != nullptr && is_training()) {
    return NormaliseAcross(conv->forward(x), group, norm_.get());
  }
  if (!folded_weight_.defined()) return norm_->forward(conv->forward(x));
  return at::conv2d(x,
                    folded_weight_,
                    folded_bias_,
                    conv->options.stride(),
                    at::IntArrayRef({folded_weight_.size(2) / 2, folded_weight_.size(3) / 2}));
}

void ConvNormImpl::Fold() {
  torch::NoGradGuard no_grad;
  const torch::Tensor gain = norm_->weight / (norm_->running_var + norm_->options.eps()).sqrt();
  folded_weight_ = conv->weight * gain.view({-1, 1, 1, 1});
  folded_bias_ = norm_->bias - norm_->running_mean * gain;
}

ResidualBlockImpl::ResidualBlockImpl(int64_t in, int64_t out, int64_t stride) {
  first_ = register_module("first", ConvNorm(in, out, 3, stride));
  second_ = register_module("second", ConvNorm(out, out, 3, 1));
  if (in != out || stride != 1) {
    shortcut_ = register_module("shortcut", ConvNorm(in, out, 1, stride));
  }
}

torch::Tensor ResidualBlockImpl::forward(const torch::Tensor& x) {
  const torch::Tensor shortcut = shortcut_.is_empty() ? x : shortcut_->forward(x);
  return at::relu(second_->forward(at::relu(first_->forward(x))) + shortcut);
}

}  // namespace handforge
