#include "vae/samples.h"

#include "io/core/error.h"
#include "io/core/random.h"
#include "io/core/tuple.h"
#include "io/dataset.h"
#include "io/files.h"
#include "vae/targets.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <utility>

#include <opencv2/imgproc.hpp>

namespace handforge {
namespace {

constexpr uint64_t kRowsPerRead = 256;  // bounds memory while a shard is read
// Largest distance of the principal point from the image centre, as a share of the width.
constexpr double kPrincipalPointTolerance = 0.01;
constexpr double kMinBoneMm = 1;
// Of the numbers of Purpose::kTrainOrder, of which shuffles (vae/batch.cc) have the lower ones.
constexpr uint32_t kLabelStream = 1U << 20;

uint32_t BitOf(Modality modality) {
  switch (modality) {
    case Modality::kRgb:
      return kHasRgb;
    case Modality::kJoints2:
      return kHasJoints2;
    case Modality::kJoints3:
      return kHasJoints3;
    case Modality::kDepth:
      return kHasDepth;
  }
  return 0;
}

// Side of the square images of a column.
int ImageSide(const ShardReader& shard, const std::string& column) {
  const std::vector<uint64_t>& shape = shard.Find(column).row_shape;
  if (shape.size() < 2 || shape[0] != shape[1]) {
    throw DataError(shard.file().string() + ": column " + column + " holds images that are not " +
                    "square; training needs square crops");
  }
  return static_cast<int>(shape[0]);
}

// Area average of an interleaved image; returns the pixels.
std::vector<uint8_t> Shrink(const uint8_t* pixels, int side, int channels, int to_px) {
  const int type = CV_MAKETYPE(CV_8U, channels);
  const cv::Mat source(side, side, type, const_cast<uint8_t*>(pixels));
  std::vector<uint8_t> out(static_cast<size_t>(to_px) * to_px * channels);
  cv::Mat target(to_px, to_px, type, out.data());
  if (side == to_px) {
    source.copyTo(target);
  } else {
    cv::resize(source, target, target.size(), 0, 0, cv::INTER_AREA);
  }
  return out;
}

// Rows [first, first + count) of the columns training needs.
struct RawRows {
  uint64_t first = 0;
  uint64_t count = 0;
  std::vector<uint8_t> rgb;
  std::vector<uint8_t> mask;
  std::vector<uint16_t> depth;
  std::vector<float> joints_3d;
  std::vector<float> joints_2d;
  std::vector<float> K;
  std::vector<uint8_t> handedness;
  std::vector<uint8_t> visible;
  std::vector<uint8_t> labelled;
  std::vector<uint8_t> split;
  std::vector<uint32_t> present;

  RawRows(const ShardReader& shard, uint64_t first_row, uint64_t num_rows)
      : first(first_row),
        count(num_rows),
        rgb(shard.Read<uint8_t>("rgb", first, count)),
        mask(shard.Read<uint8_t>("mask", first, count)),
        depth(shard.Read<uint16_t>("depth", first, count)),
        joints_3d(shard.Read<float>("joints_3d", first, count)),
        joints_2d(shard.Read<float>("joints_2d", first, count)),
        K(shard.Read<float>("K", first, count)),
        handedness(shard.Read<uint8_t>("handedness", first, count)),
        visible(shard.Read<uint8_t>("visible", first, count)),
        labelled(shard.Read<uint8_t>("labelled", first, count)),
        split(shard.Read<uint8_t>("split", first, count)),
        present(shard.Read<uint32_t>("present", first, count)) {}
};

// Turns the rows of one shard into samples.
class ShardLoader {
 public:
  ShardLoader(const ShardReader& shard, const SampleForm& form)
      : shard_(shard),
        form_(form),
        rgb_px_(form.rgb_px),
        stored_rgb_px_(ImageSide(shard, "rgb")),
        image_px_(ImageSide(shard, "mask")) {
    if (std::min(stored_rgb_px_, image_px_) < rgb_px_) {
      throw DataError(shard.file().string() + ": images of " +
                      std::to_string(std::min(stored_rgb_px_, image_px_)) +
                      " px are smaller than the model's rgb_px = " + std::to_string(rgb_px_) +
                      "; render larger ones or lower model.rgb_px");
    }
  }

  // `set_of(split)` is where a row belongs, null where it is not wanted.
  void Load(const std::function<SampleSet*(Split)>& set_of) const {
    for (uint64_t first = 0; first < shard_.size(); first += kRowsPerRead) {
      const RawRows rows(shard_, first, std::min(kRowsPerRead, shard_.size() - first));
      for (uint64_t row = 0; row < rows.count; ++row) {
        SampleSet* const set = set_of(static_cast<Split>(rows.split[row]));
        if (set != nullptr) AppendRow(rows, row, set);
      }
    }
  }

