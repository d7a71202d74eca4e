// Merges the manifests of many tasks, as after a large array: merge_bench [TASKS
// [SHARDS_PER_TASK]]. The shards are files of one byte: a merge looks at names and sizes only.
#include "io/files.h"
#include "synth/merge.h"
#include "synth/task_files.h"
#include "tests/io/temporary_folder.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <sys/resource.h>

namespace handforge {
namespace {

constexpr uint64_t kTuplesPerShard = 4096;

void WriteTasks(const std::filesystem::path& folder, int tasks, int shards_per_task) {
  std::filesystem::create_directories(folder / "tasks");
  std::filesystem::create_directories(folder / "shards");
  TaskManifest task;
  task.run.command = "synth";
  task.run.config_sha256 = std::string(64, 'c');
  task.run.count = kTuplesPerShard * static_cast<uint64_t>(tasks) * shards_per_task;
  for (int t = 0; t < tasks; ++t) {
    task.run.shards.clear();
    for (int s = t * shards_per_task; s < (t + 1) * shards_per_task; ++s) {
      ShardInfo info;
      info.file = ShardFileName(s);
      info.sha256 = std::string(64, 'e');
      info.bytes = 1;
      info.first_index = kTuplesPerShard * static_cast<uint64_t>(s);
      info.tuples = kTuplesPerShard;
      info.rejections = {{"joint_limits", 17}, {"residual_2d", 3}};
      task.run.shards.push_back(info);
      std::fclose(std::fopen((folder / info.file).c_str(), "w"));
      std::filesystem::resize_file(folder / info.file, 1);
    }
    const ShardRange range{t * shards_per_task, (t + 1) * shards_per_task};
    PublishText(TaskManifestPath(folder, range), task.ToJson());
  }
}

int Run(int argc, char** argv) {
  const int tasks = argc > 1 ? std::atoi(argv[1]) : 10000;
  const int shards_per_task = argc > 2 ? std::atoi(argv[2]) : 25;
  const TemporaryFolder folder;
  WriteTasks(folder.path(), tasks, shards_per_task);
  const auto start = std::chrono::steady_clock::now();
  const MergeResult result = MergeTasks(folder.path());
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%d tasks, %zu shards, %.2g tuples: merged in %.1f s, %ld MB, manifest of %.0f MB\n",
              tasks,
              result.manifest.shards.size(),
              static_cast<double>(result.manifest.count),
              seconds,
              usage.ru_maxrss / 1024,
              static_cast<double>(std::filesystem::file_size(ManifestPath(folder.path()))) / 1e6);
  return 0;
}

}  // namespace
}  // namespace handforge

int main(int argc, char** argv) { return handforge::Run(argc, argv); }
