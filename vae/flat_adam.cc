#include "vae/flat_adam.h"

#include "io/core/error.h"
#include "vae/module_io.h"

#include <cmath>
#include <utility>

namespace handforge {

using torch::Tensor;

FlatAdam::FlatAdam(std::shared_ptr<torch::nn::Module> module, const AdamOptions& options)
    : module_(std::move(module)), options_(options) {
  torch::NoGradGuard no_grad;
  std::vector<Tensor> flat;
  for (const Tensor& parameter : module_->parameters()) flat.push_back(parameter.flatten());
  values_ = at::cat(flat);
  gradient_ = at::zeros_like(values_);
  first_moment_ = at::zeros_like(values_);
  second_moment_ = at::zeros_like(values_);

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
  first_moment_.mul_(options_.beta1).add_(gradient_, 1 - options_.beta1);
  second_moment_.mul_(options_.beta2).addcmul_(gradient_, gradient_, 1 - options_.beta2);
  const double correction1 = 1 - std::pow(options_.beta1, static_cast<double>(steps_));
  const double correction2 = 1 - std::pow(options_.beta2, static_cast<double>(steps_));
  const Tensor scale =
      second_moment_.sqrt().mul_(1 / std::sqrt(correction2)).add_(options_.epsilon);
  values_.addcdiv_(first_moment_, scale, -learning_rate / correction1);
}

void FlatAdam::Save(const std::string& name, TensorFile* file) const {
  AddTensor(name + ".m", first_moment_, file);
  AddTensor(name + ".v", second_moment_, file);
  AddTensor(name + ".steps", at::full({1}, steps_, at::kLong), file);
}

void FlatAdam::Load(const std::string& name, const TensorFile& file) {
  torch::NoGradGuard no_grad;
  ReadTensor(name + ".m", file, &first_moment_);
  ReadTensor(name + ".v", file, &second_moment_);
  Tensor steps = at::zeros({1}, at::kLong);
  ReadTensor(name + ".steps", file, &steps);
  steps_ = steps.item<int64_t>();
}

}  // namespace handforge
