#include "synth/merge.h"

#include "io/core/error.h"
#include "io/core/version.h"
#include "io/files.h"
#include "io/folder_lock.h"
#include "io/interrupt.h"
#include "synth/dataset_writer.h"
#include "synth/task_files.h"

#include <algorithm>
#include <set>
#include <system_error>

namespace handforge {
namespace {

namespace fs = std::filesystem;

struct SourceShard {
  ShardInfo info;
  fs::path file;
};

// All that the parts hold of one run.
struct MergedRun {
  Manifest header;  // count: of the whole run as far as it is known
  std::vector<SourceShard> shards;
  Rejections rejections;
};

// The first column that the two do not have alike, as "'depth' (uint16, 32768 bytes a row) is ...";
// "" where there is none.
std::string ColumnOfOneAlone(const TupleLayout& a, const TupleLayout& b) {
  const auto columns = [](const TupleLayout& layout) {
    std::set<std::string> texts;
    for (const Column& column : TupleColumns(layout)) {
      texts.insert("'" + column.name + "' (" + DTypeName(column.type) + ", " +
                   std::to_string(column.RowBytes()) + " bytes a row)");
    }
    return texts;
  };
  const std::set<std::string> of_a = columns(a), of_b = columns(b);
  for (const std::string& column : of_a) {
    if (of_b.count(column) == 0) return column + " is in the first of them alone";
  }
  for (const std::string& column : of_b) {
    if (of_a.count(column) == 0) return column + " is in the second of them alone";
  }
  return "";
}

// Sorts the run's shards and checks that they follow each other from index 0 without gaps.
// A shard that two overlapping tasks made is taken once.
void PutInOrder(MergedRun* run) {
  auto& shards = run->shards;
  std::sort(shards.begin(), shards.end(), [](const SourceShard& a, const SourceShard& b) {
    return a.info.first_index < b.info.first_index;
  });
  const auto same = [](const SourceShard& a, const SourceShard& b) {
    return a.file == b.file && a.info.sha256 == b.info.sha256;
  };
  shards.erase(std::unique(shards.begin(), shards.end(), same), shards.end());
  uint64_t next = 0;
  for (const SourceShard& shard : shards) {
    if (shard.info.first_index < next) {
      throw UsageError(shard.file.string() + " holds tuples from index " +
                       std::to_string(shard.info.first_index) +
                       " on, which another shard of the same run (command, seed, configuration) "
                       "holds too");
    }
    if (shard.info.first_index > next) {
      throw DataError("tuples " + std::to_string(next) + " to " +
                      std::to_string(shard.info.first_index - 1) + " of the run (seed " +
                      std::to_string(run->header.seed) + ") are missing before " +
                      shard.file.string() + "; run the task that makes them again");
    }
    next += shard.info.tuples;
  }
  if (next < run->header.count) {
    throw DataError("tuples " + std::to_string(next) + " to " +
                    std::to_string(run->header.count - 1) + " of the run (seed " +
                    std::to_string(run->header.seed) +
                    ") are missing; run the tasks that make them again");
  }
  run->header.count = next;
}

void CheckFiles(const MergedRun& run) {
  for (const SourceShard& shard : run.shards) {
    std::error_code error;
    const auto bytes = fs::file_size(shard.file, error);
    if (error) throw DataError(shard.file.string() + " is missing, a manifest names it");
    if (bytes == shard.info.bytes) continue;
    throw DataError(shard.file.string() + " has " + std::to_string(bytes) +
                    " bytes, its manifest says " + std::to_string(shard.info.bytes));
  }
}

// Groups what the parts hold by run, in order of appearance.
class Collector {
 public:
  void AddFolder(const fs::path& folder) {
    if (!folders_.insert(fs::weakly_canonical(folder)).second) {
      throw UsageError(folder.string() + " is named twice");
    }
    const fs::path path = ManifestPath(folder);
    if (fs::exists(path)) return AddDataset(folder, Manifest::FromJson(ReadText(path), path));
    const std::vector<TaskManifest> tasks = ReadTaskManifests(folder);
    if (tasks.empty()) {
      throw DataError(folder.string() + " holds neither dataset.json nor task manifests (tasks/)");
    }
    for (const TaskManifest& task : tasks) {
      MergedRun& run = RunOf(folder, task.run);
      run.header.count = std::max(run.header.count, task.run.count);
      for (const ShardInfo& info : task.run.shards) {
        run.shards.push_back({info, folder / info.file});
      }
    }
  }

