#include "synth/dataset_writer.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/interrupt.h"
#include "synth/folder_lock.h"
#include "synth/shard_record.h"

#include <algorithm>
#include <optional>

#include <tbb/enumerable_thread_specific.h>
#include <tbb/global_control.h>
#include <tbb/parallel_pipeline.h>
#include <tbb/task_arena.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;

struct Block {
  int shard = 0;
  uint64_t first = 0;
  uint64_t count = 0;
  std::vector<EncodedTuple> tuples;
  Rejections rejections;
};

void Add(const Rejections& more, Rejections* sum) {
  for (const auto& [reason, count] : more) (*sum)[reason] += count;
}

class DatasetRun {
 public:
  DatasetRun(const DatasetJob& job, const TupleSourceFactory& make_source)
      : job_(job),
        sources_(make_source),
        num_shards_(static_cast<int>((job.manifest.count + job.tuples_per_shard - 1) /
                                     job.tuples_per_shard)),
        records_(num_shards_) {}

  DatasetResult Run() {
    EnsureWritableFolder(job_.out);
    const FolderLock lock(job_.out);
    if (const auto complete = CompleteManifest()) return {*complete, true, 0};
    EnsureWritableFolder(job_.out / "shards");
    RemoveStaleTemporaries(job_.out);
    RemoveStaleTemporaries(job_.out / "shards");
    const uint64_t reused = TakeOverFinishedShards();
    RunPipeline();
    ThrowIfInterrupted("writing the dataset; finished shards stay, the same command continues");
    return {WriteManifest(), false, reused};
  }

 private:
  // The manifest of this very job, where it is there already.
  std::optional<Manifest> CompleteManifest() const {
    const fs::path path = ManifestPath(job_.out);
    if (!fs::exists(path)) return std::nullopt;
    Manifest found = Manifest::FromJson(ReadText(path), path);
    const Manifest& wanted = job_.manifest;
    const auto refuse = [&](const std::string& field,
                            const std::string& is,
                            const std::string& want) {
      throw UsageError(job_.out.string() + " holds a dataset with another " + field + " (" + is +
                       ", wanted " + want + "); choose another --out or remove the folder");
    };
    if (found.command != wanted.command) refuse("command", found.command, wanted.command);
    if (found.seed != wanted.seed) {
      refuse("seed", std::to_string(found.seed), std::to_string(wanted.seed));
    }
    if (found.config_sha256 != wanted.config_sha256) {
      refuse(
          "configuration", found.config_sha256.substr(0, 12), wanted.config_sha256.substr(0, 12));
    }
    if (found.count != wanted.count) {
      refuse("count", std::to_string(found.count), std::to_string(wanted.count));
    }
    for (const ShardInfo& shard : found.shards) {
      if (!fs::exists(job_.out / shard.file)) {
        throw DataError((job_.out / shard.file).string() + " is named in " + path.string() +
                        " but missing; remove " + path.string() + " to make it again");
      }
    }
    return found;
  }

  uint64_t FirstOf(int shard) const { return static_cast<uint64_t>(shard) * job_.tuples_per_shard; }
  uint64_t CountOf(int shard) const {
    return std::min(job_.tuples_per_shard, job_.manifest.count - FirstOf(shard));
  }

  uint64_t TakeOverFinishedShards() {
    uint64_t reused = 0;
    for (int shard = 0; shard < num_shards_; ++shard) {
      auto record = ReadShardRecord(job_.out, shard);
      if (!record || record->config_sha256 != job_.manifest.config_sha256 ||
          record->seed != job_.manifest.seed || record->info.first_index != FirstOf(shard) ||
          record->info.tuples != CountOf(shard)) {
        continue;
      }
      if (Sha256OfFile(job_.out / record->info.file) != record->info.sha256) continue;
      done_ += record->info.tuples;
      Add(record->rejections, &rejections_);
      records_[shard] = std::move(record);
      ++reused;
    }
    return reused;
  }

