#pragma once

#include "io/dataset.h"
#include "io/export/each_tuple.h"

#include <array>
#include <cstdint>
#include <filesystem>

namespace handforge {

struct CocoCounts {
  std::array<uint64_t, 3> images{};  // by Split
  std::array<uint64_t, 3> annotations{};
  uint64_t without_colours = 0;  // rows left out
};

// Writes a dataset as COCO keypoints (io/export/FORMATS.md): a new folder with
// annotations/{train,validation,test}.json, one a split that has pictures, and PNGs of colours,
// depth (16 bits) and part masks. A row is an image with one hand; rows of one picture whose
// colours, depth and camera are equal share an image. Rows whose labels are not to be trained on
// (`labelled` 0) are images without annotation; rows without colours are left out and counted. The
// same bytes for any number of threads.
// Throws UsageError where `out` is there and no empty folder, DataError where no row has colours or
// a shard is damaged, EnvironmentError where nothing can be written, Interrupted; `out` is not
// there then.
CocoCounts ExportCoco(const Dataset& dataset,
                      const std::filesystem::path& out,
                      const ExportOptions& options);

}  // namespace handforge
