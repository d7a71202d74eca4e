#pragma once

#include <filesystem>

namespace handforge {

// Keeps a second process from writing the same folder. The lock ends with the process, however that
// ends; the file ".lock" stays.
class FolderLock {
 public:
  // Throws EnvironmentError where another process holds it.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace handforge
