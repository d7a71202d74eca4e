#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace handforge {

// The files that `tools/setup.sh` fetched (hand mesh, HDRIs). Looked for in $HANDFORGE_ASSETS, else
// $XDG_CACHE_HOME/handforge/assets, else ~/.cache/handforge/assets.
std::filesystem::path AssetFolder();
// `name` is relative to the asset folder ("meshes/generic-hand-left.glb"), or an absolute path, or
// a path relative to the working directory that exists. Throws EnvironmentError naming where it
// was looked for and the command that fetches it.
std::filesystem::path FindAsset(const std::string& name);
// Sorted paths of `hdri/*.exr` in the asset folder; empty where there are none.
std::vector<std::filesystem::path> HdriFiles();

// A file that comes with handforge ("configs/rigs/generic-hand.yaml"): as named where that exists,
// else beside the program as it was installed (share/handforge/) or built. Returns `name` itself
// where it is nowhere, so that opening it says so.
std::filesystem::path FindResource(const std::string& name);

}  // namespace handforge
