#include "tools/render_command.h"

#include "io/core/error.h"
#include "render/depth_sensor.h"
#include "synth/render_source.h"
#include "tools/recipe.h"
#include "tools/write_dataset.h"

#include <memory>

#include <spdlog/spdlog.h>

namespace handforge {
namespace {

struct RenderCommandOptions {
  CommonOptions common;
  std::optional<int64_t> count;
  WriteOptions write;
};

void WarnOfNearHands(const RenderOptions& options) {
  if (options.depth_sensor == "off") return;
  const DepthSensor sensor = DepthSensorNamed(options.depth_sensor);
  if (options.camera.nearest_mm >= sensor.nearest_mm) return;
  spdlog::warn(
      "depth_sensor {} measures nothing nearer than {:.0f} mm, and render.camera.nearest_mm is "
      "{:.0f}: hands before that are empty in the column depth_sensor",
      options.depth_sensor,
      sensor.nearest_mm,
      options.camera.nearest_mm);
}

int RunRender(const RenderCommandOptions& options) {
  std::vector<std::string> more;
  if (options.count) more.push_back("render.count=" + std::to_string(*options.count));
  const RenderOptions render = Recipe::Load(options.common, "render", more).render;
  const RenderWorld world = RenderWorld::Load(render);
  for (const std::string& skipped : world.skipped_environments) {
    spdlog::warn("light probe left out: {}", skipped);
  }
  for (const std::string& skipped : world.skipped_photographs) {
    spdlog::warn("photograph left out: {}", skipped);
  }
  for (const std::string& skipped : world.skipped_objects) {
    spdlog::warn("object left out: {}", skipped);
  }
  WarnOfNearHands(render);
  DatasetJob job = RenderJob(world);
  job.threads = ResolveThreads(render.threads);
  ApplyWriteOptions(options.write, &job);
  spdlog::info("rendering {} tuples to {}: {} gestures, {} light probes, seed {}, {} threads",
               render.count,
               render.out,
               world.gestures.size(),
               world.environments.size(),
               render.seed,
               job.threads);
  nlohmann::json summary = RunDatasetJob(
      job, [&world] { return MakeRenderSource(world); }, "rendering");
  summary["skipped_light_probes"] = world.skipped_environments;
  summary["skipped_objects"] = world.skipped_objects;
  summary["skipped_photographs"] = world.skipped_photographs;
  PrintSummary(options.common, summary);
  return static_cast<int>(ExitCode::kDone);
}

}  // namespace

void SetupRenderCommand(CommandLine& command_line) {
  const auto options = std::make_shared<RenderCommandOptions>();
  CLI::App& app = command_line.Add("render",
                                   "Render labelled tuples of the rigged hand from the pose prior",
                                   options,
                                   RunRender);
  app.add_option("--count", options->count, "Tuples to write")->check(IsCount);
  AddWriteOptions(app, &options->write);
}

}  // namespace handforge
