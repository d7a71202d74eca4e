#include "tools/predict_job.h"

#include "io/core/error.h"
#include "io/drawing.h"
#include "io/files.h"
#include "io/interrupt.h"
#include "io/json_text.h"
#include "io/parallel.h"
#include "tools/command.h"
#include "tools/progress.h"
#if HANDFORGE_WITH_RENDER
#include "tools/prediction_mesh.h"
#endif

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <iterator>
#include <set>
#include <sstream>

#include <spdlog/spdlog.h>

namespace handforge {

#if !HANDFORGE_WITH_RENDER
class PredictionMesh {};
#endif

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int kLeastOverlayPx = 256;
constexpr int kMostOverlayPx = 4096;  // of small pictures, once enlarged
// Where depth sensors see hands.
constexpr double kNearestHandMm = 100;
constexpr double kFurthestHandMm = 3000;

// What all predictions hang on.
std::map<std::string, std::string> DescribeRun(const PredictOptions& options,
                                               const fs::path& model) {
  PredictOptions asked = options;
  const std::string settings = ConfigText([&asked](Fields& fields) { asked.Visit(fields); },
                                          {"images", "boxes", "out", "model", "threads"});
  return {{"settings", settings},
          {"answers", "2"},  // what is said of a hand; raised where that changes
          {"model", Sha256OfFile(model)},
          {"boxes", options.boxes.empty() ? "" : Sha256OfFile(options.boxes)}};
}

// What small pictures are enlarged by.
int OverlayFactor(const ImageU8& rgb) {
  const int least = std::max(1, std::min(rgb.width, rgb.height));
  const int most = std::max(1, kMostOverlayPx / std::max({1, rgb.width, rgb.height}));
  return std::min((kLeastOverlayPx + least - 1) / least, most);
}

// The picture with the skeletons.
ImageU8 Overlay(const ImageU8& rgb, const std::vector<HandPrediction>& hands, int factor) {
  ImageU8 picture = factor > 1 ? ResizeImage(rgb, rgb.width * factor, rgb.height * factor) : rgb;
  std::array<uint8_t, kNumJoints> unknown;
  unknown.fill(kVisibilityUnknown);
  for (const HandPrediction& hand : hands) {
    if (!hand.HasJoints2()) continue;
    DrawSkeleton(hand.joints_px.unaryExpr([factor](double x) { return (x + 0.5) * factor - 0.5; }),
                 unknown,
                 &picture);
  }
  return picture;
}

// What a hundredth of the measured depth is nearer than; 0 where nothing was measured.
double NearestDepthMm(const ImageU16& depth, double unit_mm) {
  std::vector<uint16_t> measured;
  std::copy_if(
      depth.pixels.begin(), depth.pixels.end(), std::back_inserter(measured), [](uint16_t steps) {
        return steps > 0;
      });
  if (measured.empty()) return 0;
  const auto nearest = measured.begin() + static_cast<std::ptrdiff_t>(measured.size() / 100);
  std::nth_element(measured.begin(), nearest, measured.end());
  return *nearest * unit_mm;
}

// Whether anything was measured in a thousandth of the square's part of the picture.
bool IsMeasured(const ImageU16& depth, const CropSquare& square) {
  const auto first = [&](double centre) {
    return std::max(0, static_cast<int>(std::ceil(centre - square.side_px / 2)));
  };
  const auto end = [&](double centre, int size) {
    return std::min(size, static_cast<int>(std::floor(centre + square.side_px / 2)) + 1);
  };
  int64_t pixels = 0, measured = 0;
  for (int y = first(square.centre_y_px); y < end(square.centre_y_px, depth.height); ++y) {
    for (int x = first(square.centre_x_px); x < end(square.centre_x_px, depth.width); ++x) {
      ++pixels;
      measured += depth.at(x, y) > 0;
    }
  }
  return measured > 0 && measured * 1000 >= pixels;
}

double Rounded(double value) { return std::round(value * 1e4) / 1e4; }

template <typename Joints>
Json Rows(const Joints& joints) {
  Json rows = Json::array();
  for (int j = 0; j < kNumJoints; ++j) {
    Json row = Json::array();
    for (int c = 0; c < joints.cols(); ++c) row.push_back(Rounded(joints(j, c)));
    rows.push_back(row);
  }
  return rows;
}

Json ToJson(const HandPrediction& prediction) {
  Json json = {
      {"joints_3d_mm", Rows(prediction.joints_in_crop_mm)},
      {"joints_2d_px", prediction.HasJoints2() ? Rows(prediction.joints_px) : Json()},
      {"crop_px",
       {prediction.square.centre_x_px, prediction.square.centre_y_px, prediction.square.side_px}},
      {"handedness", prediction.handedness == Handedness::kLeft ? "left" : "right"},
      {"confidence", prediction.confidence},
      {"spread_mm", Rounded(prediction.spread_mm)},
      {"joint_spread_mm", Json::array()}};
  for (const double mm : prediction.joint_spread_mm) json["joint_spread_mm"].push_back(Rounded(mm));
  if (prediction.handedness_probability) {
    json["handedness_probability"] = *prediction.handedness_probability;
  }
  return json;
}

bool IsUtf8(const std::string& text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

// The predictions name pictures, and JSON's texts are UTF-8: others would share a name.
void RequireUtf8Name(const fs::path& file) {
  if (IsUtf8(file.filename().string())) return;
  throw DataError(file.string() + ": its name is not UTF-8, as JSON needs");
}

// Bytes that are not ASCII as "\\xff" in a name that is not UTF-8.
std::string Readable(const std::string& name) {
  if (IsUtf8(name)) return name;
  std::ostringstream text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text << c;
    } else {
      text << "\\x" << std::hex << int{byte};
    }
  }
  return text.str();
}

}  // namespace

