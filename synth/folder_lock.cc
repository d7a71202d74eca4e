#include "synth/folder_lock.h"

#include "io/core/error.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace handforge {

FolderLock::FolderLock(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / ".lock";
  descriptor_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0) {
    throw EnvironmentError(path.string() + ": cannot be opened: " + std::strerror(errno));
  }
  if (flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  const int reason = errno;
  close(descriptor_);
  if (reason == EWOULDBLOCK) {
    throw EnvironmentError(
        folder.string() +
        " is being written by another process; wait for it or choose another --out");
  }
  throw EnvironmentError(path.string() + ": cannot be locked: " + std::strerror(reason));
}

FolderLock::~FolderLock() { close(descriptor_); }

}  // namespace handforge
