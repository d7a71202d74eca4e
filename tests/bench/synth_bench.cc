// Where the time of a synthesised tuple goes, as a table: the bare parts one by one on one thread,
// the sum of the parts against the whole, two threads against one, writing against not writing.
//   synth_bench [RECIPE [TUPLES [KEY=VALUE...]]]
// Every figure is the median of five rounds, taken in turns, because other processes disturb.
#include "io/files.h"
#include "synth/cycle.h"
#include "synth/synth_source.h"
#include "synth/tuple_assembler.h"
#include "synth/tuple_drawer.h"
#include "tests/io/temporary_folder.h"
#include "tools/environment.h"
#include "tools/recipe.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

namespace handforge {
namespace {

constexpr int kRounds = 5;

double SecondsOf(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The same tuples as the pipeline makes them, taken apart: codes that are plausible, their decoded
// joints and images, places and finished tuples.
struct Parts {
  std::vector<TupleDraw> draws;
  std::vector<DecodedJoints> joints;
  std::vector<DecodedImage> images;
  std::vector<PlacedHand> hands;
  std::vector<Tuple> tuples;
  double draws_per_tuple = 0;
};

class Bench {
 public:
  Bench(const SynthWorld& world, uint64_t count)
      : world_(world), count_(count), placer_(world), assembler_(world), drawer_(world) {
    TakeApart();
  }

  // Seconds a tuple, of each part on one thread; what is drawn in vain is counted in.
  std::map<std::string, std::function<void()>> PartsOfWork() {
    return {{"1 decode joints", [this] { DecodeJoints(); }},
            {"2 nearest hand, camera", [this] { Place(); }},
            {"3 decode RGB and alpha", [this] { DecodeImages(); }},
            {"4 trace, label, compose", [this] { Assemble(); }},
            {"5 compress", [this] { Compress(); }}};
  }

  void Whole(int threads, bool write) {
    DatasetJob job = SynthJob(world_);
    const TemporaryFolder folder;
    job.out = folder / "d";
    job.threads = threads;
    if (write) {
      WriteDataset(job, [this] { return MakeSynthSource(world_); });
      return;
    }
    std::vector<std::unique_ptr<TupleSource>> sources;
    for (int i = 0; i < threads; ++i) sources.push_back(MakeSynthSource(world_));
    tbb::task_arena arena(threads);
    arena.execute([&] {
      tbb::parallel_for(uint64_t{0}, count_ / kDecodeBatch, [&](uint64_t block) {
        std::vector<Tuple> tuples;
        Rejections rejections;
        const auto worker = static_cast<size_t>(tbb::this_task_arena::current_thread_index());
        sources[worker]->Make(block * kDecodeBatch, kDecodeBatch, &tuples, &rejections);
        for (const Tuple& t : tuples) EncodeTuple(t, job.manifest.layout, job.deflate_level);
      });
    });
  }

  double draws_per_tuple() const { return parts_.draws_per_tuple; }

 private:
  void TakeApart() {
    const std::unique_ptr<TupleSource> source = MakeSynthSource(world_);
    Rejections rejections;
    for (uint64_t first = 0; first < count_; first += kDecodeBatch) {
      std::vector<Tuple> tuples;
      source->Make(first, kDecodeBatch, &tuples, &rejections);
      std::move(tuples.begin(), tuples.end(), std::back_inserter(parts_.tuples));
    }
    uint64_t rejected = 0;
    for (const auto& [reason, n] : rejections) rejected += n;
    parts_.draws_per_tuple = 1 + static_cast<double>(rejected) / static_cast<double>(count_);
    for (const Tuple& t : parts_.tuples) {
      parts_.draws.push_back(drawer_.Draw(t.index, t.attempt));
    }
    DecodeJoints();
    Place();
    DecodeImages();
  }

  template <typename Use>
  void ForBatches(const DecodeRequest& request, const Use& use) {
    for (size_t first = 0; first < count_; first += kDecodeBatch) {
      std::vector<const std::vector<float>*> codes;
      for (size_t i = 0; i < kDecodeBatch; ++i) codes.push_back(&parts_.draws[first + i].code.z);
      DecodeCodes(world_.model, codes, request, &decoded_);
      for (int i = 0; i < kDecodeBatch; ++i) use(i);
    }
  }
  // Draws in vain cost joints and places; they are repeated here in the same proportion.
  size_t Drawn() const {
    return static_cast<size_t>(static_cast<double>(count_) * parts_.draws_per_tuple);
  }
  void DecodeJoints() {
    DecodeRequest request;
    request.rgba = request.depth = false;
    parts_.joints.clear();
    while (parts_.joints.size() < Drawn()) {
      ForBatches(request, [&](int i) {
        parts_.joints.push_back(
            JointsOfRow(decoded_, i, static_cast<int>(world_.options.image_px)));
      });
    }
  }
  void Place() {
    parts_.hands.assign(count_, {});
    for (size_t n = 0; n < Drawn(); ++n) {
      const size_t i = n % count_;
      placer_.Place(parts_.joints[i], parts_.draws[i].identity, nullptr, &parts_.hands[i]);
    }
  }
  void DecodeImages() {
    DecodeRequest request;
    request.joints3 = request.joints2 = request.depth = false;
    parts_.images.clear();
    ForBatches(request, [&](int i) {
      parts_.images.push_back(ImageOfRow(decoded_, i, world_.model.info().rgb_px));
    });
  }
  void Assemble() {
    Tuple tuple;
    for (size_t i = 0; i < count_; ++i) {
      assembler_.Assemble(parts_.hands[i], parts_.images[i], parts_.draws[i].identity, &tuple);
    }
  }
  void Compress() {
    const DatasetJob job = SynthJob(world_);
    for (const Tuple& t : parts_.tuples) EncodeTuple(t, job.manifest.layout, job.deflate_level);
  }

  const SynthWorld& world_;
  const uint64_t count_;
  HandPlacer placer_;
  TupleAssembler assembler_;
  TupleDrawer drawer_;
  DecodedBatch decoded_;
  Parts parts_;
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int Run(int argc, char** argv) {
  CommonOptions common;
  common.config = argc > 1 ? argv[1] : "configs/quickstart.yaml";
  const uint64_t tuples = (argc > 2 ? std::stoull(argv[2]) : 512) / kDecodeBatch * kDecodeBatch;
  common.overrides = {"synth.count=" + std::to_string(tuples)};
  for (int i = 3; i < argc; ++i) common.overrides.push_back(argv[i]);
  const SynthWorld world = SynthWorld::Load(Recipe::Load(common, "synth").synth);
  Bench bench(world, tuples);

  auto work = bench.PartsOfWork();
  const size_t num_parts = work.size();
  work["6 whole, 1 thread"] = [&] { bench.Whole(1, true); };
  work["7 whole, 2 threads"] = [&] { bench.Whole(2, true); };
  work["8 whole without writing, 2 threads"] = [&] { bench.Whole(2, false); };
  std::map<std::string, std::vector<double>> seconds;
  for (int round = 0; round < kRounds; ++round) {
    for (const auto& [name, run] : work) seconds[name].push_back(SecondsOf(run));
  }
  double sum = 0;
  std::map<std::string, double> ms;
  for (const auto& [name, values] : seconds) {
    ms[name] = 1000 * Median(values) / static_cast<double>(tuples);
    if (ms.size() <= num_parts) sum += ms[name];
  }
  std::printf("%llu tuples, %.2f draws each\n\n| part | ms/tuple | share |\n|---|---|---|\n",
              static_cast<unsigned long long>(tuples),
              bench.draws_per_tuple());
  for (const auto& [name, value] : ms) {
    std::printf("| %s | %.2f | %.0f %% |\n", name.c_str(), value, 100 * value / sum);
  }
  const double one = ms["6 whole, 1 thread"], two = ms["7 whole, 2 threads"];
  std::printf("\nsum of the parts / whole, 1 thread: %.2f\n", sum / one);
  std::printf("2 threads / 1 thread: %.2fx (%.0f tuples/s)\n", one / two, 1000 / two);
  std::printf("with writing / without, 2 threads: %.2f\n",
              ms["8 whole without writing, 2 threads"] / two);
  return 0;
}

}  // namespace
}  // namespace handforge

int main(int argc, char** argv) {
  handforge::KeepFreedMemory();
  return handforge::Run(argc, argv);
}