PredictJob::PredictJob(const PredictOptions& options,
                       const HandPredictor& predictor,
                       const VaeInfo& info,
                       const fs::path& model)
    : options_(options),
      predictor_(predictor),
      files_(ListImages(options.images)),
      boxes_(ReadPictureBoxes(options.boxes)),
      lock_(options.out),
      journal_(JournalFile(), DescribeRun(options, model)),
      outcomes_(files_.size()) {
  CheckBoxes();
  SayWhatIsLeftOut();
  if (options.overlay) EnsureWritableFolder(OverlayFolder());
  threads_ = ResolveThreads(options.threads);
  if (!options.mesh) return;
#if HANDFORGE_WITH_RENDER
  mesh_ = std::make_unique<PredictionMesh>(options.rig, info.focal_over_size, threads_);
#else
  (void)info;
  throw UsageError("predict.mesh = true: this handforge was built without render/");
#endif
}

void PredictJob::Run() {
  Progress progress("looking", "pictures", files_.size());
  std::atomic<size_t> done{0};
  if (journal_.size() > 0) {
    spdlog::info(
        "going on with {}, which knows {} pictures", JournalFile().string(), journal_.size());
  }
  ParallelFor(files_.size(), threads_, [&](int worker, size_t i) {
    if (InterruptRequested()) {
      throw Interrupted(
          "interrupted before predictions.json was written; the same command goes "
          "on with what is known, in " +
          JournalFile().string());
    }
    std::optional<PictureOutcome> known = journal_.Find(files_[i]);
    outcomes_[i] = known ? *known : LookAt(worker, i);
    if (!known && outcomes_[i].hands > 0) journal_.Append(files_[i], outcomes_[i]);
    progress.Update(++done);
  });
}

fs::path PredictJob::Publish() {
  const fs::path file = fs::path(options_.out) / "predictions.json";
  PublishText(file, JsonText(Predictions(), 1) + "\n");
  journal_.Remove();
  return file;
}

