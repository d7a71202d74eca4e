#include "synth/shard_record.h"

#include "io/core/error.h"
#include "io/files.h"

#include <nlohmann/json.hpp>

namespace handforge {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path ShardRecordPath(const fs::path& dataset_folder, int shard) {
  return (dataset_folder / ShardFileName(shard)).replace_extension(".json");
}

void WriteShardRecord(const fs::path& dataset_folder, int shard, const ShardRecord& record) {
  const json j = {{"file", record.info.file},
                  {"sha256", record.info.sha256},
                  {"bytes", record.info.bytes},
                  {"first_index", record.info.first_index},
                  {"tuples", record.info.tuples},
                  {"config_sha256", record.config_sha256},
                  {"seed", record.seed},
                  {"rejections", record.info.rejections}};
  PublishText(ShardRecordPath(dataset_folder, shard), j.dump(2) + "\n");
}

std::optional<ShardRecord> ReadShardRecord(const fs::path& dataset_folder, int shard) {
  const fs::path path = ShardRecordPath(dataset_folder, shard);
  if (!fs::exists(path)) return std::nullopt;
  const json j = json::parse(ReadText(path), nullptr, /*allow_exceptions=*/false);
  ShardRecord record;
  try {
    record.info = {j.at("file"),
                   j.at("sha256"),
                   j.at("bytes"),
                   j.at("first_index"),
                   j.at("tuples"),
                   j.at("rejections").get<std::map<std::string, uint64_t>>()};
    record.config_sha256 = j.at("config_sha256");
    record.seed = j.at("seed");
  } catch (const json::exception&) {
    return std::nullopt;
  }
  std::error_code error;
  const auto bytes = fs::file_size(dataset_folder / ShardFileName(shard), error);
  if (error || bytes != record.info.bytes) return std::nullopt;
  return record;
}

}  // namespace handforge
