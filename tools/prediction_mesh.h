#pragma once

#include "io/core/image.h"
#include "vae/hand_predictor.h"

#include <memory>
#include <string>
#include <vector>

namespace handforge {

// Pictures of the rigged hand nearest to predictions, on the grid of the picture they were made of.
class PredictionMesh {
 public:
  // `rig_file`: specification of the rig; `focal_over_size` of the model's crops (VaeInfo); one
  // painter for each of `workers` threads. Throws as RigSpec::Load and LoadRig do.
  PredictionMesh(const std::string& rig_file, double focal_over_size, int workers);
  ~PredictionMesh();

  // {factor H, factor W, 3} of a picture {H, W}, seen by a camera whose axis goes through the
  // middle of the prediction's square.
  ImageU8 Draw(
      int worker, const HandPrediction& prediction, int width_px, int height_px, int factor);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace handforge
