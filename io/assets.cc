#include "io/assets.h"

#include "io/core/error.h"

#include <algorithm>
#include <cstdlib>
#include <system_error>

namespace handforge {
namespace fs = std::filesystem;
namespace {

// The variable's value, or "" where it is unset.
std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

fs::path AssetFolder() {
  if (const std::string assets = Environment("HANDFORGE_ASSETS"); !assets.empty()) return assets;
  if (const std::string cache = Environment("XDG_CACHE_HOME"); !cache.empty()) {
    return fs::path(cache) / "handforge" / "assets";
  }
  if (const std::string home = Environment("HOME"); !home.empty()) {
    return fs::path(home) / ".cache" / "handforge" / "assets";
  }
  throw EnvironmentError(
      "no folder for assets: none of HANDFORGE_ASSETS, XDG_CACHE_HOME and HOME is set");
}

fs::path FindAsset(const std::string& name) {
  std::error_code ignored;
  const fs::path given(name);
  if (!name.empty() && fs::is_regular_file(given, ignored)) return given;
  if (name.empty() || given.is_absolute()) {
    throw EnvironmentError("asset '" + name + "': no such file");
  }
  const fs::path in_assets = AssetFolder() / given;
  if (fs::is_regular_file(in_assets, ignored)) return in_assets;
  throw EnvironmentError("asset '" + name + "' was found neither in the working directory nor at " +
                         in_assets.string() +
                         "; tools/setup.sh fetches it (HANDFORGE_ASSETS names another folder)");
}

std::vector<fs::path> HdriFiles() {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(AssetFolder() / "hdri", ignored)) {
    if (entry.path().extension() == ".exr") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

fs::path FindResource(const std::string& name) {
  if (fs::exists(name) || fs::path(name).is_absolute()) return name;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return name;
  for (const char* beside : {"../share/handforge", ".."}) {
    const fs::path candidate = program.parent_path() / beside / name;
    if (fs::exists(candidate, error)) return candidate.lexically_normal();
  }
  return name;
}

}  // namespace handforge
