// Cost of writing: compressing a tuple (parallel stage) and appending finished chunks (one writer).
#include "io/shard.h"
#include "render/tuple_renderer.h"
#include "tests/io/temporary_folder.h"
#include "tests/render/render_testing.h"

#include <benchmark/benchmark.h>

namespace handforge {
namespace {

constexpr uint64_t kRows = 64;

std::vector<Tuple> RenderedTuples() {
  RenderOptions options;
  options.rig = SourcePath("configs/rigs/generic-hand.yaml");
  options.pose.gestures = SourcePath("configs/poses/gestures.yaml");
  const RenderWorld world = RenderWorld::Load(options);
  TupleRenderer renderer(world);
  std::map<std::string, uint64_t> rejections;
  std::vector<Tuple> tuples;
  for (uint64_t i = 0; i < kRows; ++i) tuples.push_back(renderer.Render(i, &rejections));
  return tuples;
}

void CompressTuple(benchmark::State& state) {
  const std::vector<Tuple> tuples = RenderedTuples();
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        EncodeTuple(tuples[i++ % kRows], TupleLayout(), static_cast<int>(state.range(0))));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(CompressTuple)->Arg(1)->Arg(4)->Unit(benchmark::kMicrosecond);

void WriteShard(benchmark::State& state) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "shards");
  std::vector<EncodedTuple> encoded;
  for (const Tuple& t : RenderedTuples()) encoded.push_back(EncodeTuple(t, TupleLayout(), 4));
  uint64_t bytes = 0;
  for (auto _ : state) {
    ShardWriter writer(folder.path(), 0, kRows, TupleLayout(), ShardMetadata());
    for (const EncodedTuple& t : encoded) writer.Append(t);
    bytes = writer.Publish().bytes;
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
}
BENCHMARK(WriteShard)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace handforge
