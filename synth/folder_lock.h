#pragma once

#include "synth/shard_range.h"

#include <filesystem>

namespace handforge {

// Keeps a second process from writing the same shards of a folder; processes with ranges that do
// not overlap may write it together. Byte k of the file ".lock" stands for shard k (locks of open
// file descriptions, which network file systems know too). The lock ends with the process, however
// that ends; the file stays.
class FolderLock {
 public:
  // Throws EnvironmentError where another process holds one of the shards.
  explicit FolderLock(const std::filesystem::path& folder, const ShardRange& range = ShardRange());
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace handforge
