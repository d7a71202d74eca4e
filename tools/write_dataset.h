#pragma once

#include "synth/dataset_writer.h"

#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace handforge {

// Options of `render` and `synth` that say which part of the dataset a process writes.
struct WriteOptions {
  bool append = false;
  std::string shards;  // "0-99"; "" = all
  std::string task;    // "3/8"; "" = all
};
void AddWriteOptions(CLI::App& app, WriteOptions* options);
// Throws UsageError.
void ApplyWriteOptions(const WriteOptions& options, DatasetJob* job);

// What `render` and `synth` share: runs the job with a progress bar, logs and returns the summary
// ({"ok", "out", "tuples", "shards", "rejections", "seconds", ...}).
nlohmann::json RunDatasetJob(DatasetJob job,
                             const TupleSourceFactory& make_source,
                             const std::string& label);

}  // namespace handforge
