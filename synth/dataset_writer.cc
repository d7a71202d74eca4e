#include "synth/dataset_writer.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/folder_lock.h"
#include "io/interrupt.h"
#include "io/isolated.h"
#include "synth/shard_record.h"
#include "synth/task_files.h"

#include <algorithm>
#include <list>
#include <mutex>
#include <optional>
#include <set>

#include <malloc.h>
#include <tbb/enumerable_thread_specific.h>
#include <tbb/global_control.h>
#include <tbb/parallel_pipeline.h>
#include <tbb/task_arena.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostShards = 10'000'000;

struct Block {
  int shard = 0;
  uint64_t first = 0;
  uint64_t count = 0;
  std::vector<EncodedTuple> tuples;
  Rejections rejections;
};

void RequireEqual(const fs::path& out,
                  const std::string& what,
                  const std::string& field,
                  const std::string& is,
                  const std::string& wanted,
                  const std::string& remove) {
  if (is == wanted) return;
  throw UsageError(out.string() + " holds " + what + " with another " + field + " (" + is +
                   ", wanted " + wanted + "); choose another --out or remove " + remove);
}

void RequireSame(const fs::path& out,
                 const std::string& what,
                 uint64_t seed,
                 const std::string& config_sha256,
                 const Manifest& wanted,
                 const std::string& remove) {
  RequireEqual(out, what, "seed", std::to_string(seed), std::to_string(wanted.seed), remove);
  RequireEqual(out,
               what,
               "configuration",
               config_sha256.substr(0, 12),
               wanted.config_sha256.substr(0, 12),
               remove);
}

class DatasetRun {
 public:
  DatasetRun(const DatasetJob& job, const TupleSourceFactory& make_source)
      : job_(job), sources_(make_source) {}

  DatasetResult Run() {
    EnsureWritableFolder(job_.out);
    if (is_task()) range_ = RangeOfTaskJob();
    if (is_task() && range_.empty()) return NothingToDo();
    const ShardRange held = is_task() ? range_ : ShardRange();
    const FolderLock lock(job_.out, held.first, held.end);
    ReadManifest();
    if (auto complete = FinishedBefore()) return {std::move(*complete), true, 0, 0};
    EnsureWritableFolder(job_.out / "shards");
    RemoveStaleTemporaries(job_.out);
    RemoveStaleTemporaries(job_.out / "shards");
    RequireNoOtherRun(job_);
    TakeOverFinishedShards();
    const uint64_t before = done_;
    if (job_.begin) job_.begin(CountOfRange(), before);
    RunPipeline();
    ThrowIfInterrupted("writing the dataset; finished shards stay, the same command continues");
    Manifest written =
        is_task() ? WriteTaskManifest(TaskManifestPath(job_.out, range_)) : WriteManifest();
    return {std::move(written), false, reused_, done_ - before};
  }

 private:
  // There are more tasks than shards: a folder of this task's own is a part all the same.
  DatasetResult NothingToDo() {
    ReadManifest();
    if (found_) {
      RequireSameRun(job_.out, *found_, job_.manifest);
      return {PartOfTask({}), true, 0, 0};
    }
    RequireNoOtherRun(job_);
    WriteTaskManifest(EmptyTaskManifestPath(job_.out, job_.task->task));
    return {PartOfTask({}), true, 0, 0};
  }

  bool is_task() const { return job_.is_task(); }

  // ---- What is to be written, and what is there -------------------------------------------------

  int ShardsFor(uint64_t count) const {
    const uint64_t shards = (count + job_.tuples_per_shard - 1) / job_.tuples_per_shard;
    if (shards <= kMostShards) return static_cast<int>(shards);
    throw UsageError(std::to_string(shards) + " shards are too many for one folder (at most " +
                     std::to_string(kMostShards) + "); raise tuples_per_shard");
  }

