#pragma once

#include "io/dataset.h"
#include "io/export/each_tuple.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace handforge {

// Of one tar; a sample alone may be larger.
struct TarLimits {
  uint64_t samples = 10'000;
  uint64_t bytes = 1'000'000'000;  // of its files
};

struct WebDatasetCounts {
  std::array<uint64_t, 3> samples{};  // by Split
  std::array<uint64_t, 3> tars{};
  std::vector<std::string> fields;  // of every sample, sorted: "depth.npy" ...
};

// Writes a dataset as WebDataset tars (io/export/FORMATS.md): a new folder with train-000000.tar,
// ..., validation-000000.tar, ..., test-000000.tar. A sample is a row, its key the row's number in
// 8 digits; its fields are json and those of rgb.png, depth.npy and mask.png that any row has: a
// row that lacks one has zeros there and says so (`present`). The same bytes for any number of
// threads.
// Throws UsageError where `out` is there and no empty folder, DataError where the dataset is empty
// or a shard is damaged, EnvironmentError where nothing can be written, Interrupted; `out` is not
// there then.
WebDatasetCounts ExportWebDataset(const Dataset& dataset,
                                  const std::filesystem::path& out,
                                  const ExportOptions& options,
                                  const TarLimits& limits = {});

}  // namespace handforge
