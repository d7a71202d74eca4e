#include "synth/render_assets.h"

#include "io/core/error.h"

#include <utility>

namespace handforge {
namespace {

RenderAssets Load(const RenderInputs& inputs) {
  if (inputs.rig_text.empty()) throw DataError("the shards name no rig");
  RenderAssets assets;
  auto rig = std::make_unique<Rig>(LoadRig(RigSpec::Parse(inputs.rig_text, "attribute rig")));
  if (rig->sha256 != inputs.mesh_sha256) {
    throw DataError("the mesh here has SHA-256 " + rig->sha256 + ", the dataset was made with " +
                    inputs.mesh_sha256);
  }
  assets.objects = std::make_unique<ObjectLibrary>(
      ObjectLibrary::Restore(inputs.object_names, inputs.object_sha256));
  assets.rig = std::move(rig);
  return assets;
}

}  // namespace

RenderInputs RenderInputs::Of(const ShardReader& shard,
                              const TupleLayout& layout,
                              const std::string& mesh_sha256) {
  RenderInputs inputs{shard.TextAttribute("rig"), mesh_sha256, {}, {}};
  if (!layout.Has("objects")) return inputs;
  inputs.object_names = shard.ListAttribute("object_names");
  inputs.object_sha256 = shard.ListAttribute("object_sha256");
  return inputs;
}

const RenderAssets& RenderAssetCache::Of(const RenderInputs& inputs) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = assets_.find(inputs);
  if (known != assets_.end()) return known->second;
  RenderAssets& assets = assets_[inputs];
  try {
    assets = Load(inputs);
  } catch (const Error& error) {
    assets.missing_because = error.what();
  }
  return assets;
}

}  // namespace handforge
