#include "io/export/new_folder.h"

#include "io/core/error.h"
#include "io/files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;

// Without a slash at the end, which would hide the name.
fs::path NamedPath(const fs::path& path) {
  fs::path absolute = fs::absolute(path).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

// A disk that is mounted here cannot be replaced by a folder.
void RequireNoMount(const fs::path& folder) {
  struct stat own {
  }, parent{};
  if (::stat(folder.c_str(), &own) != 0 || ::stat(folder.parent_path().c_str(), &parent) != 0 ||
      own.st_dev == parent.st_dev) {
    return;
  }
  throw UsageError(folder.string() + " is where a disk is mounted; choose a new folder in it");
}

void RequireFree(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error))) return;
  if (fs::is_directory(fs::symlink_status(path, error)) && fs::is_empty(path, error) && !error) {
    RequireNoMount(path);
    return;
  }
  throw UsageError(path.string() +
                   " is there already and no empty folder; choose another one or "
                   "remove it");
}

// All that was written to the disk that holds the folder: a call for each of many small files would
// take longer than writing them.
void SyncDisk(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::syncfs(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!synced) {
    throw EnvironmentError(folder.string() + ": cannot sync: " + std::strerror(error));
  }
}

}  // namespace

NewFolder::NewFolder(const fs::path& final_path) : final_(NamedPath(final_path)) {
  RequireFree(final_);
  EnsureWritableFolder(final_.parent_path());
  RemoveStaleTemporaries(final_.parent_path());
  temporary_ = TemporaryName(final_);
  std::error_code error;
  fs::remove_all(temporary_, error);
  if (!fs::create_directory(temporary_, error)) {
    throw EnvironmentError(temporary_.string() + ": cannot be created: " + error.message());
  }
}

NewFolder::~NewFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void NewFolder::MakeFolder(const std::string& name) const {
  std::error_code error;
  fs::create_directory(temporary_ / name, error);
  if (!error) return;
  throw EnvironmentError((final_ / name).string() + ": cannot be created: " + error.message());
}

void NewFolder::Write(const std::string& name, const std::vector<uint8_t>& bytes) const {
  std::ofstream file(temporary_ / name, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file) return;
  throw EnvironmentError((final_ / name).string() + ": cannot be written: " + std::strerror(errno));
}

void NewFolder::Publish() {
  SyncDisk(temporary_);
  if (::rename(temporary_.c_str(), final_.c_str()) != 0) {
    throw EnvironmentError(final_.string() +
                           ": cannot be given its final name: " + std::strerror(errno));
  }
  temporary_.clear();
  SyncDisk(final_.parent_path());
}

}  // namespace handforge