  ShardRange RangeOfTaskJob() const {
    if (job_.append) throw UsageError("--append cannot be combined with --shards or --task");
    const int num_shards = ShardsFor(job_.manifest.count);
    if (job_.task) return RangeOfTask(*job_.task, num_shards);
    if (job_.shards->end <= num_shards) return *job_.shards;
    throw UsageError("--shards " + ToText(*job_.shards) + ": the run has shards " +
                     ToText(ShardRange{0, num_shards}));
  }

  // The folder's manifest, if any; with it the numbers of the shards of a whole or appended run.
  void ReadManifest() {
    const fs::path path = ManifestPath(job_.out);
    if (fs::exists(path)) found_ = Manifest::FromJson(ReadText(path), path);
    if (job_.append) {
      if (!found_) {
        throw UsageError(job_.out.string() +
                         " holds no complete dataset to append to; leave out --append");
      }
      RequireSameRun(job_.out, *found_, job_.manifest);
      RequireFiles(found_->shards, path);
      base_ = *found_;
    }
    if (!is_task()) {
      range_.first = static_cast<int>(base_.shards.size());
      range_.end = range_.first + ShardsFor(job_.manifest.count);
    }
    next_shard_ = range_.first;
    finished_.resize(static_cast<size_t>(range_.end - range_.first));
  }

  // The manifest of this very job, where it is there already.
  std::optional<Manifest> FinishedBefore() const {
    if (job_.append) return std::nullopt;
    if (found_) {
      RequireSameRun(job_.out, *found_, job_.manifest);
      if (found_->count != job_.manifest.count) {
        throw UsageError(job_.out.string() + " holds a dataset with another count (" +
                         std::to_string(found_->count) + ", wanted " +
                         std::to_string(job_.manifest.count) +
                         "); choose another --out; --append of render and synth adds tuples");
      }
      RequireFiles(found_->shards, ManifestPath(job_.out));
      return found_;
    }
    if (!is_task()) return std::nullopt;
    const fs::path path = TaskManifestPath(job_.out, range_);
    if (!fs::exists(path)) return std::nullopt;
    Manifest task = TaskManifest::FromJson(ReadText(path), path).run;
    if (!SameRun(task, job_.manifest) || task.count != job_.manifest.count) return std::nullopt;
    RequireFiles(task.shards, path);
    return PartOfTask(std::move(task.shards));
  }

  void RequireFiles(const std::vector<ShardInfo>& shards, const fs::path& manifest) const {
    RequireShardFiles(job_.out,
                      shards,
                      manifest,
                      job_.append ? "put it back, or make the dataset anew in another folder" : "");
  }

  uint64_t FirstOf(int shard) const {
    return base_.count +
           (static_cast<uint64_t>(shard) - base_.shards.size()) * job_.tuples_per_shard;
  }
  uint64_t CountOf(int shard) const {
    return std::min(job_.tuples_per_shard, base_.count + job_.manifest.count - FirstOf(shard));
  }
  uint64_t CountOfRange() const {
    return range_.empty()
               ? 0
               : FirstOf(range_.end - 1) + CountOf(range_.end - 1) - FirstOf(range_.first);
  }
  bool InRange(int shard) const { return shard >= range_.first && shard < range_.end; }
  std::optional<ShardInfo>& Finished(int shard) {
    return finished_[static_cast<size_t>(shard - range_.first)];
  }

  // Shards that earlier processes finished: by their records, and for a whole run also by the
  // manifests of tasks.
  void TakeOverFinishedShards() {
    for (const int shard : RecordedShards(job_.out)) {
      const auto record = ReadShardRecord(job_.out, shard);
      if (record && InRange(shard)) TakeOver(shard, record->info);
    }
    if (job_.append || is_task()) return;
    for (const TaskManifest& task : ReadTaskManifests(job_.out)) {
      if (!SameRun(task.run, job_.manifest)) continue;
      for (const ShardInfo& info : task.run.shards) {
        const uint64_t number = info.first_index / job_.tuples_per_shard;
        if (number >= static_cast<uint64_t>(range_.end)) continue;
        const auto shard = static_cast<int>(number);
        if (!Finished(shard)) TakeOver(shard, info);
      }
    }
  }

