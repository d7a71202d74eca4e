#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace handforge {

// A folder that appears whole or not at all: filled under a temporary name beside its final one
// (io/files.h) and renamed. Without Publish nothing is left of it.
class NewFolder {
 public:
  // Throws UsageError where `final_path` exists and is no empty folder or a mounted disk,
  // EnvironmentError where nothing can be made beside it.
  explicit NewFolder(const std::filesystem::path& final_path);
  ~NewFolder();
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  // To write to until then.
  const std::filesystem::path& path() const { return temporary_; }
  // A folder in it. Throws EnvironmentError.
  void MakeFolder(const std::string& name) const;
  // A file "train/00000000.png" whose folder is there. Throws EnvironmentError naming it.
  void Write(const std::string& name, const std::vector<uint8_t>& bytes) const;
  // Throws EnvironmentError.
  void Publish();

 private:
  std::filesystem::path final_;
  std::filesystem::path temporary_;
};

}  // namespace handforge
