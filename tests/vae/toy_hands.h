#pragma once

#include "io/core/tuple.h"
#include "vae/samples.h"

#include <cstdint>
#include <filesystem>

namespace handforge {

// Hands made by code: a flat palm, fingers that flex by one angle each, turned about the optical
// axis by any angle and tilted a little; drawn as thick lines. A world that networks learn in
// seconds. Tuple `index` is a pure function of (seed, index); odd ones are left hands.
struct ToyOptions {
  uint64_t seed = 1;
  int image_px = 64;
  int rgb_px = 64;
  double max_tilt_rad = 0.5;
  uint32_t present = ~0U;  // what is kept of what tuples have
};
Tuple ToyTuple(const ToyOptions& options, uint64_t index);

// A dataset folder of `count` toy tuples in one shard; the last quarter is the validation split.
void WriteToyDataset(const ToyOptions& options, int count, const std::filesystem::path& folder);

}  // namespace handforge
