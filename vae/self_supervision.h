#pragma once

#include <torch/torch.h>

namespace handforge {

// What pictures without labels can teach beside being decoded again, and decoded pictures.

/// Joints {N, 21, 3} of looks that were turned about the optical axis by angles {N} (radians, from
/// x to y): as they were before.
torch::Tensor TurnedBack(const torch::Tensor& joints, const torch::Tensor& angles);

/// Mean distance between the joints {N, 21, 3} that two looks at the same pictures say, each turned
/// back by its angle {N}. The second half of the rows is the second look.
torch::Tensor DisagreementOfLooks(const torch::Tensor& joints, const torch::Tensor& angles);

/// The target planes {N, 5, H, W} of ComputeImageLoss (vae/networks.h) with the decoder's own alpha
/// (`logits` {N, 4, H, W}) where `has_alpha` {N} is 0: the colour loss then looks at what the
/// decoder takes for the hand.
torch::Tensor WithOwnAlpha(const torch::Tensor& planes,
                           const torch::Tensor& has_alpha,
                           const torch::Tensor& logits);

/// Decoded hands (`logits` {N, 4, H, W}) over `backgrounds` {N, 3, H, W}: {N, 3, H, W} in [0, 1].
torch::Tensor DecodedOver(const torch::Tensor& backgrounds, const torch::Tensor& logits);

}  // namespace handforge
