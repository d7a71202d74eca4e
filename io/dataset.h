#pragma once

#include "io/shard.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace handforge {

// One of the runs that a merged dataset was joined from; owns the next `shards` shards.
struct RunInfo {
  std::string generator;
  std::string command;
  uint64_t seed = 0;
  std::string config;
  std::string config_sha256;
  std::string model_sha256;
  std::string mesh_sha256;
  uint64_t shards = 0;
};

// dataset.json: written last, so a folder that has one is a complete dataset.
struct Manifest {
  int format_version = kFormatVersion;
  std::string generator;  // "handforge 0.1.0"
  std::string command;    // render, synth, import ...
  uint64_t seed = 0;
  uint64_t count = 0;
  TupleLayout layout;
  std::string config;  // canonical text without execution keys
  std::string config_sha256;
  std::string model_sha256;  // "" where no model was used
  std::string mesh_sha256;   // "" where no mesh was used
  std::vector<std::string> licences;
  std::map<std::string, uint64_t> rejections;  // reason -> attempts
  std::vector<ShardInfo> shards;               // without their rejections
  // Empty where one run made all shards; else config_sha256 and seed above say nothing.
  std::vector<RunInfo> runs;

  // What made shard number `shard` of this manifest.
  RunInfo RunOf(size_t shard) const;

  std::string ToJson() const;
  // Strict: throws DataError naming `file`, the field and what is wrong with it.
  static Manifest FromJson(const std::string& json, const std::filesystem::path& file);
};

std::filesystem::path ManifestPath(const std::filesystem::path& folder);

// Throws DataError naming the first of the folder's shards that is missing or of another size than
// `manifest` says, and `remedy`; empty = to remove it and the manifest.
void RequireShardFiles(const std::filesystem::path& folder,
                       const std::vector<ShardInfo>& shards,
                       const std::filesystem::path& manifest,
                       const std::string& remedy = "");

// tasks/00000-00099.json: what one of several processes that write a dataset together has
// finished. `run` describes the whole run, but its `shards` are those of the task, with their
// rejections, and its own `rejections` are empty.
struct TaskManifest {
  Manifest run;

  std::string ToJson() const;
  // Strict, as Manifest::FromJson.
  static TaskManifest FromJson(const std::string& json, const std::filesystem::path& file);
};

// "" where the shard has the column in this form, else what is wrong: "is missing", "is uint8
// {N, 4}, the layout in dataset.json says uint8 {N}".
std::string ColumnFault(const ShardReader& shard, const Column& column);

// A dataset folder opened for reading.
class Dataset {
 public:
  // Throws DataError where the folder, its manifest or a shard named in it is missing.
  explicit Dataset(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_; }
  const Manifest& manifest() const { return manifest_; }
  uint64_t size() const { return manifest_.count; }
  // Compares the hash, opens, and compares the columns with the manifest's layout. Throws DataError
  // naming the shard and both hashes, or the column and both its forms; a column that is not there
  // throws once it is read.
  ShardReader OpenShard(size_t shard) const;

 private:
  std::filesystem::path folder_;
  Manifest manifest_;
};

}  // namespace handforge