void PredictJob::WarnOfDepthScale() const {
  std::vector<double> nearest_mm;
  for (const PictureOutcome& outcome : outcomes_) {
    if (outcome.nearest_depth_mm > 0) nearest_mm.push_back(outcome.nearest_depth_mm);
  }
  if (nearest_mm.empty()) return;
  const auto median = nearest_mm.begin() + static_cast<std::ptrdiff_t>(nearest_mm.size() / 2);
  std::nth_element(nearest_mm.begin(), median, nearest_mm.end());
  if (*median >= kNearestHandMm && *median <= kFurthestHandMm) return;
  spdlog::warn(
      "with --depth-scale {} the depth pictures begin at {:.0f} mm, where hands are hardly seen; "
      "it is the millimetres of a step: 1 for most sensors, 0.1 for the depth of handforge",
      options_.depth_scale_mm,
      *median);
}

size_t PredictJob::NumHands() const {
  size_t hands = 0;
  for (const PictureOutcome& outcome : outcomes_) hands += outcome.hands;
  return hands;
}

Json PredictJob::Skipped() const {
  Json skipped = Json::object();
  for (size_t i = 0; i < files_.size(); ++i) {
    const std::string& why = outcomes_[i].skipped_because;
    if (!why.empty()) skipped[Readable(Name(i))] = why;
  }
  return skipped;
}

std::string PredictJob::Name(size_t i) const { return files_[i].filename().string(); }
fs::path PredictJob::OverlayFolder() const { return fs::path(options_.out) / "overlay"; }
fs::path PredictJob::JournalFile() const {
  return fs::path(options_.out) / "predictions.unfinished.jsonl";
}

Json PredictJob::Predictions() const {
  Json predictions = Json::object();
  for (size_t i = 0; i < files_.size(); ++i) {
    if (!outcomes_[i].answer.is_null()) predictions[Name(i)] = outcomes_[i].answer;
  }
  return predictions;
}

void PredictJob::CheckBoxes() const {
  if (options_.boxes.empty()) return;
  size_t used = 0;
  for (size_t i = 0; i < files_.size(); ++i) used += boxes_.count(Name(i));
  if (used == 0) {
    throw DataError(options_.boxes + ": names none of the " + std::to_string(files_.size()) +
                    " pictures of " + options_.images + ", such as " + Name(0));
  }
  if (used < boxes_.size()) {
    spdlog::warn("{} boxes of {} are of no picture in {}, such as {}",
                 boxes_.size() - used,
                 options_.boxes,
                 options_.images,
                 BoxOfNoPicture());
  }
  if (used < files_.size()) {
    spdlog::warn("{} pictures have no box in {} and are taken as crops of one hand",
                 files_.size() - used,
                 options_.boxes);
  }
}

void PredictJob::SayWhatIsLeftOut() const {
  if (!fs::is_directory(options_.images)) return;
  size_t others = 0;
  std::string one;
  for (const fs::directory_entry& entry : fs::directory_iterator(options_.images)) {
    std::error_code no_file;  // such as a link that leads nowhere
    if (entry.is_directory(no_file)) continue;
    if (std::binary_search(files_.begin(), files_.end(), entry.path())) continue;
    if (others++ == 0) one = entry.path().filename().string();
  }
  if (others > 0) {
    spdlog::info("files of other kinds left out: {}, such as {}", others, one);
  }
}

std::string PredictJob::BoxOfNoPicture() const {
  std::set<std::string> names;
  for (size_t i = 0; i < files_.size(); ++i) names.insert(Name(i));
  for (const auto& [name, box] : boxes_) {
    if (names.count(name) == 0) return name;
  }
  return "";
}