  void TakeOver(int shard, const ShardInfo& info) {
    const fs::path file = job_.out / ShardFileName(shard);
    if (info.first_index != FirstOf(shard) || info.tuples != CountOf(shard) ||
        info.file != ShardFileName(shard) || !fs::exists(file) ||
        Sha256OfFile(file) != info.sha256) {
      return;
    }
    Finished(shard) = info;
    done_ += info.tuples;
    AddCounts(info.rejections, &rejections_);
    ++reused_;
  }

  // ---- The work ---------------------------------------------------------------------------------

  // Tells from the first block what all of them will take, before any of it is written.
  void CheckDiskSpace(const Block& first) const {
    uint64_t bytes = 0, left = 0;
    for (const EncodedTuple& tuple : first.tuples) {
      for (const auto& column : tuple.columns) bytes += column.size();
    }
    for (int shard = range_.first; shard < range_.end; ++shard) {
      if (!finished_[static_cast<size_t>(shard - range_.first)]) left += CountOf(shard);
    }
    const auto expected = static_cast<uint64_t>(
        static_cast<double>(bytes) / static_cast<double>(first.count) * static_cast<double>(left));
    const uint64_t free = FreeBytes(job_.out);
    if (job_.preflight) job_.preflight(expected, free);
    if (expected <= free) return;
    throw EnvironmentError(job_.out.string() + ": " + std::to_string(left) + " tuples need about " +
                           std::to_string(expected >> 20) + " MiB, but the disk has " +
                           std::to_string(free >> 20) + " MiB free; nothing was written");
  }

  void RunPipeline() {
    const tbb::global_control control(tbb::global_control::max_allowed_parallelism, job_.threads);
    tbb::task_arena arena(job_.threads);
    arena.execute([this] {
      tbb::parallel_pipeline(
          static_cast<size_t>(2 * job_.threads + 2),
          tbb::make_filter<void, Block*>(
              tbb::filter_mode::serial_in_order,
              [this](tbb::flow_control& control) { return NextBlock(control); }) &
              tbb::make_filter<Block*, Block*>(tbb::filter_mode::parallel,
                                               [this](Block* block) { return MakeBlock(block); }) &
              tbb::make_filter<Block*, void>(tbb::filter_mode::serial_in_order,
                                             [this](Block* block) {
                                               AppendBlock(*block);
                                               Release(block);
                                             }));
    });
  }

  Block* NextBlock(tbb::flow_control& control) {
    Block block = InterruptRequested() ? Block() : NumberBlock();
    if (block.count > 0) return Hold(std::move(block));
    control.stop();
    return nullptr;
  }

  // Blocks belong to the run: a pipeline that ends with an exception forgets what is in flight.
  Block* Hold(Block block) {
    const std::lock_guard<std::mutex> lock(in_flight_mutex_);
    in_flight_.push_back(std::move(block));
    return &in_flight_.back();
  }
  void Release(const Block* block) {
    const std::lock_guard<std::mutex> lock(in_flight_mutex_);
    in_flight_.remove_if([block](const Block& held) { return &held == block; });
  }

