#pragma once

#include "io/config.h"

#include <cstdint>
#include <string>

namespace handforge {

// Sizes of the networks. The defaults are the quick sizes, trained in minutes on two CPU cores.
struct ModelOptions {
  // Dimensions of the latent code; 30 in the authors' code.
  int64_t latent_dim = 32;
  // Side of the RGB image in and out: a power of two, 32 .. 512.
  int64_t rgb_px = 64;
  // Stride of the RGB encoder's first convolution: 2 sees finer detail, 4 costs less.
  int64_t rgb_encoder_stride = 4;
  // Channels of the RGB encoder's first convolution; they double with each halving of the image, up
  // to eight times this.
  int64_t rgb_encoder_width = 24;
  // Residual blocks in each stage of the RGB encoder (2 in ResNet-18).
  int64_t rgb_encoder_blocks = 1;
  // Channels of the RGB decoder at 8x8; they halve with each doubling of the image, down to 16.
  int64_t rgb_decoder_width = 64;
  // Hidden layers of `mlp_width` units before the decoder's first image: which way a hand is turned
  // is no linear function of the code.
  int64_t rgb_decoder_layers = 3;
  // Units of each hidden layer of the joint networks, and their numbers of hidden layers.
  int64_t mlp_width = 256;
  int64_t mlp_encoder_layers = 3;
  int64_t mlp_decoder_layers = 5;

  void Visit(Fields& fields);
  // Throws UsageError naming the field where rgb_px is no power of two.
  void Check() const;

  std::string ToJson() const;
  // Throws DataError naming `source` and the field.
  static ModelOptions FromJson(const std::string& json, const std::string& source);
};

}  // namespace handforge
