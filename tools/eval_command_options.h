#pragma once

#include "tools/command.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace handforge {

// What the command line of `eval` says.
struct EvalCommandOptions {
  CommonOptions common;
  // A model on our datasets; they take the place of the recipe's.
  std::vector<std::string> data;
  std::string model;
  std::vector<std::string> pairs;
  std::vector<std::string> protocols;
  std::string split;
  std::optional<int64_t> limit;
  // Predictions on a public dataset.
  std::string dataset;
  std::vector<std::string> predictions;
  std::string groundtruth;
};

}  // namespace handforge
