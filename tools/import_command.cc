#include "tools/import_command.h"

#include "io/core/error.h"
#include "synth/import_source.h"
#include "tools/recipe.h"
#include "tools/write_dataset.h"

#include <algorithm>
#include <memory>

#include <spdlog/spdlog.h>

namespace handforge {
namespace {

struct ImportCommandOptions {
  CommonOptions common;
  std::string dataset;
  std::string folder;
  std::optional<std::string> split;
  std::optional<int64_t> count;
};

std::vector<std::string> Overrides(const ImportCommandOptions& options) {
  std::vector<std::string> more = {"import.dataset=" + QuoteYaml(options.dataset),
                                   "import.folder=" + QuoteYaml(options.folder)};
  if (options.split) more.push_back("import.split=" + QuoteYaml(*options.split));
  if (options.count) more.push_back("import.count=" + std::to_string(*options.count));
  return more;
}

int64_t Tuples(const ImportWorld& world, Split split) {
  return std::count(world.splits.begin(), world.splits.end(), split);
}

void SayWhatWasFound(const ImportWorld& world) {
  for (const auto* files : {&world.dataset->label_files(), &world.dataset->files_of_pictures()}) {
    if (!files->empty()) spdlog::info("read {}", fmt::join(*files, ", "));
  }
  for (const auto& [reason, count] : world.left_out) spdlog::info("left out: {} {}", count, reason);
  if (world.options.validation_share > 0 && Tuples(world, Split::kTrain) > 0 &&
      Tuples(world, Split::kValidation) == 0) {
    spdlog::warn(
        "no hand is set aside for validation: those for training are of one person, or one "
        "sequence, that is not parted");
  }
  const ImportChecks& checks = world.checks;
  if (checks.subjects_in_several_splits > 0) {
    spdlog::warn(
        "{} persons are in several of the dataset's splits: what is measured on one is partly "
        "learned on another; import.test_subjects holds whole persons out",
        checks.subjects_in_several_splits);
  }
  if (checks.SidesAreDoubtful()) {
    spdlog::warn(
        "only {:.0f} % of the hands curl like the side they are said to be: is the dataset "
        "mirrored, or of another release?",
        100 * checks.sides_agree);
  }
  if (checks.UnitIsDoubtful()) {
    spdlog::warn(
        "the middle finger's proximal bone is {:.1f} mm long on average: is the dataset of another "
        "unit or release?",
        checks.middle_bone_mm);
  }
}

int RunImport(const ImportCommandOptions& options) {
  ImportOptions import = Recipe::Load(options.common, "import", Overrides(options)).import;
  import.threads = ResolveThreads(import.threads);
  const ImportWorld world = ImportWorld::Load(import);
  DatasetJob job = ImportJob(world);
  job.threads = static_cast<int>(import.threads);
  SayWhatWasFound(world);
  spdlog::info(
      "importing {} hands of {} ({} for training, {} for validation, {} for tests) into "
      "{}: {} threads",
      job.manifest.count,
      FindPublishedKind(import.dataset).title,
      Tuples(world, Split::kTrain),
      Tuples(world, Split::kValidation),
      Tuples(world, Split::kTest),
      import.out,
      job.threads);
  nlohmann::json summary = RunDatasetJob(
      job, [&world] { return MakeImportSource(world); }, "import");
  summary["dataset"] = import.dataset;
  summary["left_out"] = world.left_out;
  summary["sides_agree"] = world.checks.sides_agree;
  summary["subjects_in_several_splits"] = world.checks.subjects_in_several_splits;
  summary["middle_bone_mm"] = world.checks.middle_bone_mm;
  PrintSummary(options.common, summary);
  return static_cast<int>(ExitCode::kDone);
}

}  // namespace

void SetupImportCommand(CommandLine& command_line) {
  const auto options = std::make_shared<ImportCommandOptions>();
  CLI::App& app =
      command_line.Add("import",
                       "Turn a published dataset into labelled crops to train and measure on",
                       options,
                       RunImport);
  app.add_option("dataset",
                 options->dataset,
                 fmt::format("Which: {}", fmt::join(PublishedDatasetNames(), ", ")))
      ->required();
  app.add_option("folder", options->folder, "Where it lies, as its authors publish it")->required();
  app.add_option("--split", options->split, "As published: all, train (with validation) or test");
  app.add_option("--count", options->count, "Evenly spaced hands (0: all)")->check(IsCount);
}

}  // namespace handforge
