#pragma once

#include "synth/nearest_hand.h"
#include "synth/plausibility.h"

#include <cstdint>
#include <string>

namespace handforge {

// The `synth:` section of a recipe.
struct SynthOptions {
  std::string out = "out/synth";
  int64_t count = 1000;
  uint64_t seed = 1;
  int64_t threads = 0;  // 0 = all that this process may use
  int64_t tuples_per_shard = 512;
  // "" = the model of the repository, or else the one the quick start trained.
  std::string model;
  std::string latent = "gaussian";  // see LatentSource
  double temperature = 1;           // of the latent distribution
  int64_t image_px = 256;           // depth, mask
  std::string rig = "configs/rigs/generic-hand.yaml";
  PlausibilityOptions plausibility;
  NearestHandOptions nearest;
  double left_hands = 0.5;
  // Behind the decoded hand: "plain" puts it on one colour, drawn per tuple, by its decoded alpha;
  // "decoded" keeps what the decoder painted there.
  std::string backdrop = "plain";
  // Deviation of the wrist's flexion, degrees (the networks say nothing of the forearm).
  double wrist_deg = 15;
  int64_t deflate_level = 4;
  int64_t max_attempts = 200;  // per tuple

  void Visit(Fields& fields);
};

}  // namespace handforge
