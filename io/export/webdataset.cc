#include "io/export/webdataset.h"

#include "io/core/error.h"
#include "io/export/grid_labels.h"
#include "io/export/new_folder.h"
#include "io/export/npy.h"
#include "io/export/tar_writer.h"
#include "io/image_file.h"
#include "io/json_text.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <utility>

namespace handforge {
namespace {

namespace fs = std::filesystem;

constexpr size_t kNumSplits = 3;

// Field name -> content; std::map keeps them sorted.
struct Sample {
  std::string key;
  Split split = Split::kTrain;
  std::map<std::string, std::vector<uint8_t>> fields;
};

// Bits of `present` that any row has.
uint32_t PresentAnywhere(const Dataset& dataset) {
  uint32_t present = 0;
  for (size_t s = 0; s < dataset.manifest().shards.size(); ++s) {
    const ShardReader shard = dataset.OpenShard(s);
    for (const uint32_t bits : shard.Read<uint32_t>("present", 0, shard.size())) present |= bits;
  }
  return present;
}

std::string KeyOf(uint64_t row) {
  char key[24];
  std::snprintf(key, sizeof key, "%08llu", static_cast<unsigned long long>(row));
  return key;
}

LabelJson GridJson(const GridLabels& labels, bool has_joints) {
  LabelJson grid;
  grid["size_px"] = labels.size_px;
  grid["K"] = JsonOf(labels.camera);
  grid["bbox"] = JsonOf(labels.bbox_px);
  grid["joints_2d_px"] = has_joints ? JsonOf(labels.joints_px) : LabelJson();
  return grid;
}

LabelJson PresentNames(uint32_t present) {
  constexpr std::pair<uint32_t, const char*> kNames[] = {{kHasRgb, "rgb"},
                                                         {kHasDepth, "depth"},
                                                         {kHasMask, "mask"},
                                                         {kHasJoints3, "joints_3d"},
                                                         {kHasJoints2, "joints_2d"}};
  LabelJson names = LabelJson::array();
  for (const auto& [bit, name] : kNames) {
    if ((present & bit) != 0) names.push_back(name);
  }
  return names;
}

// The same fields for every row.
LabelJson LabelsOf(const Tuple& t) {
  const bool has_joints_2d = (t.present & kHasJoints2) != 0;
  const bool has_joints_3d = (t.present & kHasJoints3) != 0;
  LabelJson labels;
  labels["index"] = t.index;
  labels["split"] = NameOf(t.split);
  labels["labelled"] = t.labelled;
  labels["present"] = PresentNames(t.present);
  labels["handedness"] = NameOf(t.handedness);
  labels["joints_3d_mm"] = has_joints_3d ? JsonOf(t.joints_in_cam) : LabelJson();
  labels["visible"] = LabelJson(t.visible);
  labels["rgb"] = GridJson(LabelsOnGrid(t, t.rgb.width), has_joints_2d);
  labels["depth"] = GridJson(LabelsOnGrid(t, t.camera.width_px), has_joints_2d);
  labels["depth"]["scale_mm"] = static_cast<float>(kDepthUnitMm);
  labels["image_id"] = t.image_id;
  labels["sequence_id"] = t.sequence_id;
  labels["frame"] = t.frame;
  labels["view_id"] = t.view_id;
  labels["subject"] = t.subject;
  labels["crop_rotation"] = IsCrop(t) ? JsonOf(t.crop_from_cam) : LabelJson();
  labels["picture_K"] = IsCrop(t) ? JsonOf(t.picture_K) : LabelJson();
  return labels;
}

Sample MakeSample(uint64_t row, const Tuple& t, uint32_t present_anywhere) {
  Sample sample;
  sample.key = KeyOf(row);
  sample.split = t.split;
  const std::string json = JsonText(LabelsOf(t), -1);
  sample.fields["json"] = {json.begin(), json.end()};
  if ((present_anywhere & kHasRgb) != 0) sample.fields["rgb.png"] = EncodePng(t.rgb);
  if ((present_anywhere & kHasMask) != 0) sample.fields["mask.png"] = EncodePng(t.mask);
  if ((present_anywhere & kHasDepth) != 0) sample.fields["depth.npy"] = EncodeNpy(t.depth);
  return sample;
}

// The tars of one split.
class TarSeries {
 public:
  TarSeries(fs::path folder, std::string name, const TarLimits& limits)
      : folder_(std::move(folder)), name_(std::move(name)), limits_(limits) {}

  void Add(const Sample& sample) {
    uint64_t bytes = 0;
    for (const auto& [field, content] : sample.fields) bytes += content.size();
    const bool full = samples_in_tar_ >= limits_.samples ||
                      (samples_in_tar_ > 0 && bytes_in_tar_ + bytes > limits_.bytes);
    if (tar_ == nullptr || full) Next();
    for (const auto& [field, content] : sample.fields) {
      tar_->Add(sample.key + "." + field, content);
    }
    bytes_in_tar_ += bytes;
    ++samples_in_tar_;
    ++samples_;
  }
  void Close() {
    if (tar_ != nullptr) tar_->Close();
    tar_.reset();
  }
  uint64_t samples() const { return samples_; }
  uint64_t tars() const { return tars_; }

 private:
  void Next() {
    Close();
    char number[24];
    std::snprintf(number, sizeof number, "-%06llu.tar", static_cast<unsigned long long>(tars_++));
    tar_ = std::make_unique<TarWriter>(folder_ / (name_ + number));
    bytes_in_tar_ = samples_in_tar_ = 0;
  }

  fs::path folder_;
  std::string name_;
  TarLimits limits_;
  std::unique_ptr<TarWriter> tar_;
  uint64_t bytes_in_tar_ = 0, samples_in_tar_ = 0;
  uint64_t samples_ = 0, tars_ = 0;
};

}  // namespace

WebDatasetCounts ExportWebDataset(const Dataset& dataset,
                                  const fs::path& out,
                                  const ExportOptions& options,
                                  const TarLimits& limits) {
  if (dataset.size() == 0) throw DataError(dataset.folder().string() + ": no tuples to export");
  NewFolder folder(out);
  const uint32_t present = PresentAnywhere(dataset);
  std::vector<TarSeries> series;
  for (size_t split = 0; split < kNumSplits; ++split) {
    series.emplace_back(folder.path(), NameOf(static_cast<Split>(split)), limits);
  }
  WebDatasetCounts counts;
  ForEachTuple<Sample>(
      dataset,
      options,
      [present](size_t /*run*/, uint64_t row, const Tuple& t) {
        return MakeSample(row, t, present);
      },
      [&](const Sample& sample) {
        series[static_cast<size_t>(sample.split)].Add(sample);
        if (!counts.fields.empty()) return;
        for (const auto& [field, content] : sample.fields) counts.fields.push_back(field);
      });
  for (size_t split = 0; split < kNumSplits; ++split) {
    series[split].Close();
    counts.samples[split] = series[split].samples();
    counts.tars[split] = series[split].tars();
  }
  folder.Publish();
  return counts;
}

}  // namespace handforge
