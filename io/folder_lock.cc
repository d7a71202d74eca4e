#include "io/folder_lock.h"

#include "io/core/error.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace handforge {

FolderLock::FolderLock(const std::filesystem::path& folder, int first, int end) {
  const std::filesystem::path path = folder / ".lock";
  descriptor_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0) {
    throw EnvironmentError(path.string() + ": cannot be opened: " + std::strerror(errno));
  }
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = first;
  lock.l_len = end - first;
  if (fcntl(descriptor_, F_OFD_SETLK, &lock) == 0) return;
  const int reason = errno;
  close(descriptor_);
  if (reason == EAGAIN || reason == EACCES) {
    const bool all = first == 0 && end == kAll;
    const std::string shards =
        ": one of the shards " + std::to_string(first) + "-" + std::to_string(end - 1);
    throw EnvironmentError(folder.string() + (all ? "" : shards) +
                           " is being written by another process; wait for it or choose another " +
                           (all ? "--out" : "range"));
  }
  throw EnvironmentError(path.string() + ": cannot be locked: " + std::strerror(reason));
}

FolderLock::~FolderLock() { close(descriptor_); }

}  // namespace handforge
