#pragma once

#include "io/config.h"

#include <cstdint>
#include <string>

namespace handforge {

// Section `walk` of a recipe: pictures along a path through the latent space.
struct WalkOptions {
  // Waypoints: the hands in these pictures (file or folder, sorted by name); empty = samples.
  std::string images;
  std::string handedness = "auto";  // of the hands in the pictures
  // Waypoints without pictures: so many samples of `latent` (vae/hand_vae.h, LatentSource).
  int64_t samples = 5;
  std::string latent = "kernel";
  double temperature = 1;
  uint64_t seed = 1;

  std::string out;
  std::string model;  // empty = the repository's, else the quick start's
  int64_t frames_per_leg = 24;
  double frames_per_second = 16;
  // Pictures in a row of the strip, evenly spaced.
  int64_t strip_columns = 9;
  int64_t cell_px = 192;
  std::string rig = "configs/rigs/generic-hand.yaml";
  int64_t threads = 0;

  void Visit(Fields& fields);
};

}  // namespace handforge
