#include "tools/synth_command.h"

#include "io/core/error.h"
#include "io/interrupt.h"
#include "synth/synth_source.h"
#include "tools/recipe.h"
#include "tools/write_dataset.h"
#include "vae/find_model.h"

#include <memory>

#include <spdlog/spdlog.h>

namespace handforge {
namespace {

struct SynthCommandOptions {
  CommonOptions common;
  std::optional<int64_t> count;
  WriteOptions write;
  std::string model;
};

int RunSynth(const SynthCommandOptions& options) {
  std::vector<std::string> more;
  if (options.count) more.push_back("synth.count=" + std::to_string(*options.count));
  if (!options.model.empty()) more.push_back("synth.model=" + QuoteYaml(options.model));
  const SynthOptions synth = Recipe::Load(options.common, "synth", more).synth;
  if (synth.latent == "mixture") {
    spdlog::info("fitting {} Gaussians to the model's posteriors", synth.mixture_components);
  }
  EndAtOnceOnInterrupt();  // nothing is written yet, and a fit takes its time
  SynthWorld world = SynthWorld::Load(synth);
  InstallInterruptHandler();
  RequireRightHandsInBoneLengths(world.model.info(), "synth");
  for (const std::string& skipped : world.skipped_environments) {
    spdlog::warn("light probe left out: {}", skipped);
  }
  for (const std::string& skipped : world.skipped_photographs) {
    spdlog::warn("photograph left out: {}", skipped);
  }
  DatasetJob job = SynthJob(world);
  job.threads = ResolveThreads(synth.threads);
  ApplyWriteOptions(options.write, &job);
  spdlog::info("synthesising {} tuples to {}: model {}, latent {}, seed {}, {} threads",
               synth.count,
               synth.out,
               FindModel(synth.model).string(),
               synth.latent,
               synth.seed,
               job.threads);
  PrepareLatentPlan(job, &world);
  nlohmann::json summary = RunDatasetJob(
      job, [&world] { return MakeSynthSource(world); }, "synthesis");
  summary["model"] = FindModel(synth.model).string();
  summary["skipped_light_probes"] = world.skipped_environments;
  summary["skipped_photographs"] = world.skipped_photographs;
  PrintSummary(options.common, summary);
  return static_cast<int>(ExitCode::kDone);
}

}  // namespace

void SetupSynthCommand(CommandLine& command_line) {
  const auto options = std::make_shared<SynthCommandOptions>();
  CLI::App& app =
      command_line.Add("synth",
                       "Sample the latent space into labelled tuples with ray-traced depth",
                       options,
                       RunSynth);
  app.add_option("--count", options->count, "Tuples to write")->check(IsCount);
  AddWriteOptions(app, &options->write);
  app.add_option("--model", options->model, "Model file");
}

}  // namespace handforge
