#include "io/core/random.h"
#include "io/core/tuple.h"
#include "tests/io/temporary_folder.h"
#include "tools/environment.h"
#include "tools/recipe.h"
#include "vae/batch.h"
#include "vae/hand_vae.h"
#include "vae/learner.h"
#include "vae/model_file.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

namespace handforge {
namespace {

// Networks of the quick recipe, one thread.
TrainOptions Options() {
  TrainOptions options;
  options.threads = 1;
  return options;
}

// Those of a recipe, one thread.
TrainOptions OptionsOf(const char* recipe) {
  CommonOptions common;
  common.config = std::string(HANDFORGE_SOURCE_DIR "/configs/") + recipe;
  TrainOptions options = Recipe::Load(common, "train").train;
  options.threads = 1;
  return options;
}

BatchOptions BatchOptionsOf(const TrainOptions& options) {
  BatchOptions batch;
  batch.pose_rows = static_cast<int>(options.pose_batch);
  batch.image_rows = static_cast<int>(options.image_batch);
  batch.latent_dim = static_cast<int>(options.model.latent_dim);
  batch.appearance = options.model.appearance_dim > 0;
  batch.left_share = options.model.side_head != 0 ? options.left_share : 0;
  batch.augment = options.augment;
  return batch;
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
  samples.handedness.assign(n, static_cast<uint8_t>(Handedness::kRight));
  samples.depth.assign(n * pixels, 0);
  samples.present.assign(n, kHasRgb | kHasDepth | kHasMask | kHasJoints3 | kHasJoints2);
  samples.obstructed.assign(n, 0);
  return samples;
}

HandVae UntrainedVae(const TrainOptions& options, const std::string& precision) {
  VaeInfo info;
  info.model = options.model;
  for (const Pair& pair : ParsePairs(options.pairs)) {
    info.has_encoder[static_cast<size_t>(pair.from)] = true;
    info.has_decoder[static_cast<size_t>(pair.to)] = true;
  }
  TensorFile file;
  AddDataStatistics(NoiseSamples(4, static_cast<int>(options.model.rgb_px)), &info, &file);
  DescribeModel(info, "model", &file);
  Learner(options).AddNetworks(&file);
  return HandVae::FromTensors(file, "cpu", precision);
}

// Items are decoded hands: 3D, 2D and RGB with alpha.
void Decode(benchmark::State& state, const TrainOptions& options, const std::string& precision) {
  const HandVae vae = UntrainedVae(options, precision);
  const int rows = static_cast<int>(state.range(0));
  const std::vector<float> z(static_cast<size_t>(rows) * vae.info().latent_dim, 0.5F);
  DecodedBatch decoded;
  for (auto _ : state) vae.Decode(z.data(), rows, &decoded, {true, true, true, false});
  state.SetItemsProcessed(state.iterations() * rows);
}
void BM_Decode(benchmark::State& state) { Decode(state, Options(), "float32"); }
BENCHMARK(BM_Decode)->Arg(1)->Arg(32)->Unit(benchmark::kMillisecond);
// The default sizes, 128 px: images per second and core.
void BM_DecodeDefault(benchmark::State& state, const char* precision) {
  Decode(state, OptionsOf("default.yaml"), precision);
}
BENCHMARK_CAPTURE(BM_DecodeDefault, float32, "float32")->Arg(32)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_DecodeDefault, by_cpu, "auto")->Arg(32)->Unit(benchmark::kMillisecond);

// Items are training rows of one pair.
void BM_TrainingStep(benchmark::State& state, const char* pair) {
  const TrainOptions options = Options();
  const SampleSet samples = NoiseSamples(256, static_cast<int>(options.model.rgb_px));
  BatchMaker maker(samples, ParsePasses({pair}), BatchOptionsOf(options));
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

double SecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Rounds of the default recipe's schedule. `loader_over_need` says how many times faster one loader
// thread makes batches than one training thread uses them.
void LoaderAgainstTrainer(benchmark::State& state,
                          const TrainOptions& options,
                          const SampleSet& samples) {
  const std::vector<Pass> passes = ParsePasses(options.pairs);
  BatchMaker maker(samples, passes, BatchOptionsOf(options));
  Learner learner(options);
  int64_t round = 0;
  for (const Pass& pass : passes) round += pass.weight;
  double making = 0;
  double training = 0;
  int64_t step = 0;
  for (auto _ : state) {
    for (int64_t i = 0; i < round; ++i) {
      const auto begin = std::chrono::steady_clock::now();
      const Batch batch = maker.Make(step++);
      making += SecondsSince(begin);
      const auto made = std::chrono::steady_clock::now();
      benchmark::DoNotOptimize(learner.Step(batch, 1e-4));
      training += SecondsSince(made);
    }
  }
  state.counters["loader_over_need"] = training / making;
}
void BM_LoaderAgainstTrainer(benchmark::State& state) {
  const TrainOptions options = OptionsOf("default.yaml");
  LoaderAgainstTrainer(state, options, NoiseSamples(256, static_cast<int>(options.model.rgb_px)));
}
BENCHMARK(BM_LoaderAgainstTrainer)->Iterations(1)->Unit(benchmark::kSecond);

// The same where the pictures stay in the shards of the dataset $HANDFORGE_BENCH_DATA.
void BM_StoredLoaderAgainstTrainer(benchmark::State& state) {
  const char* folder = std::getenv("HANDFORGE_BENCH_DATA");
  if (folder == nullptr) {
    state.SkipWithError("HANDFORGE_BENCH_DATA names no dataset");
    return;
  }
  const TrainOptions options = OptionsOf("default.yaml");
  LoaderAgainstTrainer(
      state, options, LoadTrainingData({folder}, SampleForm(options.model), 0).train);
}
BENCHMARK(BM_StoredLoaderAgainstTrainer)->Iterations(1)->Unit(benchmark::kSecond);

// ---- Against PyTorch ----------------------------------------------------------------------------

// Pairs to 3D on one preloaded batch each, with what they need to be stepped elsewhere.
class SameSteps {
 public:
  SameSteps() : options_(Options()), samples_(NoiseSamples(256, 64)) {
    options_.threads = 2;
    options_.pairs = {"rgb->3d", "3d->3d"};
    for (const char* pair : {"rgb->3d", "3d->3d"}) {
      batches_.push_back(
          BatchMaker(samples_, ParsePasses({pair}), BatchOptionsOf(options_)).Make(0));
    }
    Write();
  }

  // Steps per second of a pair, and the loss of its first step.
  std::pair<double, double> Ours(size_t pair, double seconds) const {
    Learner learner(options_);
    const double first_loss = learner.Step(batches_[pair], options_.learning_rate)[0].loss;
    for (int i = 0; i < 3; ++i) learner.Step(batches_[pair], options_.learning_rate);
    const auto begin = std::chrono::steady_clock::now();
    int64_t steps = 0;
    for (; SecondsSince(begin) < seconds; ++steps) {
      learner.Step(batches_[pair], options_.learning_rate);
    }
    return {static_cast<double>(steps) / SecondsSince(begin), first_loss};
  }

  // What train_torch.py prints; null where there is no PyTorch.
  nlohmann::json PyTorchs(double seconds) const {
    const std::string command = "/usr/bin/python3 " HANDFORGE_SOURCE_DIR
                                "/tests/bench/train_torch.py " HANDFORGE_SOURCE_DIR "/tools " +
                                (folder_ / "model").string() + " " +
                                (folder_ / "batches").string() + " " + std::to_string(seconds) +
                                " " + std::to_string(options_.threads);
    std::FILE* pipe = popen(command.c_str(), "r");
    std::string said;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) said += static_cast<char>(c);
    pclose(pipe);
    return nlohmann::json::parse(said, nullptr, false);
  }

 private:
  void Write() const {
    VaeInfo info;
    info.model = options_.model;
    info.has_encoder = {true, false, true, false};
    info.has_decoder = {false, false, true, false};
    TensorFile model;
    DescribeModel(info, "model", &model);
    Learner(options_).AddNetworks(&model);
    model.Write(folder_ / "model");
    TensorFile batches;
    for (const Batch& batch : batches_) {
      const std::string name = ModalityName(batch.pass.from);
      const int64_t px = options_.model.rgb_px;
      const std::vector<int64_t> shape = batch.pass.from == Modality::kRgb
                                             ? std::vector<int64_t>{batch.rows, 3, px, px}
                                             : std::vector<int64_t>{batch.rows, kNumJoints, 3};
      const auto& target = batch.targets[static_cast<size_t>(Modality::kJoints3)];
      batches.AddFloats(name + ".input", shape, batch.input.data());
      batches.AddFloats(
          name + ".noise", {batch.rows, options_.model.latent_dim}, batch.noise.data());
      batches.AddFloats(name + ".target", {batch.rows, kNumJoints, 3}, target.data());
    }
    batches.metadata = {{"beta", std::to_string(options_.beta)},
                        {"bones_weight", std::to_string(options_.bones_weight)},
                        {"learning_rate", std::to_string(options_.learning_rate)},
                        {"max_gradient_norm", std::to_string(options_.max_gradient_norm)}};
    batches.Write(folder_ / "batches");
  }

  TrainOptions options_;
  SampleSet samples_;
  std::vector<Batch> batches_;
  TemporaryFolder folder_;
};

// Training steps per second over those of the same network in Debian's python3-torch, same batches,
// two threads. PyTorch is measured before and after, so that a machine that slows down cancels.
void BM_StepsOverPyTorch(benchmark::State& state) {
  constexpr double kSeconds = 4;
  const SameSteps same;
  const size_t pair = static_cast<size_t>(state.range(0));
  const char* const name = pair == 0 ? "rgb->3d" : "3d->3d";
  for (auto _ : state) {
    const nlohmann::json before = same.PyTorchs(kSeconds);
    const auto [ours, first_loss] = same.Ours(pair, kSeconds);
    const nlohmann::json after = same.PyTorchs(kSeconds);
    if (!before.is_object() || !after.is_object()) {
      state.SkipWithError("/usr/bin/python3 has no torch (Debian: python3-torch)");
      return;
    }
    const double their_loss = before[name]["first_loss"];
    if (std::abs(their_loss - first_loss) > 1e-3 * first_loss) {
      state.SkipWithError("the two do not compute the same loss");
      return;
    }
    const double theirs = (before[name]["steps_per_second"].get<double>() +
                           after[name]["steps_per_second"].get<double>()) /
                          2;
    state.counters["steps_per_second"] = ours;
    state.counters["pytorch_steps_per_second"] = theirs;
    state.counters["ratio"] = ours / theirs;
  }
}
BENCHMARK(BM_StepsOverPyTorch)->Arg(0)->Arg(1)->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace handforge

int main(int argc, char** argv) {
  handforge::KeepFreedMemory();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