  std::vector<MergedRun> Finish() {
    for (MergedRun& run : runs_) {
      PutInOrder(&run);
      CheckFiles(run);
      for (const SourceShard& shard : run.shards) {
        AddCounts(shard.info.rejections, &run.rejections);
      }
    }
    return std::move(runs_);
  }

 private:
  void AddDataset(const fs::path& folder, const Manifest& manifest) {
    std::vector<RunInfo> infos = manifest.runs;
    if (infos.empty()) infos.push_back(manifest.RunOf(0));
    size_t next = 0;
    for (const RunInfo& info : infos) {
      MergedRun& run = RunOf(folder, HeaderOf(manifest, info));
      // A manifest counts rejections for all its runs together.
      if (next == 0) AddCounts(manifest.rejections, &run.rejections);
      for (const size_t end = next + info.shards; next < end; ++next) {
        const ShardInfo& shard = manifest.shards[next];
        run.shards.push_back({shard, folder / shard.file});
      }
    }
  }

  static Manifest HeaderOf(const Manifest& manifest, const RunInfo& info) {
    Manifest header;
    header.generator = info.generator;
    header.command = info.command;
    header.seed = info.seed;
    header.layout = manifest.layout;
    header.config = info.config;
    header.config_sha256 = info.config_sha256;
    header.model_sha256 = info.model_sha256;
    header.mesh_sha256 = info.mesh_sha256;
    header.licences = manifest.licences;
    return header;
  }

  MergedRun& RunOf(const fs::path& folder, const Manifest& header) {
    if (runs_.empty()) first_folder_ = folder;
    if (!runs_.empty()) {
      RequireSameColumns(first_folder_, runs_[0].header.layout, folder, header.layout);
    }
    const auto found = std::find_if(runs_.begin(), runs_.end(), [&](const MergedRun& run) {
      return SameRun(run.header, header);
    });
    if (found != runs_.end()) return *found;
    runs_.push_back({header, {}, {}});
    runs_.back().header.shards.clear();
    return runs_.back();
  }

