#pragma once

#include "io/shard.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace handforge {

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
  std::vector<ShardInfo> shards;

  std::string ToJson() const;
  // Strict: throws DataError naming `file`, the field and what is wrong with it.
  static Manifest FromJson(const std::string& json, const std::filesystem::path& file);
};

std::filesystem::path ManifestPath(const std::filesystem::path& folder);

// A dataset folder opened for reading.
class Dataset {
 public:
  // Throws DataError where the folder, its manifest or a shard named in it is missing.
  explicit Dataset(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_; }
  const Manifest& manifest() const { return manifest_; }
  uint64_t size() const { return manifest_.count; }
  // Compares the hash, then opens. Throws DataError naming the shard and both hashes.
  ShardReader OpenShard(size_t shard) const;

 private:
  std::filesystem::path folder_;
  Manifest manifest_;
};

}  // namespace handforge