 private:
  void AppendRow(const RawRows& rows, uint64_t row, SampleSet* samples) const {
    const Handedness stored = static_cast<Handedness>(rows.handedness[row]);
    const Handedness side = form_.mirror_left ? stored : Handedness::kRight;
    uint32_t present =
        rows.present[row] & (kHasRgb | kHasDepth | kHasMask | kHasJoints3 | kHasJoints2);
    if (!rows.labelled[row]) present &= kHasRgb;
    AppendImage(rows.rgb, row, side, stored_rgb_px_, 3, &samples->rgb);
    AppendAlpha(rows, row, side, samples);
    AppendDepth(rows, row, side, samples);
    if (!AppendJoints3(rows, row, side, samples)) present &= ~uint32_t{kHasJoints3};
    if (!AppendJoints2(rows, row, side, samples)) present &= ~uint32_t{kHasJoints2};
    samples->focal_over_size.push_back(FocalOverSize(rows, row));
    const uint8_t* visible = rows.visible.data() + row * kNumJoints;
    samples->visible.insert(samples->visible.end(), visible, visible + kNumJoints);
    samples->handedness.push_back(rows.handedness[row]);
    samples->present.push_back(present);
  }

  void AppendImage(const std::vector<uint8_t>& pixels,
                   uint64_t row,
                   Handedness side,
                   int stored_px,
                   int channels,
                   std::vector<uint8_t>* out) const {
    const size_t row_bytes = static_cast<size_t>(stored_px) * stored_px * channels;
    ImageU8 image(rgb_px_, rgb_px_, channels);
    image.pixels = Shrink(pixels.data() + row * row_bytes, stored_px, channels, rgb_px_);
    if (side == Handedness::kLeft) MirrorColumns(&image);
    out->insert(out->end(), image.pixels.begin(), image.pixels.end());
  }

  void AppendAlpha(const RawRows& rows, uint64_t row, Handedness side, SampleSet* samples) const {
    const size_t row_bytes = static_cast<size_t>(image_px_) * image_px_;
    std::vector<uint8_t> alpha(row_bytes);
    for (size_t i = 0; i < row_bytes; ++i) {
      const uint8_t part = rows.mask[row * row_bytes + i];
      alpha[i] = part != kPartBackground && part < kPartFirstOccluder ? 255 : 0;
    }
    AppendImage(alpha, 0, side, image_px_, 1, &samples->alpha);
  }

  void AppendDepth(const RawRows& rows, uint64_t row, Handedness side, SampleSet* samples) const {
    const size_t pixels = static_cast<size_t>(image_px_) * image_px_;
    const uint16_t* stored = rows.depth.data() + row * pixels;
    const size_t px = static_cast<size_t>(rgb_px_);
    std::vector<float> depth_mm(px * px);
    for (size_t y = 0; y < px; ++y) {
      for (size_t x = 0; x < px; ++x) {
        const size_t column = SourcePixel(x);
        const size_t from_x =
            side == Handedness::kLeft ? static_cast<size_t>(image_px_) - 1 - column : column;
        const size_t at = SourcePixel(y) * static_cast<size_t>(image_px_) + from_x;
        depth_mm[y * px + x] = static_cast<float>(stored[at] * kDepthUnitMm);
      }
    }
    std::vector<float> relative(px * px);
    NormaliseDepth(depth_mm.data(), static_cast<int>(px * px), relative.data());
    for (const float value : relative) {
      samples->depth.push_back(static_cast<int8_t>(std::lround(value * kDepthLevels)));
    }
  }

  // The stored pixel nearest to the middle of one of the model's: depth is not averaged, or edges
  // would float between hand and background.
  size_t SourcePixel(size_t pixel) const {
    return (2 * pixel + 1) * static_cast<size_t>(image_px_) / (2 * static_cast<size_t>(rgb_px_));
  }

  // Returns whether the row has usable 3D labels.
  bool AppendJoints3(const RawRows& rows, uint64_t row, Handedness side, SampleSet* samples) const {
    const Joints3 joints = Eigen::Map<const Eigen::Matrix<float, kNumJoints, 3, Eigen::RowMajor>>(
                               rows.joints_3d.data() + row * kNumJoints * 3)
                               .cast<double>();
    const bool usable = joints.allFinite() && ReferenceBoneLength(joints) >= kMinBoneMm;
    std::array<float, kNumJoints * 3> normalised{};
    if (usable) {
      const double unit_mm = form_.metric ? kMetricUnitMm : ReferenceBoneLength(joints);
      CentreJoints3(joints, unit_mm, side, normalised.data());
    }
    samples->joints3.insert(samples->joints3.end(), normalised.begin(), normalised.end());
    samples->bone_mm.push_back(usable ? static_cast<float>(ReferenceBoneLength(joints)) : 0.0F);
    return usable;
  }

  bool AppendJoints2(const RawRows& rows, uint64_t row, Handedness side, SampleSet* samples) const {
    const Joints2 joints = Eigen::Map<const Eigen::Matrix<float, kNumJoints, 2, Eigen::RowMajor>>(
                               rows.joints_2d.data() + row * kNumJoints * 2)
                               .cast<double>();
    std::array<float, kNumJoints * 2> normalised{};
    if (joints.allFinite()) NormaliseJoints2(joints, image_px_, side, normalised.data());
    samples->joints2.insert(samples->joints2.end(), normalised.begin(), normalised.end());
    return joints.allFinite();
  }

