#pragma once

#include "io/augment/augmentation_options.h"

#include <cstdint>
#include <string>

namespace handforge {

// The `augment:` section of a recipe: a dataset made from another one.
struct AugmentJobOptions {
  std::string out = "out/augmented";
  int64_t copies = 1;  // of each tuple, every one augmented in its own way
  int64_t count = 0;   // tuples to write; 0 = copies times those of the source
  uint64_t seed = 1;
  int64_t threads = 0;  // 0 = all that this process may use
  int64_t tuples_per_shard = 512;
  int64_t deflate_level = 4;
  AugmentationOptions augmentation;  // its sections stand in `augment:` itself

  void Visit(Fields& fields);
};

}  // namespace handforge
