#include "tools/write_dataset.h"

#include "io/core/error.h"
#include "tools/progress.h"

#include <chrono>
#include <memory>
#include <numeric>

#include <spdlog/spdlog.h>

namespace handforge {
namespace {

uint64_t Total(const Rejections& rejections) {
  return std::accumulate(
      rejections.begin(), rejections.end(), uint64_t{0}, [](uint64_t sum, const auto& r) {
        return sum + r.second;
      });
}

std::string SizeText(uint64_t bytes) {
  const double mib = static_cast<double>(bytes) / (1 << 20);
  return mib < 1024 ? fmt::format("{:.1f} MiB", mib) : fmt::format("{:.1f} GiB", mib / 1024);
}

}  // namespace

void AddWriteOptions(CLI::App& app, WriteOptions* options) {
  app.add_flag("--append", options->append, "Add --count tuples to the dataset that is there");
  app.add_option("--shards", options->shards, "Write only these shards: FIRST-LAST, both included");
  app.add_option(
      "--task", options->task, "Write only a share: TASK/TASKS, from 0; then `handforge merge`");
}

void ApplyWriteOptions(const WriteOptions& options, DatasetJob* job) {
  if (!options.shards.empty() && !options.task.empty()) {
    throw UsageError("--shards and --task exclude each other");
  }
  job->append = options.append;
  if (!options.shards.empty()) job->shards = ParseShardRange(options.shards);
  if (!options.task.empty()) job->task = ParseTask(options.task);
}

nlohmann::json RunDatasetJob(DatasetJob job,
                             const TupleSourceFactory& make_source,
                             const std::string& label) {
  const auto start = std::chrono::steady_clock::now();
  DatasetResult result;
  const bool part = job.shards || job.task;
  job.preflight = [](uint64_t expected_bytes, uint64_t free_bytes) {
    spdlog::info(
        "about {} to write, {} free on the disk", SizeText(expected_bytes), SizeText(free_bytes));
  };
  std::unique_ptr<Progress> progress;
  job.begin = [&](uint64_t total, uint64_t already_done) {
    progress = std::make_unique<Progress>(label, "tuples", total, already_done);
  };
  job.progress = [&](uint64_t done, const Rejections& rejections) {
    progress->Update(done, "rejected " + std::to_string(Total(rejections)));
  };
  result = WriteDataset(job, make_source);
  progress.reset();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const Manifest& m = result.manifest;
  const std::string out = job.out.string();
  if (m.count == 0 && part) {
    spdlog::info("nothing to do: the run has fewer shards than tasks, and none is this task's");
  } else if (result.was_complete) {
    spdlog::info("{} is complete already: {} tuples, nothing to do", out, m.count);
  } else {
    if (result.shards_reused > 0) {
      spdlog::info("{} shards of an earlier run were kept", result.shards_reused);
    }
    for (const auto& [reason, count] : m.rejections)
      spdlog::info("drawn again: {} {}", count, reason);
    spdlog::info("wrote {} tuples to {} in {:.1f} s; it holds {} in {} shards{}",
                 result.tuples_made,
                 out,
                 seconds,
                 m.count,
                 m.shards.size(),
                 part ? " of this task; `handforge merge` joins the tasks" : "");
  }
  return {{"ok", true},
          {"out", out},
          {"tuples", m.count},
          {"tuples_made", result.tuples_made},
          {"tuples_per_second", static_cast<double>(result.tuples_made) / seconds},
          {"shards", m.shards.size()},
          {"shards_reused", result.shards_reused},
          {"was_complete", result.was_complete},
          {"rejections", m.rejections},
          {"seconds", seconds}};
}

}  // namespace handforge
