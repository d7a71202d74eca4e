#pragma once

#include "io/config.h"

#include <cstdint>
#include <string>
#include <vector>

namespace handforge {

// The `import:` section of a recipe: crops of a published dataset, with its labels.
struct ImportOptions {
  std::string dataset = "rhd";  // of PublishedDatasetNames()
  std::string folder;           // of the dataset as its authors publish it
  std::string out = "out/imported";
  std::string split = "all";               // as published: all, train, test
  std::string hands = "both";              // of a picture that shows two: both, dominant
  std::string camera = "";                 // of datasets that have several; "" = their first
  std::string protocol = "";               // the same of datasets that are divided in several ways
  std::vector<std::string> test_subjects;  // held out for tests, where persons are numbered
  // Share of the training persons (or sequences, or pictures, where persons are not told apart)
  // that become the split "validation", at least one of several.
  double validation_share = 0.05;
  double least_in_picture = 0.5;  // share of a hand's joints that lie in the picture
  int64_t smallest_px = 0;        // side of the square crop in pixels of the picture
  bool labelled = true;           // false: train as if there were no labels
  int64_t count = 0;              // evenly spaced hands; 0 = all
  int64_t image_px = 128;         // depth, mask, joints_2d, K
  int64_t rgb_px = 128;
  double fill = 0.66;  // longer side of the box around the joints over the crop's
  uint64_t seed = 1;   // which are for validation
  int64_t threads = 0;
  int64_t tuples_per_shard = 512;
  int64_t deflate_level = 4;

  void Visit(Fields& fields);
};

}  // namespace handforge
