#pragma once

#include "synth/dataset_writer.h"
#include "synth/merge.h"
#include "synth/split_options.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace handforge {

// A row to write and what it becomes.
struct SplitRow {
  uint64_t row = 0;  // within its run
  Split split = Split::kTrain;
  bool labelled = true;
};

// A run of one of the datasets: it stays one, since seed, rig, gestures and the numbers of persons
// and scenes are its own.
struct SplitRun {
  size_t dataset = 0;
  RunInfo info;
  size_t first_shard = 0;      // of info.shards
  std::vector<SplitRow> rows;  // those to write, in the run's order
};

// What all workers of a split share, read-only.
struct SplitWorld {
  SplitOptions options;
  std::vector<Dataset> datasets;
  std::vector<SplitRun> runs;        // those with rows to write
  std::array<uint64_t, 3> groups{};  // by Split, of all rows
  std::array<uint64_t, 3> tuples{};
  uint64_t labelled = 0;      // of the training rows
  uint64_t tests_in_use = 0;  // rows that were for tests and no longer are

  // Draws the splits (synth/split_draw.h). A row whose person is unknown counts by its sequence, a
  // still by its picture, a row of no known picture by itself.
  // Throws UsageError where options do not fit (SplitOptions::Check), columns differ, a dataset is
  // the output folder or holds rows of another one, no row says its `by`, or augmented rows would
  // count by picture or row, which copies of one source row do not share; DataError where a shard
  // is missing, changed or damaged; Interrupted.
  static SplitWorld Load(const SplitOptions& options);
};

// Row i of the run's rows with its split, and labelled = 0 where its labels are taken away. `index`
// becomes i, which it is already where all rows are written; nothing else changes, columns that are
// none of handforge's do not come along. `world` must outlive the source.
std::unique_ptr<TupleSource> MakeSplitSource(const SplitWorld& world, size_t run);
// Shards have the attributes of the source's; `before_split_command`, `..._config` and
// `..._config_sha256` say what made the rows.
DatasetJob SplitJob(const SplitWorld& world, size_t run);

// Writes one run.
using JobWriter = std::function<void(const DatasetJob& job, const TupleSourceFactory& make_source)>;
// Writes the dataset: one run straight to `out`, several to folders of their own below out/.runs,
// which are then joined (MergeDatasets). The same again continues what was interrupted. Throws
// UsageError where `out` holds another dataset, and what `write` throws.
MergeResult WriteSplit(const SplitWorld& world, const JobWriter& write);

}  // namespace handforge
