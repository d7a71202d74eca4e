#pragma once

#include "io/config.h"

#include <cstdint>
#include <string>
#include <vector>

namespace handforge {

// Section `eval` of a recipe: a model measured on datasets of handforge.
struct EvalOptions {
  std::vector<std::string> data;
  // Model file; empty = the repository's, else the quick start's.
  std::string model;
  // Encoder->decoder pairs; empty = all that the model has.
  std::vector<std::string> pairs;
  // By which 3D is compared (io/core/metrics.h); empty = by all that fit.
  std::vector<std::string> protocols;
  // Which rows: "held_out" is validation and test.
  std::string split = "held_out";
  // At most this many rows, evenly spaced; 0 = all.
  int64_t limit = 0;
  // Views of a picture turned upright whose joints are averaged (vae/upright_look.h); 0 = what the
  // posterior of the picture as it is says.
  int64_t upright_views = 5;
  // Whether `out` gets every predicted and true pose too (tools/compared_poses_csv.h).
  bool poses = false;
  // Folder for eval.json and plots; empty = only print.
  std::string out;
  // Batches at once; 0 = one per core. Changes no number.
  int64_t threads = 0;

  void Visit(Fields& fields);
};

}  // namespace handforge
