#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace handforge {

// Writes a plain tar (POSIX.1-1988 ustar) of regular files. The bytes depend on names and contents
// alone: times, owners and their names are 0, the mode is 0444. Only this file pair sees
// libarchive. Throws EnvironmentError naming the tar where it cannot be written.
class TarWriter {
 public:
  explicit TarWriter(std::filesystem::path file);
  ~TarWriter();
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;

  void Add(const std::string& name, const std::vector<uint8_t>& bytes);
  // Without it the file is not complete.
  void Close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace handforge
