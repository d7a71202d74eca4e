#include "vae/shared_statistics.h"

namespace handforge {
namespace {

using torch::Tensor;

thread_local ProcessGroup* current_group = nullptr;

Tensor Summed(const Tensor& x, ProcessGroup* group) {
  Tensor sum = x.detach().to(at::kCPU, at::kFloat).contiguous().clone();
  group->Sum(sum.data_ptr<float>(), sum.numel());
  return sum.to(x.options());
}

struct SumAcrossFunction : public torch::autograd::Function<SumAcrossFunction> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, int64_t group) {
    context->saved_data["group"] = group;
    return Summed(x, reinterpret_cast<ProcessGroup*>(group));
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    auto* group = reinterpret_cast<ProcessGroup*>(context->saved_data["group"].toInt());
    return {Summed(gradients[0], group), Tensor()};
  }
};

}  // namespace

SharedStatisticsScope::SharedStatisticsScope(ProcessGroup* group) : before_(current_group) {
  current_group = group;
}

SharedStatisticsScope::~SharedStatisticsScope() { current_group = before_; }

ProcessGroup* SharedStatisticsScope::Current() { return current_group; }

Tensor SumAcross(const Tensor& x, ProcessGroup* group) {
  return SumAcrossFunction::apply(x, reinterpret_cast<int64_t>(group));
}

Tensor NormaliseAcross(const Tensor& x, ProcessGroup* group, torch::nn::BatchNorm2dImpl* norm) {
  const int64_t channels = x.size(1);
  const Tensor values = x.to(at::kFloat);
  const double count = static_cast<double>(values.numel() / channels) * group->count();

  // The mean first, then the squares about it: no difference of large numbers.
  const Tensor mean = SumAcross(values.sum({0, 2, 3}), group) / count;
  const Tensor centred = values - mean.view({1, -1, 1, 1});
  const Tensor variance = SumAcross(centred.square().sum({0, 2, 3}), group) / count;
  const Tensor gain = norm->weight / (variance + norm->options.eps()).sqrt();
  {
    torch::NoGradGuard no_grad;
    const double momentum = *norm->options.momentum();
    norm->running_mean.lerp_(mean, momentum);
    norm->running_var.lerp_(variance * (count / (count - 1)), momentum);
    norm->num_batches_tracked += 1;
  }
  return (centred * gain.view({1, -1, 1, 1}) + norm->bias.view({1, -1, 1, 1})).to(x.scalar_type());
}

}  // namespace handforge
