#include "vae/self_supervision.h"

#include "vae/networks.h"

namespace handforge {

using torch::Tensor;

Tensor TurnedBack(const Tensor& joints, const Tensor& angles) {
  const Tensor c = angles.cos().view({-1, 1});
  const Tensor s = angles.sin().view({-1, 1});
  const Tensor x = joints.select(2, 0);
  const Tensor y = joints.select(2, 1);
  return at::stack({c * x + s * y, c * y - s * x, joints.select(2, 2)}, 2);
}

Tensor DisagreementOfLooks(const Tensor& joints, const Tensor& angles) {
  const std::vector<Tensor> looks = TurnedBack(joints, angles).chunk(2, 0);
  return MeanDistance(looks[0], looks[1]);
}

Tensor WithOwnAlpha(const Tensor& planes, const Tensor& has_alpha, const Tensor& logits) {
  const Tensor labelled = has_alpha.view({-1, 1, 1, 1});
  const Tensor own = logits.detach().slice(1, 3, 4).sigmoid();
  const Tensor alpha = labelled * planes.slice(1, 3, 4) + (1 - labelled) * own;
  return at::cat({planes.slice(1, 0, 3), alpha, planes.slice(1, 4, 5)}, 1);
}

Tensor DecodedOver(const Tensor& backgrounds, const Tensor& logits) {
  const Tensor rgba = logits.sigmoid();
  const Tensor alpha = rgba.slice(1, 3, 4);
  return (alpha * rgba.slice(1, 0, 3) + (1 - alpha) * backgrounds).clamp(0, 1);
}

}  // namespace handforge
