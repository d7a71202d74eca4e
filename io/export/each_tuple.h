#pragma once

#include "io/dataset.h"
#include "io/interrupt.h"
#include "io/parallel.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

namespace handforge {

struct ExportOptions {
  int threads = 1;
  // Told the number of finished tuples, from one thread.
  std::function<void(uint64_t done)> progress;
};

// By shard, which of the manifest's runs it is of.
std::vector<size_t> RunNumbers(const Manifest& manifest);
// Throws DataError naming file and row where the split is none of the three.
void RequireKnownSplit(const Tuple& tuple, const std::filesystem::path& file, uint64_t row);

// Reads all tuples of a dataset: `make(run, row, tuple)`, on several threads at once, gives a Made,
// which `take(made)` gets in the order of the rows. `row` and `run` count through the dataset, from
// 0. At most 8 tuples a thread are held.
// Throws DataError where a shard is damaged or a split is none, Interrupted, and what the two
// throw.
template <typename Made, typename Make, typename Take>
void ForEachTuple(const Dataset& dataset,
                  const ExportOptions& options,
                  const Make& make,
                  const Take& take) {
  constexpr uint64_t kTuplesPerThread = 8;
  const Manifest& manifest = dataset.manifest();
  const int threads = std::max(1, options.threads);
  const uint64_t most = kTuplesPerThread * static_cast<uint64_t>(threads);
  const std::vector<size_t> run_of_shard = RunNumbers(manifest);
  uint64_t first_row = 0;
  for (size_t s = 0; s < manifest.shards.size(); ++s) {
    std::vector<std::optional<ShardReader>> readers(static_cast<size_t>(threads));
    readers[0].emplace(dataset.OpenShard(s));  // vouches for the file
    const uint64_t tuples = manifest.shards[s].tuples;
    for (uint64_t first = 0; first < tuples; first += most) {
      ThrowIfInterrupted("exporting");
      std::vector<Made> made(std::min(most, tuples - first));
      ParallelFor(made.size(), threads, [&](int worker, size_t i) {
        std::optional<ShardReader>& reader = readers[static_cast<size_t>(worker)];
        if (!reader) reader.emplace(readers[0]->file());
        const Tuple tuple = reader->ReadTuple(first + i);
        RequireKnownSplit(tuple, reader->file(), first + i);
        made[i] = make(run_of_shard[s], first_row + first + i, tuple);
      });
      for (Made& one : made) take(std::move(one));
      if (options.progress) options.progress(first_row + first + made.size());
    }
    first_row += tuples;
  }
}

}  // namespace handforge
