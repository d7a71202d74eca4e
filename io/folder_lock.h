#pragma once

#include <filesystem>
#include <limits>

namespace handforge {

// Keeps a second process from writing a folder, or the same shards of it; processes with ranges
// that do not overlap may write it together. Byte k of the file ".lock" stands for shard k (locks
// of open file descriptions, which network file systems know too). The lock ends with the process,
// however that ends; the file stays.
class FolderLock {
 public:
  // Of the shards [first, end). Throws EnvironmentError where another process holds one of them.
  explicit FolderLock(const std::filesystem::path& folder, int first = 0, int end = kAll);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  static constexpr int kAll = std::numeric_limits<int>::max();

  int descriptor_ = -1;
};

}  // namespace handforge
