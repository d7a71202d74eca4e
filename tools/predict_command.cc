#include "tools/predict_command.h"

#include "io/core/error.h"
#include "io/drawing.h"
#include "io/files.h"
#include "io/image_file.h"
#include "io/interrupt.h"
#include "tools/parallel.h"
#include "tools/progress.h"
#include "tools/recipe.h"
#include "vae/find_model.h"
#include "vae/hand_predictor.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <map>
#include <memory>
#include <optional>

#include <spdlog/spdlog.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int kLeastOverlayPx = 256;

struct PredictCommandOptions {
  CommonOptions common;
  std::string images;
  std::string boxes;
  std::string model;
  std::string handedness;
  std::optional<double> bone_mm;
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
  PredictOptions options = Recipe::Load(command.common, "predict", more).predict;
  if (options.images.empty()) throw UsageError("nothing to look at: give --images FILE or DIR");
  if (options.out.empty()) throw UsageError("nowhere to write: give --out DIR");
  return options;
}

using Boxes = std::map<std::string, std::array<double, 4>>;

Boxes ReadBoxes(const std::string& file) {
  Boxes boxes;
  if (file.empty()) return boxes;
  const Json json = Json::parse(ReadText(file), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    throw DataError(file +
                    ": expected a JSON object {\"<file name>\": [x, y, width, height], ...}");
  }
  for (const auto& [name, value] : json.items()) {
    const bool numbers = value.is_array() && value.size() == 4 &&
                         std::all_of(value.begin(), value.end(), [](const Json& number) {
                           return number.is_number() && std::isfinite(number.get<double>());
                         });
    if (!numbers || value[2] <= 0 || value[3] <= 0) {
      throw DataError(file + ": box of \"" + name + "\" is " + value.dump() +
                      "; expected [x, y, width, height] with width and height above 0");
    }
    boxes[name] = value.get<std::array<double, 4>>();
  }
  return boxes;
}

// The picture with the skeleton, enlarged where it is small.
ImageU8 Overlay(const ImageU8& rgb, const Joints2& joints_px) {
  const int least = std::min(rgb.width, rgb.height);
  const int factor = (kLeastOverlayPx + least - 1) / std::max(1, least);
  ImageU8 picture = factor > 1 ? ResizeImage(rgb, rgb.width * factor, rgb.height * factor) : rgb;
  std::array<uint8_t, kNumJoints> unknown;
  unknown.fill(kVisibilityUnknown);
  DrawSkeleton(joints_px.unaryExpr([factor](double x) { return (x + 0.5) * factor - 0.5; }),
               unknown,
               &picture);
  return picture;
}

template <typename Joints>
Json Rows(const Joints& joints) {
  Json rows = Json::array();
  for (int j = 0; j < kNumJoints; ++j) {
    Json row = Json::array();
    for (int c = 0; c < joints.cols(); ++c) row.push_back(std::round(joints(j, c) * 1e4) / 1e4);
    rows.push_back(row);
  }
  return rows;
}

Json ToJson(const HandPrediction& prediction) {
  return {{"joints_3d_mm", Rows(prediction.joints_in_crop_mm)},
          {"joints_2d_px", Rows(prediction.joints_px)},
          {"handedness", prediction.handedness == Handedness::kLeft ? "left" : "right"},
          {"confidence", prediction.confidence}};
}

// What became of one picture.
struct Outcome {
  std::optional<HandPrediction> prediction;
  std::string skipped_because;
};

class PredictJob {
 public:
  PredictJob(const PredictOptions& options, const HandPredictor& predictor)
      : options_(options),
        predictor_(predictor),
        files_(ListImages(options.images)),
        boxes_(ReadBoxes(options.boxes)),
        outcomes_(files_.size()) {
    CheckBoxes();
    if (options.overlay) EnsureWritableFolder(OverlayFolder());
  }

  void Run(int threads) {
    Progress progress("looking", "pictures", files_.size());
    std::atomic<size_t> done{0};
    ParallelFor(files_.size(), threads, [&](int, size_t i) {
      if (InterruptRequested()) throw Interrupted("interrupted; predictions.json was not written");
      outcomes_[i] = LookAt(i);
      progress.Update(++done);
    });
  }

  // {"<file name>": {...}} of all pictures that could be read.
  Json Predictions() const {
    Json predictions = Json::object();
    for (size_t i = 0; i < files_.size(); ++i) {
      if (outcomes_[i].prediction) predictions[Name(i)] = ToJson(*outcomes_[i].prediction);
    }
    return predictions;
  }

