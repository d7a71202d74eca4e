#pragma once

#include "io/config.h"
#include "vae/hand_predictor.h"

#include <cstdint>
#include <string>

namespace handforge {

// Section `predict` of a recipe: the pose of the hand in pictures.
struct PredictOptions {
  // A picture or a folder of pictures, each a crop of one hand or with its box in `boxes`.
  std::string images;
  // JSON: {"<file name>": [x, y, width, height]}, pixels, a tight box around the hand.
  std::string boxes;
  std::string out;
  // Model file; empty = the repository's, else the quick start's.
  std::string model;
  std::string handedness = "auto";
  // Length of the bone from middle MCP to PIP; 0 = mean of the model's training data.
  double bone_mm = 0;
  // Millimetres of a step of 16-bit depth pictures, whose maker chose it: 1 for most sensors, 0.1
  // for those of handforge.
  double depth_scale_mm = 1;
  // vae/hand_predictor.h
  bool turns = true;
  int64_t upright_views = 5;
  int64_t crop_sizes = 1;
  int64_t refinements = 1;
  int64_t draws = 4;
  bool posture_prior = true;
  double opposite_pairs = 0.85;
  uint64_t seed = 1;
  int64_t threads = 0;
  // Whether to draw the skeleton over each picture, in `overlay/` of the output folder, and beside
  // it the rigged hand nearest to the prediction (builds with render/), on the picture's grid.
  bool overlay = true;
  bool mesh = false;
  std::string rig = "configs/rigs/generic-hand.yaml";

  void Visit(Fields& fields);
  PredictorOptions OfPredictor() const;
};

}  // namespace handforge