  void RunPipeline() {
    const tbb::global_control control(tbb::global_control::max_allowed_parallelism, job_.threads);
    tbb::task_arena arena(job_.threads);
    arena.execute([this] {
      tbb::parallel_pipeline(
          static_cast<size_t>(2 * job_.threads + 2),
          tbb::make_filter<void, Block>(
              tbb::filter_mode::serial_in_order,
              [this](tbb::flow_control& control) { return NextBlock(control); }) &
              tbb::make_filter<Block, Block>(
                  tbb::filter_mode::parallel,
                  [this](Block block) { return MakeBlock(std::move(block)); }) &
              tbb::make_filter<Block, void>(tbb::filter_mode::serial_in_order,
                                            [this](const Block& block) { AppendBlock(block); }));
    });
  }

  Block NextBlock(tbb::flow_control& control) {
    while (next_shard_ < num_shards_ && records_[next_shard_]) ++next_shard_;
    if (next_shard_ == num_shards_ || InterruptRequested()) {
      control.stop();
      return {};
    }
    Block block;
    block.shard = next_shard_;
    block.first = FirstOf(next_shard_) + next_in_shard_;
    block.count = std::min(job_.tuples_per_block, CountOf(next_shard_) - next_in_shard_);
    next_in_shard_ += block.count;
    if (next_in_shard_ == CountOf(next_shard_)) {
      ++next_shard_;
      next_in_shard_ = 0;
    }
    return block;
  }

  Block MakeBlock(Block block) {
    std::unique_ptr<TupleSource>& source = local_sources_.local();
    if (source == nullptr) source = sources_();
    std::vector<Tuple> tuples;
    source->Make(block.first, block.count, &tuples, &block.rejections);
    for (const Tuple& tuple : tuples) {
      block.tuples.push_back(EncodeTuple(tuple, job_.manifest.layout, job_.deflate_level));
    }
    return block;
  }

  void AppendBlock(const Block& block) {
    if (writer_ == nullptr) {
      writer_ = std::make_unique<ShardWriter>(
          job_.out, block.shard, CountOf(block.shard), job_.manifest.layout, job_.metadata);
      shard_rejections_.clear();
    }
    for (const EncodedTuple& tuple : block.tuples) writer_->Append(tuple);
    Add(block.rejections, &shard_rejections_);
    Add(block.rejections, &rejections_);
    done_ += block.count;
    if (block.first + block.count == FirstOf(block.shard) + CountOf(block.shard)) {
      ShardRecord record;
      record.info = writer_->Publish();
      writer_.reset();
      record.config_sha256 = job_.manifest.config_sha256;
      record.seed = job_.manifest.seed;
      record.rejections = shard_rejections_;
      WriteShardRecord(job_.out, block.shard, record);
      records_[block.shard] = std::move(record);
    }
    if (job_.progress) job_.progress(done_, rejections_);
  }

  Manifest WriteManifest() const {
    Manifest manifest = job_.manifest;
    manifest.rejections = rejections_;
    for (const auto& record : records_) manifest.shards.push_back(record->info);
    PublishText(ManifestPath(job_.out), manifest.ToJson());
    for (int shard = 0; shard < num_shards_; ++shard) {
      std::error_code ignored;
      fs::remove(ShardRecordPath(job_.out, shard), ignored);
    }
    return manifest;
  }

  const DatasetJob& job_;
  const TupleSourceFactory& sources_;
  const int num_shards_;
  std::vector<std::optional<ShardRecord>> records_;
  tbb::enumerable_thread_specific<std::unique_ptr<TupleSource>> local_sources_;

  // Of the first stage.
  int next_shard_ = 0;
  uint64_t next_in_shard_ = 0;
  // Of the last stage.
  std::unique_ptr<ShardWriter> writer_;
  Rejections shard_rejections_;
  Rejections rejections_;
  uint64_t done_ = 0;
};

}  // namespace

DatasetResult WriteDataset(const DatasetJob& job, const TupleSourceFactory& make_source) {
  return DatasetRun(job, make_source).Run();
}

}  // namespace handforge