  Json Skipped() const {
    Json skipped = Json::object();
    for (size_t i = 0; i < files_.size(); ++i) {
      if (!outcomes_[i].prediction) skipped[Name(i)] = outcomes_[i].skipped_because;
    }
    return skipped;
  }

 private:
  std::string Name(size_t i) const { return files_[i].filename().string(); }
  fs::path OverlayFolder() const { return fs::path(options_.out) / "overlay"; }

  void CheckBoxes() const {
    if (options_.boxes.empty()) return;
    size_t used = 0;
    for (size_t i = 0; i < files_.size(); ++i) used += boxes_.count(Name(i));
    if (used == 0) {
      throw DataError(options_.boxes + ": names none of the " + std::to_string(files_.size()) +
                      " pictures of " + options_.images + ", such as " + Name(0));
    }
    if (used < files_.size()) {
      spdlog::warn("{} pictures have no box in {} and are taken as crops of one hand",
                   files_.size() - used,
                   options_.boxes);
    }
  }

  Outcome LookAt(size_t i) const {
    ImageFile image;
    try {
      image = ReadImageFile(files_[i]);
    } catch (const DataError& error) {
      return {std::nullopt, error.what()};
    }
    if (image.is_depth()) {
      return {std::nullopt, files_[i].string() + ": depth; this model sees colour only"};
    }
    const auto box = boxes_.find(Name(i));
    const CropSquare square = box == boxes_.end() ? WholeImage(image.rgb.width, image.rgb.height)
                                                  : AroundBox(box->second);
    const HandPrediction prediction = predictor_.Predict(image.rgb, square, i);
    if (options_.overlay) {
      WritePng(Overlay(image.rgb, prediction.joints_px), OverlayFolder() / (Name(i) + ".png"));
    }
    return {prediction, ""};
  }

  const PredictOptions& options_;
  const HandPredictor& predictor_;
  std::vector<fs::path> files_;
  Boxes boxes_;
  std::vector<Outcome> outcomes_;
};

int RunPredict(const PredictCommandOptions& command) {
  const PredictOptions options = ReadOptions(command);
  const fs::path model = FindModel(options.model);
  const HandVae vae = HandVae::Load(model);
  const HandPredictor predictor(vae,
                                {options.handedness,
                                 options.bone_mm,
                                 options.turns,
                                 static_cast<int>(options.upright_views),
                                 static_cast<int>(options.refinements),
                                 static_cast<int>(options.draws),
                                 options.seed});
  EnsureWritableFolder(options.out);
  PredictJob job(options, predictor);
  spdlog::info("looking at {} with {}", options.images, model.string());
  job.Run(ResolveThreads(options.threads));

  const Json predictions = job.Predictions();
  const Json skipped = job.Skipped();
  for (const auto& [name, why] : skipped.items()) {
    spdlog::warn("skipped {}", why.get<std::string>());
  }
  const std::string count = std::to_string(skipped.size());
  if (predictions.empty()) {
    throw DataError(options.images + ": none of its " + count + " pictures could be used; " +
                    skipped.begin()->get<std::string>());
  }
  const fs::path file = fs::path(options.out) / "predictions.json";
  PublishText(file, predictions.dump(1) + "\n");
  spdlog::info("wrote {}: {} hands, {} pictures skipped", file.string(), predictions.size(), count);
  PrintSummary(command.common,
               {{"ok", true},
                {"predictions", file.string()},
                {"hands", predictions.size()},
                {"skipped", skipped},
                {"model", model.string()}});
  return static_cast<int>(ExitCode::kDone);
}

}  // namespace

void SetupPredictCommand(CommandLine& command_line) {
  const auto options = std::make_shared<PredictCommandOptions>();
  CLI::App& app = command_line.Add(
      "predict", "Find the pose of the hand in pictures, 3D and 2D", options, RunPredict);
  app.add_option("--images", options->images, "Picture, or folder of pictures");
  app.add_option("--boxes", options->boxes, "JSON: {\"<file name>\": [x, y, width, height]}");
  app.add_option("--model", options->model, "Model file");
  app.add_option("--handedness", options->handedness, "left, right or auto");
  app.add_option("--bone-mm", options->bone_mm, "Bone from middle MCP to PIP [a mean hand]");
}

}  // namespace handforge
