#pragma once

#include "synth/synth_world.h"

#include <vector>

namespace handforge {

// What one hand's cycles say: the modality is encoded again, the posterior's mean decoded to 3D;
// mean distance of its joints to the decoded 3D joints, palm-centred, crop axes, mm.
struct CycleErrors {
  float rgb_mm = kNotMeasured;
  float joints2_mm = kNotMeasured;
  static constexpr float kNotMeasured = -1;  // the model has no such encoder
};

// One hand as the cycle takes it.
struct CycleInput {
  const ImageU8* rgb = nullptr;  // of a right hand, on the model's grid
  DecodedJoints joints;
  int image_px = 0;  // grid of joints.px
  double bone_mm = 0;
  size_t place = 0;  // in the batch, see PlacedCode; one hand each
};

// Up to kDecodeBatch hands, padded to that batch.
std::vector<CycleErrors> MeasureCycles(const HandVae& model, const std::vector<CycleInput>& hands);

}  // namespace handforge
