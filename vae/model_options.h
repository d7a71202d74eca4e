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
  // Numbers of the code that only the RGB encoder sets and only the RGB decoder hears: skin, light.
  // They are the last of latent_dim; a code of another encoder has their prior there. 0 = none.
  int64_t appearance_dim = 0;
  // 1 = image encoders also say whether the hand they are shown is a left one.
  int64_t side_head = 0;
  // How left hands are shown: 0 = mirrored, so that all hands are right ones; 1 = as they are, and
  // image encoders are told the side by two numbers before their last layer (H of Spurr et al.
  // 2018); 2 = as they are, and nothing is told.
  int64_t side_input = 0;
  // 3D joints: 0 = in lengths of the reference bone, so that the true scale has to be given to get
  // millimetres (S of Spurr et al. 2018); 1 = in units of kMetricUnitMm (vae/targets.h), so that
  // the hand's size has to be seen.
  int64_t metric_scale = 0;
  // First convolutions of the image encoders: one of stride 2 (sees finer detail) or 4 (costs
  // less), or with 0 two 3x3 of stride 2 and a residual block (in between).
  int64_t rgb_encoder_stride = 4;
  // Channels of the RGB encoder's first convolution; they double with each halving of the image, up
  // to eight times this.
  int64_t rgb_encoder_width = 24;
  // Residual blocks in each stage of the RGB encoder (2 in ResNet-18).
  int64_t rgb_encoder_blocks = 1;
  // Channels of the maps in which image encoders look for each joint (vae/joint_maps.h); 0 = none.
  // Needs 16x16 behind the first convolutions: rgb_px of at least 64.
  int64_t joint_map_width = 0;
  // Channels of the RGB decoder at 8x8; they halve with each doubling of the image, down to 16.
  int64_t rgb_decoder_width = 64;
  // 1 = the RGB decoder is shown the bones that the joint decoders say, drawn at 32 x 32: fingers
  // need not be learned twice. Needs decoders of 2D and 3D and rgb_px of at least 64.
  int64_t rgb_decoder_bones = 0;
  // The same of the depth networks.
  int64_t depth_encoder_width = 16;
  int64_t depth_encoder_blocks = 1;
  int64_t depth_decoder_width = 32;
  // Hidden layers of `mlp_width` units before the decoder's first image: which way a hand is turned
  // is no linear function of the code.
  int64_t rgb_decoder_layers = 3;
  // Units of each hidden layer of the joint networks, and their numbers of hidden layers.
  int64_t mlp_width = 256;
  int64_t mlp_encoder_layers = 3;
  int64_t mlp_decoder_layers = 5;

  // Numbers of the code that every encoder sets.
  int64_t PoseDim() const { return latent_dim - appearance_dim; }
  bool MirrorsLeftHands() const { return side_input == 0; }
  bool TellsSide() const { return side_input == 1; }

  void Visit(Fields& fields);
  // Throws UsageError naming the field where rgb_px is no power of two, or where fields contradict
  // each other.
  void Check() const;

  std::string ToJson() const;
  // Fields that files written before there were any lack have their defaults; depth_encoder_blocks
  // is that of RGB. Throws DataError naming `source` and the field.
  static ModelOptions FromJson(const std::string& json, const std::string& source);
};

}  // namespace handforge
