#include "tools/merge_command.h"

#include "io/core/error.h"
#include "synth/merge.h"
#include "tools/recipe.h"

#include <memory>

#include <spdlog/spdlog.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;

struct MergeCommandOptions {
  CommonOptions common;
  std::vector<std::string> folders;
};

// One folder without --out holds the tasks of one run; else folders are joined into another.
MergeResult Merge(const MergeCommandOptions& options) {
  const auto& folders = options.folders;
  if (!options.common.out) {
    if (folders.size() == 1) return MergeTasks(folders[0]);
    throw UsageError("several folders are joined into another one: give --out DIR");
  }
  const fs::path out = *options.common.out;
  for (const std::string& folder : folders) {
    std::error_code ignored;
    if (fs::equivalent(folder, out, ignored)) {
      throw UsageError("--out " + out.string() + " is one of the folders to merge");
    }
  }
  return MergeDatasets({folders.begin(), folders.end()}, out);
}

int RunMerge(const MergeCommandOptions& options) {
  Recipe::CheckOnly(options.common);
  const MergeResult result = Merge(options);
  const Manifest& m = result.manifest;
  const std::string out = options.common.out.value_or(options.folders[0]);
  spdlog::info("{} {}: {} tuples in {} shards, {} runs",
               out,
               result.was_complete ? "is complete already" : "is complete now",
               m.count,
               m.shards.size(),
               std::max<size_t>(1, m.runs.size()));
  PrintSummary(options.common,
               {{"ok", true},
                {"out", out},
                {"tuples", m.count},
                {"shards", m.shards.size()},
                {"runs", std::max<size_t>(1, m.runs.size())},
                {"was_complete", result.was_complete}});
  return static_cast<int>(ExitCode::kDone);
}

}  // namespace

void SetupMergeCommand(CommandLine& command_line) {
  const auto options = std::make_shared<MergeCommandOptions>();
  CLI::App& app = command_line.Add(
      "merge", "Join what the tasks of a run wrote, or several datasets", options, RunMerge);
  app.add_option("folders", options->folders, "Dataset folders; one alone: its tasks are joined")
      ->required();
}

}  // namespace handforge
