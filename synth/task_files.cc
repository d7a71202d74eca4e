#include "synth/task_files.h"

#include "io/files.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <system_error>

namespace handforge {

namespace fs = std::filesystem;

namespace {

std::vector<fs::path> FilesOf(const fs::path& folder, const char* extension) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const bool hidden = entry.path().filename().string()[0] == '.';
    if (!hidden && entry.path().extension() == extension) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<fs::path> JsonFiles(const fs::path& folder) { return FilesOf(folder, ".json"); }

// Numbers of shards that have such a file, in ascending order.
std::vector<int> NumbersOf(const fs::path& dataset_folder, const char* extension) {
  std::vector<int> shards;
  for (const fs::path& file : FilesOf(dataset_folder / "shards", extension)) {
    const std::string stem = file.stem();
    int shard = 0;
    const auto [end, error] = std::from_chars(stem.data(), stem.data() + stem.size(), shard);
    if (error == std::errc() && end == stem.data() + stem.size()) shards.push_back(shard);
  }
  std::sort(shards.begin(), shards.end());
  return shards;
}

}  // namespace

fs::path TaskManifestPath(const fs::path& dataset_folder, const ShardRange& shards) {
  char name[64];
  std::snprintf(name, sizeof name, "%05d-%05d.json", shards.first, shards.end - 1);
  return dataset_folder / "tasks" / name;
}

fs::path EmptyTaskManifestPath(const fs::path& dataset_folder, int task) {
  char name[64];
  std::snprintf(name, sizeof name, "none-%05d.json", task);
  return dataset_folder / "tasks" / name;
}

std::vector<TaskManifest> ReadTaskManifests(const fs::path& dataset_folder) {
  std::vector<TaskManifest> tasks;
  for (const fs::path& file : JsonFiles(dataset_folder / "tasks")) {
    tasks.push_back(TaskManifest::FromJson(ReadText(file), file));
  }
  return tasks;
}

std::vector<int> RecordedShards(const fs::path& dataset_folder) {
  return NumbersOf(dataset_folder, ".json");
}

std::vector<int> ShardsOnDisk(const fs::path& dataset_folder) {
  return NumbersOf(dataset_folder, ".h5");
}

void RemoveLeftoverShards(const fs::path& dataset_folder, size_t named) {
  std::error_code ignored;
  for (const int shard : NumbersOf(dataset_folder, ".h5")) {
    if (shard < 0 || static_cast<size_t>(shard) < named) continue;
    fs::remove(dataset_folder / ShardFileName(shard), ignored);
  }
}

void RemoveTaskFiles(const fs::path& dataset_folder) {
  std::error_code ignored;
  for (const fs::path& record : JsonFiles(dataset_folder / "shards")) fs::remove(record, ignored);
  for (const fs::path& task : JsonFiles(dataset_folder / "tasks")) fs::remove(task, ignored);
  fs::remove(dataset_folder / "tasks", ignored);  // where nothing else lies there
}

bool SameRun(const Manifest& a, const Manifest& b) {
  return a.command == b.command && a.seed == b.seed && a.config_sha256 == b.config_sha256 &&
         a.model_sha256 == b.model_sha256 && a.mesh_sha256 == b.mesh_sha256;
}

}  // namespace handforge
