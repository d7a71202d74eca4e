#pragma once

#include "io/shard.h"
#include "render/object_library.h"
#include "render/rig.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

namespace handforge {

// What the rows of a shard were rendered with, as the shard names it.
struct RenderInputs {
  std::string rig_text;
  std::string mesh_sha256;
  std::vector<std::string> object_names;
  std::vector<std::string> object_sha256;

  static RenderInputs Of(const ShardReader& shard,
                         const TupleLayout& layout,
                         const std::string& mesh_sha256);

  bool operator<(const RenderInputs& other) const {
    return std::tie(rig_text, mesh_sha256, object_names, object_sha256) <
           std::tie(other.rig_text, other.mesh_sha256, other.object_names, other.object_sha256);
  }
};

// The same from the files at hand; without a rig where they are missing or other ones.
struct RenderAssets {
  std::unique_ptr<const Rig> rig;
  std::unique_ptr<const ObjectLibrary> objects;
  std::string missing_because;
};

// Loads every asset once. Any number of threads may ask; files are read in child processes
// (io/isolated.h), so the first request for each is best made before there are threads.
class RenderAssetCache {
 public:
  // The reference stays.
  const RenderAssets& Of(const RenderInputs& inputs);

 private:
  std::mutex mutex_;
  std::map<RenderInputs, RenderAssets> assets_;
};

}  // namespace handforge
