#pragma once

#include "io/dataset.h"
#include "synth/shard_range.h"

#include <filesystem>
#include <vector>

namespace handforge {

// DIR/tasks/00000-00099.json
std::filesystem::path TaskManifestPath(const std::filesystem::path& dataset_folder,
                                       const ShardRange& shards);
// DIR/tasks/none-00007.json: of a task that had nothing to do.
std::filesystem::path EmptyTaskManifestPath(const std::filesystem::path& dataset_folder, int task);
// All task manifests of the folder, by name. Throws DataError for one that cannot be read.
std::vector<TaskManifest> ReadTaskManifests(const std::filesystem::path& dataset_folder);

// Numbers of the shards that have a record (synth/shard_record.h), in ascending order.
std::vector<int> RecordedShards(const std::filesystem::path& dataset_folder);

// Numbers of the shards, whether or not anything names them, in ascending order.
std::vector<int> ShardsOnDisk(const std::filesystem::path& dataset_folder);

// What only matters until dataset.json exists: task manifests, the records of shards, and shards
// from number `named` on, which are left of an unfinished run or merge and no manifest names.
void RemoveTaskFiles(const std::filesystem::path& dataset_folder);
void RemoveLeftoverShards(const std::filesystem::path& dataset_folder, size_t named);

// Whether two manifests describe the same run: then equal indices are equal tuples.
bool SameRun(const Manifest& a, const Manifest& b);

}  // namespace handforge
