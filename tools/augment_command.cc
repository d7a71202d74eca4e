#include "tools/augment_command.h"

#include "io/core/error.h"
#include "synth/augment_source.h"
#include "tools/recipe.h"
#include "tools/write_dataset.h"

#include <memory>

#include <spdlog/spdlog.h>

namespace handforge {
namespace {

struct AugmentCommandOptions {
  CommonOptions common;
  std::string source;
  std::optional<int64_t> count;
  std::optional<int64_t> copies;
};

std::vector<std::string> SkippedPictures(const Augmenter& augmenter) {
  const auto& references = augmenter.references();
  return references ? references->skipped() : std::vector<std::string>();
}

int RunAugment(const AugmentCommandOptions& options) {
  std::vector<std::string> more;
  if (options.count) more.push_back("augment.count=" + std::to_string(*options.count));
  if (options.copies) more.push_back("augment.copies=" + std::to_string(*options.copies));
  const AugmentJobOptions augment = Recipe::Load(options.common, "augment", more).augment;
  const AugmentWorld world = AugmentWorld::Load(options.source, augment);
  const std::vector<std::string> skipped = SkippedPictures(world.augmenter);
  for (const std::string& picture : skipped) spdlog::warn("picture left out: {}", picture);
  DatasetJob job = AugmentJob(world);
  job.threads = ResolveThreads(augment.threads);
  spdlog::info("augmenting {} tuples of {} into {} in {}: seed {}, {} threads",
               world.source.size(),
               options.source,
               job.manifest.count,
               augment.out,
               augment.seed,
               job.threads);
  const TupleLayout& layout = world.source.manifest().layout;
  const std::vector<std::string> left_out = ColumnsLeftOut(layout);
  if (!left_out.empty())
    spdlog::warn("left out, as they do not move along: {}", fmt::join(left_out, ", "));
  if (layout.Has("objects") || layout.Has("other_hand")) {
    spdlog::warn(
        "nor do the objects and hands beside the hand: tuples have no rig, so no mesh can be "
        "exported and verify renders none again");
  }
  nlohmann::json summary = RunDatasetJob(
      job, [&world] { return MakeAugmentSource(world); }, "augmentation");
  summary["source"] = options.source;
  summary["skipped_pictures"] = skipped;
  summary["columns_left_out"] = left_out;
  PrintSummary(options.common, summary);
  return static_cast<int>(ExitCode::kDone);
}

}  // namespace

void SetupAugmentCommand(CommandLine& command_line) {
  const auto options = std::make_shared<AugmentCommandOptions>();
  CLI::App& app = command_line.Add("augment",
                                   "Augment the tuples of a dataset, pictures and labels together",
                                   options,
                                   RunAugment);
  app.add_option("source", options->source, "Dataset folder to augment")->required();
  app.add_option("--count", options->count, "Tuples to write (0: copies times the source)")
      ->check(IsCount);
  app.add_option("--copies", options->copies, "Augmented copies of each tuple")->check(IsCount);
}

}  // namespace handforge
