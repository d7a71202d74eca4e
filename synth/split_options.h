#pragma once

#include "io/config.h"

#include <cstdint>
#include <string>
#include <vector>

namespace handforge {

// The `split:` section of a recipe: rows of datasets parted anew into train, validation and test
// (synth/split_draw.h says how).
struct SplitOptions {
  std::vector<std::string> data;  // dataset folders
  std::string out = "out/split";
  // Of the groups that `by` names; what is left is for training.
  double validation_share = 0.1;
  double test_share = 0.1;
  // What stays together: subject (one person), sequence (frames and views of one scene), image (the
  // hands in one picture) or tuple (every row by itself).
  std::string by = "subject";
  // Of the training groups those that keep their labels, for semi-supervised training: whole
  // groups, so that persons (sequences, pictures) without labels are others than those with labels.
  // `train.labelled_share` takes labels from single rows as they are loaded; this one is stored.
  double labelled_share = 1;
  std::string part = "all";  // all, train, validation or test: the rows to write
  uint64_t seed = 1;
  int64_t threads = 0;  // 0 = all that this process may use
  int64_t tuples_per_shard = 512;
  int64_t deflate_level = 4;

  void Visit(Fields& fields);
  // Throws UsageError naming keys, values and what would be right.
  void Check() const;
};

}  // namespace handforge
