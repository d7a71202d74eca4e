#include "tools/predict_command.h"

#include "io/core/error.h"
#include "io/files.h"
#include "tools/predict_job.h"
#include "tools/recipe.h"
#include "vae/find_model.h"
#include "vae/hand_predictor.h"

#include <memory>
#include <optional>

#include <spdlog/spdlog.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;

struct PredictCommandOptions {
  CommonOptions common;
  std::string images;
  std::string boxes;
  std::string model;
  std::string handedness;
  std::optional<double> bone_mm;
  std::optional<double> depth_scale_mm;
  bool mesh = false;
};

PredictOptions ReadOptions(const PredictCommandOptions& command) {
  std::vector<std::string> more;
  const auto add = [&more](const char* key, const std::string& value) {
    if (!value.empty()) more.push_back(std::string("predict.") + key + "=" + QuoteYaml(value));
  };
  add("images", command.images);
  add("boxes", command.boxes);
  add("model", command.model);
  add("handedness", command.handedness);
  if (command.bone_mm) more.push_back("predict.bone_mm=" + std::to_string(*command.bone_mm));
  if (command.depth_scale_mm) {
    more.push_back("predict.depth_scale_mm=" + std::to_string(*command.depth_scale_mm));
  }
  if (command.mesh) more.emplace_back("predict.mesh=true");
  PredictOptions options = Recipe::Load(command.common, "predict", more).predict;
  if (options.images.empty()) throw UsageError("nothing to look at: give --images FILE or DIR");
  if (options.out.empty()) throw UsageError("nowhere to write: give --out DIR");
  return options;
}

void WarnOfWhatTheModelLacks(const PredictOptions& options, const VaeInfo& info) {
  if (options.handedness == "auto" && !info.has_side) {
    spdlog::warn(
        "the model has no side head (model.side_head): which side a hand is of is guessed from how "
        "much looks differ, which is hardly better than chance; say --handedness left or right "
        "where it is known");
  }
  if (!info.has_decoder[static_cast<size_t>(Modality::kJoints2)]) {
    spdlog::warn(
        "the model has no decoder of 2d: joints_2d_px will be null, overlays without "
        "joints or mesh");
  }
}

int RunPredict(const PredictCommandOptions& command) {
  const PredictOptions options = ReadOptions(command);
  const fs::path model = FindModel(options.model);
  const HandVae vae = HandVae::Load(model);
  const HandPredictor predictor(vae, options.OfPredictor());
  EnsureWritableFolder(options.out);
  WarnOfWhatTheModelLacks(options, vae.info());
  PredictJob job(options, predictor, vae.info(), model);
  spdlog::info("looking at {} with {}", options.images, model.string());
  job.Run();
  job.WarnOfDepthScale();

  const nlohmann::json skipped = job.Skipped();
  for (const auto& [name, why] : skipped.items()) {
    spdlog::warn("skipped {}", why.get<std::string>());
  }
  const std::string count = std::to_string(skipped.size());
  if (job.NumHands() == 0 && !skipped.empty()) {
    throw DataError(options.images + ": none of its " + count + " pictures could be used; " +
                    skipped.begin()->get<std::string>());
  }
  const fs::path file = job.Publish();
  spdlog::info("wrote {}: {} hands; {} pictures, or boxes of them, were skipped",
               file.string(),
               job.NumHands(),
               count);
  PrintSummary(command.common,
               {{"ok", true},
                {"predictions", file.string()},
                {"hands", job.NumHands()},
                {"skipped", skipped},
                {"model", model.string()}});
  return static_cast<int>(ExitCode::kDone);
}

}  // namespace

void SetupPredictCommand(CommandLine& command_line) {
  const auto options = std::make_shared<PredictCommandOptions>();
  CLI::App& app = command_line.Add(
      "predict", "Find the pose of the hand in pictures, 3D and 2D", options, RunPredict);
  app.add_option(
      "--images", options->images, "Picture, or folder of pictures; 16-bit ones are depth");
  app.add_option("--boxes", options->boxes, "JSON: {\"<file name>\": [x, y, width, height]}");
  app.add_option("--model", options->model, "Model file");
  app.add_option("--handedness", options->handedness, "left, right or auto");
  app.add_option(
      "--depth-scale", options->depth_scale_mm, "Millimetres of a step of depth pictures [1]");
  app.add_flag("--mesh", options->mesh, "Draw the nearest rigged hand beside the overlay");
  app.add_option("--bone-mm", options->bone_mm, "Bone from middle MCP to PIP [a mean hand]");
}

}  // namespace handforge
