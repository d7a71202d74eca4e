#include "vae/flat_adam.h"

#include "io/core/error.h"
#include "vae/module_io.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace handforge {
namespace {

using torch::Tensor;

// Elements updated at a time: the block's four arrays stay in a core's cache over all passes.
constexpr int64_t kBlock = 1 << 16;

}  // namespace

FlatAdam::FlatAdam(std::shared_ptr<torch::nn::Module> module, const AdamOptions& options)
    : module_(std::move(module)), options_(options) {
  torch::NoGradGuard no_grad;
  std::vector<Tensor> flat;
  for (const Tensor& parameter : module_->parameters()) flat.push_back(parameter.flatten());
  values_ = at::cat(flat);
  gradient_ = at::zeros_like(values_);
  first_moment_ = at::zeros_like(values_);
  second_moment_ = at::zeros_like(values_);
  for (const Tensor& buffer : module_->buffers()) {
    if (buffer.is_floating_point()) statistics_.push_back(buffer);
  }
  if (options_.average_decay > 0) average_ = ValuesAndStatistics();

  // Parameters and their gradients become views of the flat arrays. Autograd accumulates into a
  // gradient that is there, so the views last.
  int64_t offset = 0;
  for (Tensor& parameter : module_->parameters()) {
    const int64_t count = parameter.numel();
    const Tensor gradient = gradient_.narrow(0, offset, count).view(parameter.sizes());
    parameter.set_data(values_.narrow(0, offset, count).view(parameter.sizes()));
    parameter.mutable_grad() = gradient;
    offset += count;
  }
}

void FlatAdam::ZeroGradient() { gradient_.zero_(); }

double FlatAdam::GradientNorm() const { return gradient_.norm().item<double>(); }

void FlatAdam::Step(double learning_rate, double gradient_norm) {
  torch::NoGradGuard no_grad;
  ++steps_;
  if (options_.max_gradient_norm > 0 && gradient_norm > options_.max_gradient_norm) {
    gradient_.mul_(options_.max_gradient_norm / gradient_norm);
  }
  const double steps = static_cast<double>(steps_);
  const double correction1 = 1 - std::pow(options_.beta1, steps);
  const double correction2 = std::sqrt(1 - std::pow(options_.beta2, steps));
  const double rate = learning_rate * correction2 / correction1;
  for (int64_t first = 0; first < values_.numel(); first += kBlock) {
    const int64_t count = std::min(kBlock, values_.numel() - first);
    const Tensor gradient = gradient_.narrow(0, first, count);
    Tensor m = first_moment_.narrow(0, first, count);
    Tensor v = second_moment_.narrow(0, first, count);
    m.lerp_(gradient, 1 - options_.beta1);
    v.mul_(options_.beta2).addcmul_(gradient, gradient, 1 - options_.beta2);
    const Tensor scale = v.sqrt().add_(options_.epsilon * correction2);
    values_.narrow(0, first, count).addcdiv_(m, scale, -rate);
  }
  if (!average_.defined()) return;
  const double decay = std::min(options_.average_decay, (1 + steps) / (10 + steps));
  average_.lerp_(ValuesAndStatistics(), 1 - decay);
}

// A copy, in the order of `average_`.
Tensor FlatAdam::ValuesAndStatistics() const {
  std::vector<Tensor> flat = {values_};
  for (const Tensor& statistic : statistics_) flat.push_back(statistic.flatten());
  return at::cat(flat);
}

void FlatAdam::SwapAverage() {
  if (!average_.defined()) return;
  torch::NoGradGuard no_grad;
  const Tensor current = ValuesAndStatistics();
  int64_t offset = values_.numel();
  values_.copy_(average_.narrow(0, 0, offset));
  for (Tensor& statistic : statistics_) {
    statistic.copy_(average_.narrow(0, offset, statistic.numel()).view(statistic.sizes()));
    offset += statistic.numel();
  }
  average_.copy_(current);
}

void FlatAdam::ResetAverage() {
  torch::NoGradGuard no_grad;
  if (average_.defined()) average_ = ValuesAndStatistics();
}

void FlatAdam::Save(const std::string& name, TensorFile* file) const {
  AddTensor(name + ".m", first_moment_, file);
  AddTensor(name + ".v", second_moment_, file);
  if (average_.defined()) AddTensor(name + ".average", average_, file);
  AddTensor(name + ".steps", at::full({1}, steps_, at::kLong), file);
}

void FlatAdam::Load(const std::string& name, const TensorFile& file) {
  torch::NoGradGuard no_grad;
  ReadTensor(name + ".m", file, &first_moment_);
  ReadTensor(name + ".v", file, &second_moment_);
  if (average_.defined()) ReadTensor(name + ".average", file, &average_);
  Tensor steps = at::zeros({1}, at::kLong);
  ReadTensor(name + ".steps", file, &steps);
  steps_ = steps.item<int64_t>();
}

}  // namespace handforge
