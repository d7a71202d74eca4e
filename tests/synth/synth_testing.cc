#include "tests/synth/synth_testing.h"

#include "io/files.h"

namespace handforge {

RenderWorld SmallWorld(const std::filesystem::path& out, int64_t count, int64_t tuples_per_shard) {
  const std::filesystem::path source = HANDFORGE_SOURCE_DIR;
  RenderOptions options;
  options.out = out;
  options.count = count;
  options.tuples_per_shard = tuples_per_shard;
  options.seed = 11;
  options.image_px = 64;
  options.rgb_px = 32;
  options.light.lights = 16;
  options.rig = source / "configs/rigs/generic-hand.yaml";
  options.pose.gestures = source / "configs/poses/gestures.yaml";
  return RenderWorld::Load(options);
}

DatasetResult WriteSmallDataset(const RenderWorld& world, int threads) {
  DatasetJob job = RenderJob(world);
  job.threads = threads;
  job.tuples_per_block = 3;
  return WriteDataset(job, [&world] { return MakeRenderSource(world); });
}

std::map<std::string, std::string> ShardHashes(const std::filesystem::path& dataset) {
  std::map<std::string, std::string> hashes;
  for (const auto& entry : std::filesystem::directory_iterator(dataset / "shards")) {
    hashes[entry.path().filename()] = Sha256OfFile(entry.path());
  }
  return hashes;
}

}  // namespace handforge