  // The next block that nobody has made; its count is 0 where there is none.
  Block NumberBlock() {
    while (next_shard_ < range_.end && Finished(next_shard_)) ++next_shard_;
    if (next_shard_ >= range_.end) return {};
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

  Block* MakeBlock(Block* block) {
    std::unique_ptr<TupleSource>& source = local_sources_.local();
    if (source == nullptr) source = sources_();
    std::vector<Tuple> tuples;
    source->Make(block->first, block->count, &tuples, &block->rejections);
    for (const Tuple& tuple : tuples) {
      block->tuples.push_back(EncodeTuple(tuple, job_.manifest.layout, job_.deflate_level));
    }
    return block;
  }

  void AppendBlock(const Block& block) {
    if (!disk_checked_) CheckDiskSpace(block);
    disk_checked_ = true;
    if (writer_ == nullptr) {
      writer_ = std::make_unique<ShardWriter>(
          job_.out, block.shard, CountOf(block.shard), job_.manifest.layout, job_.metadata);
      shard_rejections_.clear();
    }
    for (const EncodedTuple& tuple : block.tuples) writer_->Append(tuple);
    AddCounts(block.rejections, &shard_rejections_);
    AddCounts(block.rejections, &rejections_);
    done_ += block.count;
    if (block.first + block.count == FirstOf(block.shard) + CountOf(block.shard)) {
      ShardInfo info = writer_->Publish();
      writer_.reset();
      // Free pages go back to the system: over many shards the holes in the heap would add up.
      malloc_trim(0);
      info.rejections = shard_rejections_;
      WriteShardRecord(
          job_.out, block.shard, {info, job_.manifest.config_sha256, job_.manifest.seed});
      Finished(block.shard) = std::move(info);
    }
    if (job_.progress) job_.progress(done_, rejections_);
  }

  // ---- What is left at the end ------------------------------------------------------------------

  // Nobody may have removed the folder meanwhile.
  void RequireStillThere(const std::vector<ShardInfo>& shards) const {
    for (const ShardInfo& shard : shards) {
      if (fs::exists(job_.out / shard.file)) continue;
      throw EnvironmentError((job_.out / shard.file).string() +
                             " was removed while the dataset was written; run the same command "
                             "again");
    }
  }

  Manifest WriteManifest() const {
    Manifest manifest = job_.manifest;
    manifest.count += base_.count;
    manifest.shards = base_.shards;
    manifest.rejections = base_.rejections;
    AddCounts(rejections_, &manifest.rejections);
    for (const auto& info : finished_) manifest.shards.push_back(*info);
    RequireStillThere(manifest.shards);
    RemoveLeftoverShards(job_.out, manifest.shards.size());
    PublishText(ManifestPath(job_.out), manifest.ToJson());
    RemoveTaskFiles(job_.out);
    return manifest;
  }

  Manifest WriteTaskManifest(const fs::path& path) {
    TaskManifest task{job_.manifest};
    for (const auto& info : finished_) task.run.shards.push_back(*info);
    RequireStillThere(task.run.shards);
    EnsureWritableFolder(job_.out / "tasks");
    PublishText(path, task.ToJson());
    return PartOfTask(std::move(task.run.shards));
  }

  // This task's shards as if they were a dataset of their own.
  Manifest PartOfTask(std::vector<ShardInfo> shards) const {
    Manifest part = job_.manifest;
    part.count = 0;
    for (const ShardInfo& info : shards) {
      part.count += info.tuples;
      AddCounts(info.rejections, &part.rejections);
    }
    part.shards = std::move(shards);
    return part;
  }

  const DatasetJob& job_;
  const TupleSourceFactory& sources_;
  std::optional<Manifest> found_;                   // the folder's dataset.json
  Manifest base_;                                   // what is appended to; else empty
  ShardRange range_;                                // to be written
  std::vector<std::optional<ShardInfo>> finished_;  // of the range
  uint64_t reused_ = 0;
  tbb::enumerable_thread_specific<std::unique_ptr<TupleSource>> local_sources_;

  std::mutex in_flight_mutex_;
  std::list<Block> in_flight_;

  // Of the first stage.
  int next_shard_ = 0;
  uint64_t next_in_shard_ = 0;
  // Of the last stage.
  bool disk_checked_ = false;
  std::unique_ptr<ShardWriter> writer_;
  Rejections shard_rejections_;
  Rejections rejections_;
  uint64_t done_ = 0;
};

}  // namespace

