#include "io/hdf5_info.h"

#include "io/h5.h"

namespace handforge {

std::string Hdf5Version() {
  const h5::Session session;
  unsigned major = 0, minor = 0, release = 0;
  hbool_t thread_safe = false;
  if (H5get_libversion(&major, &minor, &release) < 0 || H5is_library_threadsafe(&thread_safe) < 0) {
    return "of unknown version";
  }
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release) +
         (thread_safe ? " (thread-safe)" : " (not thread-safe)");
}

}  // namespace handforge
