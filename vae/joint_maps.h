#pragma once

#include "vae/conv_blocks.h"

#include <cstdint>

#include <torch/torch.h>

namespace handforge {

// What an encoder sees at the joints.
struct JointSight {
  torch::Tensor places;  // {N, 21, 3}: x, y in [-1, 1] across the crop; z as of 3D joints, in bone
                         // lengths behind the palm's centre
  torch::Tensor features;  // {N, 21 width}: features averaged over where each joint may be
};

// Looks for the joints in an encoder's images: its features of 4x4, 8x8 and 16x16 are summed coarse
// to fine (Lin et al. 2017), and say for each joint a map of where it may be and one of its depth.
// Places are the maps' expectations (integral regression, Sun et al. 2018; with depth, Iqbal et al.
// 2018): a gradient reaches every pixel, and a few thousand steps suffice to find fingers.
class JointMapsImpl : public torch::nn::Module {
 public:
  // Channels of the three images, and of their sum.
  JointMapsImpl(int64_t at16, int64_t at8, int64_t at4, int64_t width);

  // {N, at16, 16, 16}, {N, at8, 8, 8}, {N, at4, 4, 4}, float or bfloat16; the result is float.
  JointSight Look(const torch::Tensor& at16, const torch::Tensor& at8, const torch::Tensor& at4);

 private:
  ConvNorm from4_{nullptr};
  ConvNorm from8_{nullptr};
  ConvNorm at8_{nullptr};
  ConvNorm up8_{nullptr};
  ConvNorm from16_{nullptr};
  ConvNorm at16_{nullptr};
  torch::nn::Conv2d head_{nullptr};
};
TORCH_MODULE(JointMaps);

constexpr int64_t kJointMapPx = 16;

/// Expectations {N, 21, 3} of maps {N, 42, H, W}, float: softmax of the first 21 planes over the
/// pixels, whose centres' x and y span [-1, 1]; z is the mean of the other 21 under it.
torch::Tensor ExpectedPlaces(const torch::Tensor& maps);

}  // namespace handforge
