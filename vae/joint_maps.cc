#include "vae/joint_maps.h"

#include "io/core/skeleton.h"

namespace handforge {
namespace {

using torch::Tensor;

constexpr int64_t kSubPixels = 4;

// -1 .. 1 across so many pixels, their centres.
Tensor Centres(int64_t px, const torch::TensorOptions& options) {
  return (2 * at::arange(px, options) + 1) / static_cast<double>(px) - 1;
}

// Softmax {N, 21, H * W} of where each joint may be.
Tensor Shares(const Tensor& maps) { return maps.narrow(1, 0, kNumJoints).flatten(2).softmax(2); }

}  // namespace

JointMapsImpl::JointMapsImpl(int64_t at16, int64_t at8, int64_t at4, int64_t width) {
  from4_ = register_module("from4", ConvNorm(at4, kSubPixels * width, 1, 1));
  from8_ = register_module("from8", ConvNorm(at8, width, 1, 1));
  at8_ = register_module("at8", ConvNorm(width, width, 3, 1));
  up8_ = register_module("up8", ConvNorm(width, kSubPixels * width, 1, 1));
  from16_ = register_module("from16", ConvNorm(at16, width, 1, 1));
  at16_ = register_module("at16", ConvNorm(width, width, 3, 1));
  head_ = register_module("head",
                          torch::nn::Conv2d(torch::nn::Conv2dOptions(width, 2 * kNumJoints, 1)));
}

JointSight JointMapsImpl::Look(const Tensor& at16, const Tensor& at8, const Tensor& at4) {
  const Tensor sum8 = at::pixel_shuffle(from4_->forward(at4), 2) + from8_->forward(at8);
  const Tensor fine8 = at::relu(at8_->forward(at::relu(sum8)));
  const Tensor sum16 = at::pixel_shuffle(up8_->forward(fine8), 2) + from16_->forward(at16);
  const Tensor fine16 = at::relu(at16_->forward(at::relu(sum16)));

  const Tensor maps = head_->forward(fine16).to(at::kFloat);
  const Tensor features = fine16.to(at::kFloat).flatten(2).transpose(1, 2);  // {N, 256, width}
  return {ExpectedPlaces(maps), at::bmm(Shares(maps), features).flatten(1)};
}

Tensor ExpectedPlaces(const Tensor& maps) {
  const Tensor share = Shares(maps);
  const Tensor depth = maps.narrow(1, kNumJoints, kNumJoints).flatten(2);
  const Tensor grid = share.view({-1, kNumJoints, maps.size(2), maps.size(3)});
  const Tensor x = (grid.sum(2) * Centres(maps.size(3), maps.options())).sum(2);
  const Tensor y = (grid.sum(3) * Centres(maps.size(2), maps.options())).sum(2);
  return at::stack({x, y, (share * depth).sum(2)}, 2);
}

}  // namespace handforge
