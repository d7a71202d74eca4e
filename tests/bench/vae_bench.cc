#include "io/core/random.h"
#include "io/core/tuple.h"
#include "vae/batch.h"
#include "vae/hand_vae.h"
#include "vae/learner.h"
#include "vae/model_file.h"

#include <benchmark/benchmark.h>

namespace handforge {
namespace {

// Networks of the quick recipe, one thread.
TrainOptions Options() {
  TrainOptions options;
  options.threads = 1;
  return options;
}

// Noise in the shape of samples: the networks' cost does not depend on values.
SampleSet NoiseSamples(int count, int rgb_px) {
  Random random(1, 0, 0, Purpose::kTest);
  SampleSet samples(rgb_px);
  const auto bytes = [&](size_t size) {
    std::vector<uint8_t> values(size);
    for (uint8_t& value : values) value = static_cast<uint8_t>(random.NextU32());
    return values;
  };
  const auto floats = [&](size_t size) {
    std::vector<float> values(size);
    for (float& value : values) value = static_cast<float>(random.Normal());
    return values;
  };
  const size_t n = static_cast<size_t>(count);
  const size_t pixels = static_cast<size_t>(rgb_px) * rgb_px;
  samples.rgb = bytes(n * pixels * 3);
  samples.alpha = bytes(n * pixels);
  samples.joints3 = floats(n * kNumJoints * 3);
  samples.joints2 = floats(n * kNumJoints * 2);
  samples.bone_mm.assign(n, 45);
  samples.focal_over_size.assign(n, 2);
  samples.visible.assign(n * kNumJoints, kVisible);
  samples.present.assign(n, kHasRgb | kHasMask | kHasJoints3 | kHasJoints2);
  return samples;
}

HandVae UntrainedVae(const TrainOptions& options) {
  VaeInfo info;
  info.model = options.model;
  info.has_encoder = {true, true, true, false};
  info.has_decoder = {true, true, true, false};
  TensorFile file;
  AddDataStatistics(NoiseSamples(4, static_cast<int>(options.model.rgb_px)), &info, &file);
  DescribeModel(info, "model", &file);
  Learner(options).AddNetworks(&file);
  return HandVae::FromTensors(file, "cpu");
}

// Items are decoded hands: 3D, 2D and RGB with alpha.
void BM_Decode(benchmark::State& state) {
  const HandVae vae = UntrainedVae(Options());
  const int rows = static_cast<int>(state.range(0));
  const std::vector<float> z(static_cast<size_t>(rows) * vae.info().latent_dim, 0.5F);
  DecodedBatch decoded;
  for (auto _ : state) vae.Decode(z.data(), rows, &decoded);
  state.SetItemsProcessed(state.iterations() * rows);
}
BENCHMARK(BM_Decode)->Arg(1)->Arg(32)->Unit(benchmark::kMillisecond);

// Items are training rows of one pair.
void BM_TrainingStep(benchmark::State& state, const char* pair) {
  const TrainOptions options = Options();
  const SampleSet samples = NoiseSamples(256, static_cast<int>(options.model.rgb_px));
  BatchOptions batch_options;
  batch_options.pose_rows = static_cast<int>(options.pose_batch);
  batch_options.image_rows = static_cast<int>(options.image_batch);
  batch_options.latent_dim = static_cast<int>(options.model.latent_dim);
  BatchMaker maker(samples, ParsePasses({pair}), batch_options);
  Learner learner(options);
  const Batch batch = maker.Make(0);
  for (auto _ : state) benchmark::DoNotOptimize(learner.Step(batch, 1e-4));
  state.SetItemsProcessed(state.iterations() * batch.rows);
}
BENCHMARK_CAPTURE(BM_TrainingStep, pose, "2d->3d")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_TrainingStep, rgb_to_3d, "rgb->3d")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_TrainingStep, rgb_to_rgb, "rgb->rgb")->Unit(benchmark::kMillisecond);

// Items are prepared rows of an image pair: turning, tinting, noise.
void BM_MakeBatch(benchmark::State& state) {
  const SampleSet samples = NoiseSamples(256, 64);
  BatchMaker maker(samples, ParsePasses({"rgb->rgb"}), BatchOptions());
  int64_t step = 0;
  int64_t rows = 0;
  for (auto _ : state) rows += maker.Make(step++).rows;
  state.SetItemsProcessed(rows);
}
BENCHMARK(BM_MakeBatch)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace handforge

BENCHMARK_MAIN();
