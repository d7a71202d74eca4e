#pragma once

#include "synth/dataset_writer.h"
#include "synth/render_source.h"

#include <filesystem>
#include <map>
#include <string>

namespace handforge {

// A small world for datasets: 64 px pictures of the project's rig. `count` tuples go to `out`.
RenderWorld SmallWorld(const std::filesystem::path& out, int64_t count, int64_t tuples_per_shard);
DatasetResult WriteSmallDataset(const RenderWorld& world, int threads);

// SHA-256 of every file below shards/, by name.
std::map<std::string, std::string> ShardHashes(const std::filesystem::path& dataset);

}  // namespace handforge