void AddCounts(const Rejections& more, Rejections* sum) {
  for (const auto& [reason, count] : more) (*sum)[reason] += count;
}

void RequireSameRun(const fs::path& out, const Manifest& found, const Manifest& wanted) {
  const std::string what = "a dataset", remove = "the folder";
  RequireEqual(out, what, "command", found.command, wanted.command, remove);
  RequireSame(out, what, found.seed, found.config_sha256, wanted, remove);
}

namespace {

// In a child process: nothing vouches for the file.
bool IsOf(const Manifest& run, const fs::path& shard) {
  const auto says_so = [&]() -> std::vector<uint8_t> {
    const ShardReader reader(shard);
    const bool is_of = reader.TextAttribute("config_sha256") == run.config_sha256 &&
                       reader.size() > 0 && reader.ReadTuple(0).seed == run.seed;
    return {static_cast<uint8_t>(is_of)};
  };
  try {
    return RunIsolated(shard.string(), IsolationLimits(), says_so).at(0) != 0;
  } catch (const DataError&) {
    return false;
  }
}

// Files of the shards that something in the folder says the origin of.
std::set<std::string> ShardsSpokenOf(const DatasetJob& job,
                                     const std::vector<int>& recorded,
                                     const std::vector<TaskManifest>& tasks) {
  std::set<std::string> files;
  const auto add = [&files](const std::vector<ShardInfo>& shards) {
    for (const ShardInfo& shard : shards) files.insert(shard.file);
  };
  for (const int shard : recorded) files.insert(ShardFileName(shard));
  for (const TaskManifest& task : tasks) {
    if (SameRun(task.run, job.manifest)) add(task.run.shards);
  }
  const fs::path path = ManifestPath(job.out);
  if (fs::exists(path)) add(Manifest::FromJson(ReadText(path), path).shards);
  return files;
}

}  // namespace

void RequireOwnShards(const fs::path& out,
                      const Manifest& run,
                      const std::set<std::string>& spoken_of) {
  for (const int shard : ShardsOnDisk(out)) {
    const fs::path file = out / ShardFileName(shard);
    if (spoken_of.count(ShardFileName(shard)) > 0 || IsOf(run, file)) continue;
    throw UsageError(file.string() +
                     " is a shard of another run, or of none that is known (no "
                     "dataset.json or record names it); choose another --out or remove it");
  }
}

void RequireNoOtherRun(const DatasetJob& job) {
  const std::vector<int> recorded = RecordedShards(job.out);
  for (const int shard : recorded) {
    const auto record = ReadShardRecord(job.out, shard);
    if (!record) continue;
    RequireSame(job.out,
                "unfinished shards",
                record->seed,
                record->config_sha256,
                job.manifest,
                job.is_task() ? ShardFileName(shard) + " and its record" : "the folder");
  }
  const std::vector<TaskManifest> tasks = ReadTaskManifests(job.out);
  for (const TaskManifest& task : tasks) {
    // A whole run of as many tuples or more takes over what the tasks made.
    if (!job.is_task() && (job.append || task.run.count <= job.manifest.count)) continue;
    const bool none = task.run.shards.empty();
    const std::string what = none ? "the record of a task without work"
                                  : "shards of a task (from " + task.run.shards[0].file + " on)";
    const std::string remove = "that task's files (in shards/ and tasks/)";
    RequireSame(job.out, what, task.run.seed, task.run.config_sha256, job.manifest, remove);
    RequireEqual(job.out,
                 what,
                 "count",
                 std::to_string(task.run.count),
                 std::to_string(job.manifest.count),
                 remove);
  }
  RequireOwnShards(job.out, job.manifest, ShardsSpokenOf(job, recorded, tasks));
}

DatasetResult WriteDataset(const DatasetJob& job, const TupleSourceFactory& make_source) {
  return DatasetRun(job, make_source).Run();
}

}  // namespace handforge