PictureOutcome PredictJob::LookAt(int worker, size_t i) const {
  PictureOutcome outcome;
  ImageFile image;
  try {
    RequireUtf8Name(files_[i]);
    image = ReadImageFile(files_[i]);
  } catch (const DataError& error) {
    outcome.skipped_because = error.what();
    return outcome;
  }
  const Modality seen = image.is_depth() ? Modality::kDepth : Modality::kRgb;
  if (!predictor_.Sees(seen)) {
    outcome.skipped_because = files_[i].string() + ": a picture of " + ModalityName(seen) +
                              "; the model has no encoder of it";
    return outcome;
  }
  const std::vector<std::optional<CropSquare>> asked = SquaresOf(i, image, &outcome);
  std::vector<CropSquare> squares;
  for (const auto& square : asked) {
    if (square) squares.push_back(*square);
  }
  const std::vector<HandPrediction> found =
      image.is_depth() ? predictor_.Predict(image.depth, options_.depth_scale_mm, squares)
                       : predictor_.Predict(image.rgb, squares);
  outcome.hands = found.size();
  if (image.is_depth()) {
    outcome.nearest_depth_mm = NearestDepthMm(image.depth, options_.depth_scale_mm);
  }
  Json answers = Json::array();
  auto next = found.begin();
  for (const auto& square : asked) answers.push_back(square ? ToJson(*next++) : Json());
  outcome.answer = AsksForAList(i) ? answers : answers[0];
  if (options_.overlay) DrawOverlay(worker, i, image, found);
  return outcome;
}

bool PredictJob::AsksForAList(size_t i) const {
  const auto found = boxes_.find(Name(i));
  return found != boxes_.end() && found->second.is_list;
}

std::vector<std::optional<CropSquare>> PredictJob::SquaresOf(size_t i,
                                                             const ImageFile& image,
                                                             PictureOutcome* outcome) const {
  const int width = image.is_depth() ? image.depth.width : image.rgb.width;
  const int height = image.is_depth() ? image.depth.height : image.rgb.height;
  const auto found = boxes_.find(Name(i));
  const auto look = [&](const HandBoxPx& box, const CropSquare& square, const std::string& what) {
    std::string fault;
    if (const char* of_box = BoxFault(box, width, height)) fault = of_box;
    if (fault.empty() && image.is_depth() && !IsMeasured(image.depth, square)) {
      fault = "shows nothing that was measured (depth 0)";
    }
    if (fault.empty()) return std::optional(square);
    outcome->skipped_because +=
        (outcome->skipped_because.empty() ? files_[i].string() + ": " : "; ") + what + " " + fault;
    return std::optional<CropSquare>();
  };
  if (found == boxes_.end()) {
    const HandBoxPx whole = {0, 0, static_cast<double>(width), static_cast<double>(height)};
    return {look(whole, WholeImage(width, height), "the picture")};
  }
  std::vector<std::optional<CropSquare>> squares;
  const std::string size = std::to_string(width) + "x" + std::to_string(height);
  for (const HandBoxPx& box : found->second.boxes) {
    squares.push_back(look(
        box,
        AroundBox(box),
        "its box " + Json(box).dump() + " in " + options_.boxes + " (picture of " + size + ")"));
  }
  return squares;
}

void PredictJob::DrawOverlay(int worker,
                             size_t i,
                             const ImageFile& image,
                             const std::vector<HandPrediction>& hands) const {
  if (hands.empty()) return;
  const ImageU8 picture = image.is_depth() ? DepthPicture(image.depth) : image.rgb;
  const int factor = OverlayFactor(picture);
  std::vector<ImageU8> cells = {Overlay(picture, hands, factor)};
#if HANDFORGE_WITH_RENDER
  for (size_t hand = 0; mesh_ && hand < hands.size(); ++hand) {
    if (!hands[hand].HasJoints2()) continue;
    cells.push_back(mesh_->Draw(worker, hands[hand], picture.width, picture.height, factor));
  }
#else
  (void)worker;
#endif
  WritePng(TileImages(cells, static_cast<int>(cells.size())), OverlayFolder() / (Name(i) + ".png"));
}

PredictJob::~PredictJob() = default;

}  // namespace handforge
