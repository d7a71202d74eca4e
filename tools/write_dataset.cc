#include "tools/write_dataset.h"

#include "tools/progress.h"

#include <chrono>
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

}  // namespace

nlohmann::json RunDatasetJob(DatasetJob job,
                             const TupleSourceFactory& make_source,
                             const std::string& label) {
  const auto start = std::chrono::steady_clock::now();
  DatasetResult result;
  {
    Progress progress(label, "tuples", job.manifest.count);
    job.progress = [&progress](uint64_t done, const Rejections& rejections) {
      progress.Update(done, "rejected " + std::to_string(Total(rejections)));
    };
    result = WriteDataset(job, make_source);
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const Manifest& m = result.manifest;
  const std::string out = job.out.string();
  if (result.was_complete) {
    spdlog::info("{} is complete already: {} tuples, nothing to do", out, m.count);
  } else {
    if (result.shards_reused > 0) {
      spdlog::info("{} shards of an earlier run were kept", result.shards_reused);
    }
    for (const auto& [reason, count] : m.rejections)
      spdlog::info("drawn again: {} {}", count, reason);
    spdlog::info(
        "wrote {} tuples in {} shards to {} in {:.1f} s", m.count, m.shards.size(), out, seconds);
  }
  return {{"ok", true},
          {"out", out},
          {"tuples", m.count},
          {"shards", m.shards.size()},
          {"shards_reused", result.shards_reused},
          {"was_complete", result.was_complete},
          {"rejections", m.rejections},
          {"seconds", seconds}};
}

}  // namespace handforge
