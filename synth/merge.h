#pragma once

#include "io/dataset.h"

#include <filesystem>
#include <vector>

namespace handforge {

struct MergeResult {
  Manifest manifest;
  bool was_complete = false;  // nothing had to be done
};

// Throws UsageError naming the first column that the two datasets do not have alike.
void RequireSameColumns(const std::filesystem::path& first_folder,
                        const TupleLayout& first,
                        const std::filesystem::path& other_folder,
                        const TupleLayout& other);

// Joins what several processes wrote into one folder: checks that their task manifests describe
// one run and hold all of its shards, writes dataset.json and removes the task manifests. The
// result is that of one process, byte for byte. Throws DataError naming shards that are missing or
// of another size, or tasks of different runs; EnvironmentError where the folder cannot be written
// or is being written.
MergeResult MergeTasks(const std::filesystem::path& folder);

// Joins datasets, and folders with task manifests, into a new folder: shards keep their bytes and
// are hard-linked, or copied where `out` lies on another disk; they are numbered anew. Parts of one
// run (same command, seed and configuration) are put together again, so that the result equals that
// run; datasets of different runs follow each other in the order given. Throws UsageError where
// layouts differ, the same tuples come twice or `out` holds something else; DataError where a part
// is damaged or a run has gaps.
MergeResult MergeDatasets(const std::vector<std::filesystem::path>& parts,
                          const std::filesystem::path& out);

}  // namespace handforge
