#pragma once

#include "io/dataset.h"
#include "synth/shard_range.h"

#include <filesystem>
#include <vector>

namespace handforge {

// DIR/tasks/00000-00099.json
std::filesystem::path TaskManifestPath(const std::filesystem::path& dataset_folder,
                                       const ShardRange& shards);
// All task manifests of the folder, by name. Throws DataError for one that cannot be read.
std::vector<TaskManifest> ReadTaskManifests(const std::filesystem::path& dataset_folder);

// What only matters until dataset.json exists: task manifests and the records of shards.
void RemoveTaskFiles(const std::filesystem::path& dataset_folder);

// Whether two manifests describe the same run: then equal indices are equal tuples.
bool SameRun(const Manifest& a, const Manifest& b);

}  // namespace handforge
