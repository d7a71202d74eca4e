#include "synth/report.h"

#include "io/dataset.h"
#include "io/drawing.h"
#include "io/files.h"

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

// Mean, deviation and five quantiles.
ordered_json Summary(std::vector<double> values) {
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

class Statistics {
 public:
  void Add(const Tuple& t, bool decoded) {
    ++tuples_;
    left_ += t.handedness == Handedness::kLeft;
    ++splits_[static_cast<int>(t.split)];
    if (t.gesture >= 0) ++gestures_[t.gesture];
    for (int j = 0; j < kNumJoints; ++j) visible_[j] += t.visible[j] == kVisible;
    bone_mm_.push_back(ReferenceBoneLength(t.joints_in_cam));
    distance_mm_.push_back(PalmCentre(t.joints_in_cam).norm());
    box_px_.push_back(std::max(t.bbox_px[2], t.bbox_px[3]));
    attempts_.push_back(t.attempt + 1.0);
    if (!decoded) return;
    residual_px_.push_back(t.quality_residual_px);
    iou_.push_back(t.quality_silhouette_iou);
  }

  ordered_json ToJson(const std::vector<std::string>& gesture_names) const {
    const auto share = [this](uint64_t count) {
      return static_cast<double>(count) / std::max<uint64_t>(tuples_, 1);
    };
    ordered_json visible, gestures;
    for (int j = 0; j < kNumJoints; ++j) visible[std::string(kJointNames[j])] = share(visible_[j]);
    for (const auto& [gesture, count] : gestures_) {
      const auto i = static_cast<size_t>(gesture);
      gestures[i < gesture_names.size() ? gesture_names[i] : std::to_string(i)] = count;
    }
    ordered_json out = {
        {"tuples", tuples_},
        {"left_share", share(left_)},
        {"splits", {{"train", splits_[0]}, {"validation", splits_[1]}, {"test", splits_[2]}}},
        {"visible_share", visible},
        {"reference_bone_mm", Summary(bone_mm_)},
        {"distance_mm", Summary(distance_mm_)},
        {"box_px", Summary(box_px_)},
        {"draws_per_tuple", Summary(attempts_)}};
    if (!gestures.is_null()) out["gestures"] = gestures;
    if (!residual_px_.empty()) out["quality_residual_px"] = Summary(residual_px_);
    if (!iou_.empty()) out["quality_silhouette_iou"] = Summary(iou_);
    return out;
  }

 private:
  uint64_t tuples_ = 0;
  uint64_t left_ = 0;
  std::array<uint64_t, 3> splits_{};
  std::map<int, uint64_t> gestures_;
  std::array<uint64_t, kNumJoints> visible_{};
  std::vector<double> bone_mm_, distance_mm_, box_px_, attempts_, residual_px_, iou_;
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
         Escape(statistics.dump(2)) + "</pre>\n<h2>Configuration</h2>\n<pre>" +
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
  std::vector<std::string> gesture_names;
  uint64_t index = 0;
  for (size_t shard = 0; shard < manifest.shards.size(); ++shard) {
    const ShardReader reader = dataset.OpenShard(shard);
    if (shard == 0) gesture_names = reader.ListAttribute("gesture_names");
    for (uint64_t row = 0; row < reader.size(); ++row, ++index) {
      const Tuple tuple = reader.ReadTuple(row);
      statistics.Add(tuple, manifest.layout.decoded);
      if (pictures.size() < shown && index == pictures.size() * dataset.size() / shown) {
        pictures.push_back(TuplePicture(tuple, static_cast<int>(options.cell_px)));
      }
    }
  }
  ordered_json json = statistics.ToJson(gesture_names);
  json["rejections"] = manifest.rejections;

  const fs::path out = folder / "report";
  EnsureWritableFolder(out);
  ReportFiles files{out / "contact.png", out / "statistics.json", out / "index.html"};
  WritePng(TileImages(pictures, 2), files.contact);
  PublishText(files.statistics, json.dump(2) + "\n");
  PublishText(files.page, Page(manifest, json));
  return files;
}

}  // namespace handforge