  std::set<fs::path> folders_;
  std::vector<MergedRun> runs_;
  fs::path first_folder_;
};

// The field where all runs agree, else "".
std::string Common(const std::vector<MergedRun>& runs, std::string Manifest::*field) {
  for (const MergedRun& run : runs) {
    if (run.header.*field != runs[0].header.*field) return "";
  }
  return runs[0].header.*field;
}

// What the runs make together; shards as they are numbered in the new folder.
Manifest Joined(const std::vector<MergedRun>& runs) {
  Manifest all = runs[0].header;
  if (runs.size() > 1) {
    all.generator = kGenerator;
    all.command = "merge";
    all.seed = 0;
    all.config = "";
    all.config_sha256 = "";
    all.model_sha256 = Common(runs, &Manifest::model_sha256);
    all.mesh_sha256 = Common(runs, &Manifest::mesh_sha256);
  }
  all.count = 0;
  for (const MergedRun& run : runs) {
    const Manifest& h = run.header;
    all.count += h.count;
    AddCounts(run.rejections, &all.rejections);
    for (const std::string& licence : h.licences) {
      const auto end = all.licences.end();
      if (std::find(all.licences.begin(), end, licence) == end) all.licences.push_back(licence);
    }
    for (const SourceShard& shard : run.shards) {
      all.shards.push_back(shard.info);
      all.shards.back().file = ShardFileName(static_cast<int>(all.shards.size()) - 1);
    }
    if (runs.size() == 1) break;
    all.runs.push_back({h.generator,
                        h.command,
                        h.seed,
                        h.config,
                        h.config_sha256,
                        h.model_sha256,
                        h.mesh_sha256,
                        run.shards.size()});
  }
  return all;
}

void LinkOrCopy(const fs::path& source, const fs::path& target) {
  const fs::path temporary = TemporaryName(target);
  std::error_code error;
  if (fs::equivalent(source, target, error)) return;  // linked before the merge was interrupted
  error.clear();
  fs::remove(temporary, error);
  // A link to a shard would be linked itself.
  fs::create_hard_link(fs::canonical(source), temporary, error);
  if (error) {
    error.clear();
    fs::copy_file(source, temporary, error);
  }
  if (error) {
    fs::remove(temporary, error);
    throw EnvironmentError(target.string() + ": cannot be copied from " + source.string() + ": " +
                           error.message());
  }
  PublishFile(temporary, target);
}

// A merge that was interrupted leaves links to shards, or copies of those wanted. Anything else
// that lies there is nowhere else.
void RequireNothingIsLost(const fs::path& out, const Manifest& wanted) {
  std::set<std::string> hashes;
  for (const ShardInfo& shard : wanted.shards) hashes.insert(shard.sha256);
  for (const int shard : ShardsOnDisk(out)) {
    const fs::path file = out / ShardFileName(shard);
    if (fs::hard_link_count(file) > 1 || hashes.count(Sha256OfFile(file)) > 0) continue;
    throw UsageError(file.string() + " is no shard of what is to be joined, and " + out.string() +
                     " has no dataset.json that says what it is; choose another --out or remove "
                     "it");
  }
}

// Whether `out` holds exactly this dataset already. Throws UsageError where it holds another.
bool IsThere(const Manifest& wanted, const fs::path& out) {
  const fs::path path = ManifestPath(out);
  if (!fs::exists(path)) return false;
  if (ReadText(path) == wanted.ToJson()) return true;
  throw UsageError(out.string() +
                   " holds another dataset; choose another --out or remove the folder");
}

}  // namespace

void RequireSameColumns(const fs::path& first_folder,
                        const TupleLayout& first,
                        const fs::path& other_folder,
                        const TupleLayout& other) {
  const std::string column = ColumnOfOneAlone(first, other);
  if (column.empty()) return;
  throw UsageError(first_folder.string() + " and " + other_folder.string() +
                   " have different columns or image sizes and cannot be one dataset: column " +
                   column);
}

MergeResult MergeTasks(const fs::path& folder) {
  const fs::path path = ManifestPath(folder);
  if (!fs::is_directory(folder)) throw DataError(folder.string() + ": no such folder");
  const FolderLock lock(folder);
  if (fs::exists(path)) return {Manifest::FromJson(ReadText(path), path), true};
  Collector collector;
  collector.AddFolder(folder);
  const std::vector<MergedRun> runs = collector.Finish();
  if (runs.size() > 1) {
    throw DataError(folder.string() + ": its task manifests are of " + std::to_string(runs.size()) +
                    " different runs; remove tasks/ and run the tasks of one again");
  }
  MergeResult result{Joined(runs), false};
  std::set<std::string> spoken_of;
  for (const ShardInfo& shard : result.manifest.shards) spoken_of.insert(shard.file);
  RequireOwnShards(folder, result.manifest, spoken_of);
  RemoveLeftoverShards(folder, result.manifest.shards.size());
  PublishText(path, result.manifest.ToJson());
  RemoveTaskFiles(folder);
  return result;
}

MergeResult MergeDatasets(const std::vector<fs::path>& parts, const fs::path& out) {
  Collector collector;
  for (const fs::path& part : parts) collector.AddFolder(part);
  const std::vector<MergedRun> runs = collector.Finish();
  EnsureWritableFolder(out / "shards");
  const FolderLock lock(out);
  if (!RecordedShards(out).empty()) {
    throw UsageError(
        out.string() +
        " holds shards of an unfinished run; choose another --out or remove the folder");
  }
  RemoveStaleTemporaries(out / "shards");
  MergeResult result{Joined(runs), false};
  result.was_complete = IsThere(result.manifest, out);
  if (result.was_complete) return result;
  RequireNothingIsLost(out, result.manifest);
  size_t next = 0;
  for (const MergedRun& run : runs) {
    for (const SourceShard& shard : run.shards) {
      ThrowIfInterrupted("joining datasets; the same command continues");
      LinkOrCopy(shard.file, out / result.manifest.shards[next++].file);
    }
  }
  RemoveLeftoverShards(out, result.manifest.shards.size());
  PublishText(ManifestPath(out), result.manifest.ToJson());
  return result;
}

}  // namespace handforge
