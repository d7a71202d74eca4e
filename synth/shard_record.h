#pragma once

#include "io/shard.h"

#include <filesystem>
#include <optional>
#include <string>

namespace handforge {

// The note that a run leaves beside each finished shard until a manifest takes it over.
struct ShardRecord {
  ShardInfo info;
  std::string config_sha256;
  uint64_t seed = 0;
};

std::filesystem::path ShardRecordPath(const std::filesystem::path& dataset_folder, int shard);
void WriteShardRecord(const std::filesystem::path& dataset_folder,
                      int shard,
                      const ShardRecord& record);
// Nothing where there is no readable record, or the shard's file is missing or of another size.
std::optional<ShardRecord> ReadShardRecord(const std::filesystem::path& dataset_folder, int shard);

}  // namespace handforge
