#include "tests/fuzz/fuzz_target.h"

#include <fstream>
#include <system_error>

#include <unistd.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;

// A folder of this process, removed at its end.
class ProcessFolder {
 public:
  ProcessFolder() {
    std::error_code ignored;
    const fs::path memory = "/dev/shm";
    const fs::path parent = access(memory.c_str(), W_OK) == 0 ? memory : fs::temp_directory_path();
    path_ = parent / ("handforge-fuzz-" + std::to_string(getpid()));
    fs::create_directories(path_, ignored);
  }
  ~ProcessFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

fs::path HostileFile(const std::string& bytes, const std::string& name) {
  static const ProcessFolder folder;
  const fs::path file = folder.path() / name;
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  return file;
}

}  // namespace handforge
