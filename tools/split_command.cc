#include "tools/split_command.h"

#include "io/core/error.h"
#include "synth/split_source.h"
#include "tools/recipe.h"
#include "tools/write_dataset.h"

#include <memory>

#include <spdlog/spdlog.h>

namespace handforge {
namespace {

struct SplitCommandOptions {
  CommonOptions common;
  std::vector<std::string> folders;
  std::optional<std::string> by;
  std::optional<std::string> part;
  std::optional<double> validation;
  std::optional<double> test;
  std::optional<double> labelled;
};

std::vector<std::string> Overrides(const SplitCommandOptions& options) {
  std::vector<std::string> more;
  std::vector<std::string> folders;
  for (const std::string& folder : options.folders) folders.push_back(QuoteYaml(folder));
  if (!folders.empty()) more.push_back(fmt::format("split.data=[{}]", fmt::join(folders, ", ")));
  if (options.by) more.push_back("split.by=" + QuoteYaml(*options.by));
  if (options.part) more.push_back("split.part=" + QuoteYaml(*options.part));
  const auto add_share = [&more](const char* key, const std::optional<double>& share) {
    if (share) more.push_back(fmt::format("split.{}={}", key, *share));
  };
  add_share("validation_share", options.validation);
  add_share("test_share", options.test);
  add_share("labelled_share", options.labelled);
  return more;
}

nlohmann::json CountsOf(const std::array<uint64_t, 3>& counts) {
  return {{"train", counts[0]}, {"validation", counts[1]}, {"test", counts[2]}};
}

void SayWhatWasDrawn(const SplitWorld& world) {
  constexpr const char* kNames[] = {"training", "validation", "tests"};
  for (size_t i = 0; i < world.tuples.size(); ++i) {
    spdlog::info("for {}: {} tuples in {} groups (by {})",
                 kNames[i],
                 world.tuples[i],
                 world.groups[i],
                 world.options.by);
  }
  if (world.labelled < world.tuples[0]) {
    spdlog::info(
        "{} of the {} training tuples have labels to train with", world.labelled, world.tuples[0]);
  }
  if (world.tests_in_use > 0) {
    spdlog::warn(
        "{} tuples that were for tests are now for training or validation: what is measured on the "
        "old test rows of these datasets will have been learned",
        world.tests_in_use);
  }
}

int RunSplit(const SplitCommandOptions& options) {
  const SplitOptions split = Recipe::Load(options.common, "split", Overrides(options)).split;
  const SplitWorld world = SplitWorld::Load(split);
  const int threads = ResolveThreads(split.threads);
  SayWhatWasDrawn(world);
  spdlog::info("splitting {} into {}: part {}, seed {}, {} threads",
               fmt::join(split.data, ", "),
               split.out,
               split.part,
               split.seed,
               threads);
  const MergeResult result =
      WriteSplit(world, [threads](DatasetJob job, const TupleSourceFactory& make_source) {
        job.threads = threads;
        RunDatasetJob(job, make_source, "split");
      });
  const Manifest& m = result.manifest;
  spdlog::info("{} {}: {} tuples in {} shards",
               split.out,
               result.was_complete ? "is complete already" : "is complete now",
               m.count,
               m.shards.size());
  PrintSummary(options.common,
               {{"ok", true},
                {"out", split.out},
                {"tuples", m.count},
                {"shards", m.shards.size()},
                {"runs", world.runs.size()},
                {"was_complete", result.was_complete},
                {"groups", CountsOf(world.groups)},
                {"split", CountsOf(world.tuples)},
                {"labelled", world.labelled},
                {"tests_in_use", world.tests_in_use}});
  return static_cast<int>(ExitCode::kDone);
}

}  // namespace

void SetupSplitCommand(CommandLine& command_line) {
  const auto options = std::make_shared<SplitCommandOptions>();
  CLI::App& app = command_line.Add(
      "split",
      "Part the rows of datasets anew into train, validation and test, persons or scenes whole",
      options,
      RunSplit);
  app.add_option("data", options->folders, "Dataset folders [split.data]");
  app.add_option("--by", options->by, "What stays together: subject, sequence, image or tuple");
  app.add_option("--validation", options->validation, "Share of the groups for validation");
  app.add_option("--test", options->test, "Share of the groups for tests");
  app.add_option(
      "--labelled", options->labelled, "Share of the training groups that keep their labels");
  app.add_option("--part", options->part, "Rows to write: all, train, validation or test");
}

}  // namespace handforge
