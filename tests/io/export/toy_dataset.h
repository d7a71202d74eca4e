#pragma once

#include "io/dataset.h"
#include "io/files.h"
#include "tests/io/random_tuple.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace handforge {

// Colours on a finer grid than depth, so that labels must be moved.
inline TupleLayout ToyLayout() {
  TupleLayout layout;
  layout.image_px = 16;
  layout.rgb_px = 32;
  return layout;
}

// All modalities, joints within the picture, every code of visibility.
inline Tuple ToyTuple(uint64_t index, const TupleLayout& layout = ToyLayout()) {
  Tuple t = RandomTuple(index, layout);
  t.present = kHasRgb | kHasDepth | kHasMask | kHasJoints3 | kHasJoints2;
  t.labelled = true;
  t.image_id = static_cast<int64_t>(index);
  t.split = static_cast<Split>(index % 3);
  t.bbox_px = {1.5F, 2.5F, 4, 6};
  for (int j = 0; j < kNumJoints; ++j) {
    t.joints_px.row(j) << 0.5F * static_cast<float>(j), 3.25F;
    t.visible[j] = static_cast<uint8_t>(j % 7);
  }
  t.visible[20] = kVisibilityUnknown;
  return t;
}

// Writes rows as a dataset of one run, or of several that `runs` gives the shards of.
inline void WriteToyDataset(const std::filesystem::path& folder,
                            const std::vector<Tuple>& tuples,
                            size_t rows_per_shard = 4,
                            const std::vector<uint64_t>& runs = {},
                            const TupleLayout& layout = ToyLayout()) {
  Manifest manifest;
  manifest.generator = "handforge test";
  manifest.command = "render";
  manifest.count = tuples.size();
  manifest.layout = layout;
  manifest.licences = {"CC0", "MIT"};
  for (size_t first = 0; first < tuples.size(); first += rows_per_shard) {
    const size_t count = std::min(rows_per_shard, tuples.size() - first);
    ShardWriter writer(folder, static_cast<int>(manifest.shards.size()), count, layout, {});
    for (size_t i = 0; i < count; ++i) writer.Append(EncodeTuple(tuples[first + i], layout, 1));
    manifest.shards.push_back(writer.Publish());
  }
  for (const uint64_t shards : runs) {
    manifest.runs.push_back({"handforge test", "render", 0, "", "", "", "", shards});
  }
  std::filesystem::create_directories(folder);
  PublishText(ManifestPath(folder), manifest.ToJson());
}

// Content of every file below a folder, by its path within.
inline std::map<std::string, std::string> FilesBelow(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    files[entry.path().lexically_relative(folder).string()] = ReadText(entry.path());
  }
  return files;
}

}  // namespace handforge
