#include "synth/report.h"

#include "io/dataset.h"
#include "io/drawing.h"
#include "io/files.h"
#include "io/interrupt.h"
#include "io/json_text.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

// Mean, deviation and five quantiles of the finite ones.
ordered_json Summary(std::vector<double> values) {
  values.erase(
      std::remove_if(
          values.begin(), values.end(), [](double value) { return !std::isfinite(value); }),
      values.end());
  if (values.empty()) return nullptr;
  std::sort(values.begin(), values.end());
  double sum = 0, square = 0;
  for (double v : values) {
    sum += v;
    square += v * v;
  }
  const auto n = static_cast<double>(values.size());
  const auto quantile = [&](double q) { return values[static_cast<size_t>(q * (n - 1))]; };
  const double mean = sum / n;
  return {{"mean", mean},
          {"deviation", std::sqrt(std::max(0.0, square / n - mean * mean))},
          {"min", values.front()},
          {"p05", quantile(0.05)},
          {"median", quantile(0.5)},
          {"p95", quantile(0.95)},
          {"max", values.back()}};
}

const std::vector<std::string> kSplitNames = {"train", "validation", "test"};  // by `Split`

class Statistics {
 public:
  // `gesture_names` of the tuple's shard.
  void Add(const Tuple& t, bool decoded, const std::vector<std::string>& gesture_names) {
    ++tuples_;
    left_ += t.handedness == Handedness::kLeft;
    ++splits_[NameOf(kSplitNames, static_cast<int>(t.split))];
    if (t.gesture >= 0) ++gestures_[NameOf(gesture_names, t.gesture)];
    for (int j = 0; j < kNumJoints; ++j) visible_[j] += t.visible[j] == kVisible;
    if ((t.present & kHasJoints3) != 0) {
      bone_mm_.push_back(ReferenceBoneLength(t.joints_in_cam));
      distance_mm_.push_back(PalmCentre(t.joints_in_cam).norm());
    }
    if (t.bbox_px[2] > 0) box_px_.push_back(std::max(t.bbox_px[2], t.bbox_px[3]));
    attempts_.push_back(t.attempt + 1.0);
    if (!decoded) return;
    fit_mm_.push_back(t.quality_fit_mm);
    residual_px_.push_back(t.quality_residual_px);
    iou_.push_back(t.quality_silhouette_iou);
  }

  ordered_json ToJson() const {
    const auto share = [this](uint64_t count) {
      return static_cast<double>(count) / std::max<uint64_t>(tuples_, 1);
    };
    ordered_json visible;
    for (int j = 0; j < kNumJoints; ++j) visible[std::string(kJointNames[j])] = share(visible_[j]);
    ordered_json out = {{"tuples", tuples_},
                        {"left_share", share(left_)},
                        {"splits", splits_},
                        {"visible_share", visible},
                        {"draws_per_tuple", Summary(attempts_)}};
    if (!bone_mm_.empty()) out["reference_bone_mm"] = Summary(bone_mm_);
    if (!distance_mm_.empty()) out["distance_mm"] = Summary(distance_mm_);
    if (!box_px_.empty()) out["box_px"] = Summary(box_px_);
    if (!gestures_.empty()) out["gestures"] = gestures_;
    if (!fit_mm_.empty()) out["quality_fit_mm"] = Summary(fit_mm_);
    if (!residual_px_.empty()) out["quality_residual_px"] = Summary(residual_px_);
    if (!iou_.empty()) out["quality_silhouette_iou"] = Summary(iou_);
    return out;
  }

 private:
  static std::string NameOf(const std::vector<std::string>& names, int code) {
    const auto i = static_cast<size_t>(code);
    return i < names.size() ? names[i] : std::to_string(code);
  }

  uint64_t tuples_ = 0;
  uint64_t left_ = 0;
  std::map<std::string, uint64_t> splits_ = {{"train", 0}, {"validation", 0}, {"test", 0}};
  std::map<std::string, uint64_t> gestures_;
  std::array<uint64_t, kNumJoints> visible_{};
  std::vector<double> bone_mm_, distance_mm_, box_px_, attempts_, fit_mm_, residual_px_, iou_;
};

std::string Escape(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else
      out += c;
  }
  return out;
}

std::string Page(const Manifest& manifest, const ordered_json& statistics) {
  std::string columns =
      manifest.layout.decoded
          ? "decoded RGB, label over it, depth, mask, decoded alpha with decoded 2D"
          : "RGB, label over it, depth, mask";
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>handforge "
         "report</title>\n"
         "<style>body{font:15px "
         "sans-serif;margin:2em;max-width:75em}img{max-width:100%}pre{background:#f4f4f4;"
         "padding:1em;overflow:auto}</style></head><body>\n<h1>" +
         std::to_string(manifest.count) + " tuples, " + Escape(manifest.command) + ", seed " +
         std::to_string(manifest.seed) + "</h1>\n<p>Each row of pictures: " + columns +
         ". Filled dots are visible joints, hollow ones hidden.</p>\n<p><img src=\"contact.png\" "
         "alt=\"contact sheet\"></p>\n<h2>Statistics</h2>\n<pre>" +
         Escape(JsonText(statistics, 2)) + "</pre>\n<h2>Configuration</h2>\n<pre>" +
         Escape(manifest.config) + "</pre>\n<p>" + Escape(manifest.generator) +
         "; format of the shards: io/FORMAT.md.</p>\n</body></html>\n";
}

}  // namespace

ReportFiles WriteReport(const fs::path& folder, const ReportOptions& options) {
  const Dataset dataset(folder);
  const Manifest& manifest = dataset.manifest();
  const uint64_t shown = std::min<uint64_t>(static_cast<uint64_t>(options.tuples), dataset.size());

  // Pictures of every (size / shown)-th tuple, statistics of all.
  Statistics statistics;
  std::vector<ImageU8> pictures;
  uint64_t index = 0;
  for (size_t shard = 0; shard < manifest.shards.size(); ++shard) {
    const ShardReader reader = dataset.OpenShard(shard);
    const std::vector<std::string> gesture_names = reader.ListAttribute("gesture_names");
    for (uint64_t row = 0; row < reader.size(); ++row, ++index) {
      ThrowIfInterrupted("writing the report");
      const Tuple tuple = reader.ReadTuple(row);
      statistics.Add(tuple, manifest.layout.decoded, gesture_names);
      if (pictures.size() < shown && index == pictures.size() * dataset.size() / shown) {
        pictures.push_back(TuplePicture(tuple, static_cast<int>(options.cell_px)));
      }
    }
  }
  ordered_json json = statistics.ToJson();
  json["rejections"] = manifest.rejections;

  const fs::path out = options.out.empty() ? folder / "report" : options.out;
  EnsureWritableFolder(out);
  ReportFiles files{out / "contact.png", out / "statistics.json", out / "index.html"};
  WritePng(TileImages(pictures, 2), files.contact);
  PublishText(files.statistics, JsonText(json, 2) + "\n");
  PublishText(files.page, Page(manifest, json));
  return files;
}

}  // namespace handforge