  float FocalOverSize(const RawRows& rows, uint64_t row) const {
    const float* K = rows.K.data() + row * 9;
    const double centre = (image_px_ - 1) / 2.0;
    const double offset = std::max(std::abs(K[2] - centre), std::abs(K[5] - centre));
    if (!(K[0] > 0) || !(offset <= kPrincipalPointTolerance * image_px_)) {
      throw DataError(shard_.file().string() + ": K of row " + std::to_string(rows.first + row) +
                      " has f = " + std::to_string(K[0]) + " px and its principal point " +
                      std::to_string(offset) + " px off the centre; training needs crop cameras " +
                      "(f > 0, principal point at the centre)");
    }
    return K[0] / static_cast<float>(image_px_);
  }

  const ShardReader& shard_;
  SampleForm form_;
  int rgb_px_;
  int stored_rgb_px_;
  int image_px_;
};

void LoadShards(const std::string& folder,
                const SampleForm& form,
                const std::function<SampleSet*(Split)>& set_of) {
  const Dataset dataset(folder);
  for (size_t i = 0; i < dataset.manifest().shards.size(); ++i) {
    const ShardReader shard = dataset.OpenShard(i);
    ShardLoader(shard, form).Load(set_of);
  }
}

std::string Joined(const std::vector<std::string>& folders) {
  std::string names;
  for (const std::string& folder : folders) names += (names.empty() ? "" : ", ") + folder;
  return names.empty() ? "the empty list of folders" : names;
}

}  // namespace

bool SampleSet::Has(int64_t row, Modality modality) const {
  return (present[static_cast<size_t>(row)] & BitOf(modality)) != 0;
}

std::vector<int64_t> SampleSet::RowsFor(const Pass& pass) const {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < size(); ++row) {
    const auto has = [this, row](Modality modality) { return Has(row, modality); };
    if (has(pass.from) && std::all_of(pass.to.begin(), pass.to.end(), has)) rows.push_back(row);
  }
  return rows;
}

std::vector<int64_t> SampleSet::RowsFor(const Pair& pair) const {
  return RowsFor(Pass{pair.from, {pair.to}, 1});
}

void SampleSet::CopyInput(int64_t row, Modality modality, float* input) const {
  const size_t count = static_cast<size_t>(InputSize(modality, rgb_px));
  const size_t first = static_cast<size_t>(row) * count;
  switch (modality) {
    case Modality::kRgb:
      for (size_t i = 0; i < count; ++i) input[i] = static_cast<float>(rgb[first + i]) / 255.0F;
      return;
    case Modality::kJoints2:
      std::copy_n(joints2.data() + first, count, input);
      return;
    case Modality::kJoints3:
      std::copy_n(joints3.data() + first, count, input);
      return;
    case Modality::kDepth:
      for (size_t i = 0; i < count; ++i) {
        input[i] = static_cast<float>(depth[first + i]) / kDepthLevels;
      }
      return;
  }
}

TrainingData LoadTrainingData(const std::vector<std::string>& folders, const SampleForm& form) {
  TrainingData data{SampleSet(form.rgb_px), SampleSet(form.rgb_px), {}};
  for (const std::string& folder : folders) {
    LoadShards(folder, form, [&data](Split split) {
      return split == Split::kTrain ? &data.train : &data.held_out;
    });
    data.manifest_sha256.push_back(Sha256OfFile(ManifestPath(folder)));
  }
  if (data.train.size() == 0) {
    throw DataError("data: no row of the split \"train\" in " + Joined(folders));
  }
  return data;
}

SampleSet LoadSamples(const std::vector<std::string>& folders,
                      const SampleForm& form,
                      const std::vector<Split>& splits) {
  SampleSet samples(form.rgb_px);
  for (const std::string& folder : folders) {
    LoadShards(folder, form, [&](Split split) {
      const bool wanted =
          splits.empty() || std::find(splits.begin(), splits.end(), split) != splits.end();
      return wanted ? &samples : nullptr;
    });
  }
  if (samples.size() == 0) {
    throw DataError("data: no row of the splits asked for in " + Joined(folders));
  }
  return samples;
}

void DropLabels(double share, bool keep_images, uint64_t seed, SampleSet* samples) {
  // Rows in an order of their own, of which the first keep their labels.
  std::vector<std::pair<uint64_t, size_t>> order;
  for (size_t row = 0; row < samples->present.size(); ++row) {
    if ((samples->present[row] & (kHasJoints2 | kHasJoints3)) == 0) continue;
    order.emplace_back(Random(seed, row, kLabelStream, Purpose::kTrainOrder).NextU64(), row);
  }
  std::sort(order.begin(), order.end());
  const size_t kept = static_cast<size_t>(std::llround(share * static_cast<double>(order.size())));
  for (size_t i = kept; i < order.size(); ++i) {
    const size_t row = order[i].second;
    samples->present[row] &= keep_images ? uint32_t{kHasRgb} : 0;
    samples->bone_mm[row] = 0;
  }
}

double MedianFocalOverSize(const SampleSet& samples) {
  std::vector<float> values = samples.focal_over_size;
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace handforge
