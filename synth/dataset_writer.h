#pragma once

#include "io/core/version.h"
#include "io/dataset.h"
#include "synth/shard_range.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace handforge {

using Rejections = std::map<std::string, uint64_t>;  // reason -> draws
void AddCounts(const Rejections& more, Rejections* sum);

// Makes tuples. One per worker thread; what it makes is a pure function of the index range.
class TupleSource {
 public:
  virtual ~TupleSource() = default;
  // The tuples [first, first + count), in order, to `tuples` (cleared before).
  virtual void Make(uint64_t first,
                    uint64_t count,
                    std::vector<Tuple>* tuples,
                    Rejections* rejections) = 0;
};
using TupleSourceFactory = std::function<std::unique_ptr<TupleSource>()>;

// What to write and where.
struct DatasetJob {
  std::filesystem::path out;
  uint64_t tuples_per_shard = 512;
  uint64_t tuples_per_block = 8;  // one unit of work; blocks never cross a shard
  int threads = 1;
  int deflate_level = 4;
  ShardMetadata metadata;
  // All fields but rejections and shards are set; config_sha256 decides whether shards that are
  // already there belong to this job.
  Manifest manifest;
  // Only these shards of the dataset, or only a task's share of them: several processes write one
  // folder together, each leaves a task manifest, and MergeTasks (synth/merge.h) joins these.
  std::optional<ShardRange> shards;
  std::optional<TaskOfRun> task;
  bool is_task() const { return shards || task; }
  // Adds `manifest.count` tuples to the dataset that is there: indices and shards are counted on,
  // so that the rows are those of one larger run.
  bool append = false;
  // Told the expected size of what is still to be written and the free space, once the
  // first block is made and before any is written.
  std::function<void(uint64_t expected_bytes, uint64_t free_bytes)> preflight;
  // Told before the first block how many tuples this process has to see to, and how many of them
  // earlier ones finished; then the number of finished tuples after every block, from one thread at
  // a time.
  std::function<void(uint64_t total, uint64_t already_done)> begin;
  std::function<void(uint64_t done, const Rejections& rejections)> progress;
};

// A job with what the options of every command say alike: where to, in what pieces, the seed.
template <typename Options>
DatasetJob BeginJob(const std::string& command, const Options& options, uint64_t tuples_per_block) {
  DatasetJob job;
  job.out = options.out;
  job.tuples_per_shard = static_cast<uint64_t>(options.tuples_per_shard);
  job.tuples_per_block = tuples_per_block;
  job.deflate_level = static_cast<int>(options.deflate_level);
  job.manifest.generator = kGenerator;
  job.manifest.command = command;
  job.manifest.seed = options.seed;
  return job;
}

struct DatasetResult {
  // Of the whole dataset; of a task: its own shards, their tuples and rejections.
  Manifest manifest;
  bool was_complete = false;   // nothing had to be done
  uint64_t shards_reused = 0;  // finished by an earlier, interrupted run
  uint64_t tuples_made = 0;    // by this call
};

// Throws UsageError, naming the field, where `found` in the folder is of another command, seed or
// configuration.
void RequireSameRun(const std::filesystem::path& out,
                    const Manifest& found,
                    const Manifest& wanted);

// Throws UsageError, naming the file, where a shard lies in the folder that is neither among those
// `spoken_of` ("shards/00000.h5") nor, by what it says of itself, of the run.
void RequireOwnShards(const std::filesystem::path& out,
                      const Manifest& run,
                      const std::set<std::string>& spoken_of);

// Throws UsageError where the folder holds unfinished shards of another seed or configuration, for
// a task also of a run of another count, for a whole run tasks of a larger one, or shards of
// another run that nothing names.
void RequireNoOtherRun(const DatasetJob& job);

// Writes the dataset through a pipeline: blocks are numbered in order, made and compressed in
// parallel, appended in order by one writer; at most `2 threads + 2` blocks are in flight. Each
// shard is published whole with a record beside it (shards/00000.json), the manifest comes last and
// then the records go. The same job again keeps finished shards, so a killed run is continued by
// the same command, and a complete dataset is left as it is. Before the work, the first block is
// made and its size tells whether the disk has room.
// Throws UsageError where the folder holds a dataset of another configuration or there is none to
// append to, EnvironmentError where the disk is too small, the folder cannot be written or another
// process writes one of the shards, Interrupted on SIGINT or SIGTERM (the shard in hand is dropped,
// finished ones stay), and whatever a source throws.
DatasetResult WriteDataset(const DatasetJob& job, const TupleSourceFactory& make_source);

}  // namespace handforge
