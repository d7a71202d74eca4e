#include "vae/samples.h"

#include "io/core/error.h"
#include "io/core/random.h"
#include "io/core/tuple.h"
#include "io/dataset.h"
#include "io/files.h"
#include "vae/augment.h"
#include "vae/targets.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace handforge {
namespace {

constexpr uint64_t kRowsPerRead = 256;  // bounds memory while a shard is read
// Largest distance of the principal point from the image centre, as a share of the width: beyond it
// a picture is not near what a camera that looks at the crop's centre would see.
constexpr double kFurthestPrincipalPoint = 0.25;
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

// Rows [first, first + count) of the columns training needs; pictures only where wanted.
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
  std::vector<int32_t> object_shape;  // {count, kMaxObjects}; empty where no column says
  std::vector<uint8_t> other_hand;    // likewise
  std::vector<uint32_t> present;

  RawRows(const ShardReader& shard, uint64_t first_row, uint64_t num_rows, bool with_pixels)
      : first(first_row),
        count(num_rows),
        joints_3d(shard.Read<float>("joints_3d", first, count)),
        joints_2d(shard.Read<float>("joints_2d", first, count)),
        K(shard.Read<float>("K", first, count)),
        handedness(shard.Read<uint8_t>("handedness", first, count)),
        visible(shard.Read<uint8_t>("visible", first, count)),
        labelled(shard.Read<uint8_t>("labelled", first, count)),
        split(shard.Read<uint8_t>("split", first, count)),
        present(shard.Read<uint32_t>("present", first, count)) {
    if (shard.Has("object_shape")) object_shape = shard.Read<int32_t>("object_shape", first, count);
    if (shard.Has("other_hand")) other_hand = shard.Read<uint8_t>("other_hand", first, count);
    if (!with_pixels) return;
    rgb = shard.Read<uint8_t>("rgb", first, count);
    mask = shard.Read<uint8_t>("mask", first, count);
    depth = shard.Read<uint16_t>("depth", first, count);
  }

  bool Obstructed(uint64_t row) const {
    const auto hidden = [](uint8_t code) {
      return code == kHiddenByOccluder || code == kHiddenByOtherHand;
    };
    const uint8_t* seen = visible.data() + row * kNumJoints;
    if (std::any_of(seen, seen + kNumJoints, hidden)) return true;
    if (!other_hand.empty() && other_hand[row] != 0) return true;
    const auto stands = [](int32_t shape) { return shape >= 0; };
    const size_t objects = object_shape.size() / count;
    const auto first_object = object_shape.begin() + static_cast<ptrdiff_t>(row * objects);
    return std::any_of(first_object, first_object + static_cast<ptrdiff_t>(objects), stands);
  }
};

// Where a row of a split belongs, null where it is not wanted.
using SetOf = std::function<SampleSet*(Split)>;

// Turns the rows of one shard into samples.
class ShardLoader {
 public:
  ShardLoader(const ShardReader& shard, const SampleForm& form)
      : shard_(shard), form_(form), maker_(shard, form), image_px_(maker_.image_px()) {}

  // `start`: where the shard's first row comes from. `stored` takes the pictures' places instead of
  // the pictures, where it is not null.
  void Load(const SampleOrigin& start, const SetOf& set_of, StoredPixels* stored) const {
    const uint32_t shard = stored == nullptr ? 0 : stored->AddShard(shard_, maker_);
    for (uint64_t first = 0; first < shard_.size(); first += kRowsPerRead) {
      const uint64_t count = std::min(kRowsPerRead, shard_.size() - first);
      const RawRows rows(shard_, first, count, /*with_pixels=*/stored == nullptr);
      for (uint64_t row = 0; row < rows.count; ++row) {
        CheckCode("split", rows.split[row], static_cast<uint8_t>(Split::kTest), first + row);
        CheckCode("handedness", rows.handedness[row], 1, first + row);
        SampleSet* const set = set_of(static_cast<Split>(rows.split[row]));
        if (set == nullptr) continue;
        AppendRow(rows, row, set);
        set->origin.push_back({start.folder, start.row + first + row});
        if (stored == nullptr) {
          AppendPixels(rows, row, set);
        } else {
          set->places.push_back(
              {shard, static_cast<uint32_t>(first + row), Side(rows.handedness[row])});
        }
      }
    }
  }

 private:
  void CheckCode(const char* column, uint8_t code, uint8_t highest, uint64_t row) const {
    if (code <= highest) return;
    throw DataError(shard_.file().string() + ": " + column + " of row " + std::to_string(row) +
                    " is " + std::to_string(code) + ", expected 0 to " + std::to_string(highest));
  }

  void AppendRow(const RawRows& rows, uint64_t row, SampleSet* samples) const {
    const Handedness side = form_.mirror_left ? Side(rows.handedness[row]) : Handedness::kRight;
    uint32_t present =
        rows.present[row] & (kHasRgb | kHasDepth | kHasMask | kHasJoints3 | kHasJoints2);
    if (!rows.labelled[row]) present &= kHasRgb | kHasDepth;
    const CropCamera camera = ReadCamera(rows, row);
    if (!AppendJoints3(rows, row, side, camera, samples)) present &= ~uint32_t{kHasJoints3};
    if ((present & kHasJoints3) == 0) samples->bone_mm.back() = 0;
    if (!AppendJoints2(rows, row, side, samples)) present &= ~uint32_t{kHasJoints2};
    samples->focal_over_size.push_back(static_cast<float>(camera.focal_over_size));
    const uint8_t* visible = rows.visible.data() + row * kNumJoints;
    samples->visible.insert(samples->visible.end(), visible, visible + kNumJoints);
    samples->handedness.push_back(rows.handedness[row]);
    samples->obstructed.push_back(rows.Obstructed(row) ? 1 : 0);
    samples->present.push_back(present);
  }

  void AppendPixels(const RawRows& rows, uint64_t row, SampleSet* samples) const {
    const size_t count = rows.count;
    const SamplePixels pixels = maker_.Make(rows.rgb.data() + row * (rows.rgb.size() / count),
                                            rows.mask.data() + row * (rows.mask.size() / count),
                                            rows.depth.data() + row * (rows.depth.size() / count),
                                            Side(rows.handedness[row]));
    const auto append = [](const auto& values, auto* all) {
      all->insert(all->end(), values.begin(), values.end());
    };
    append(pixels.rgb, &samples->rgb);
    append(pixels.alpha, &samples->alpha);
    append(pixels.depth, &samples->depth);
  }

  static Handedness Side(uint8_t stored) { return static_cast<Handedness>(stored); }

  struct CropCamera {
    double focal_over_size = 1;
    std::array<double, 2> principal = {0, 0};  // from the centre, in half crops
  };

  // Returns whether the row has usable 3D labels.
  bool AppendJoints3(const RawRows& rows,
                     uint64_t row,
                     Handedness side,
                     const CropCamera& camera,
                     SampleSet* samples) const {
    const Joints3 joints = Eigen::Map<const Eigen::Matrix<float, kNumJoints, 3, Eigen::RowMajor>>(
                               rows.joints_3d.data() + row * kNumJoints * 3)
                               .cast<double>();
    const bool usable = joints.allFinite() && ReferenceBoneLength(joints) >= kMinBoneMm;
    std::array<float, kNumJoints * 3> normalised{};
    if (usable) {
      const double unit_mm = form_.metric ? kMetricUnitMm : ReferenceBoneLength(joints);
      CentreJoints3(joints, unit_mm, side, normalised.data());
      LookAtTheCrop(camera, side, normalised.data());
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

  // A picture that was shifted is one of a camera that looks elsewhere: the joints are put into the
  // axes of one that looks at its centre, as where a shift is drawn in training.
  static void LookAtTheCrop(const CropCamera& camera, Handedness side, float* joints3) {
    AugmentDraw shifted;
    shifted.focal = 2 * camera.focal_over_size;
    shifted.shift = camera.principal;
    if (side == Handedness::kLeft) shifted.shift[0] *= -1;
    MoveJoints3(shifted, joints3);
  }

  CropCamera ReadCamera(const RawRows& rows, uint64_t row) const {
    const float* K = rows.K.data() + row * 9;
    const double centre = (image_px_ - 1) / 2.0;
    const double offset = std::max(std::abs(K[2] - centre), std::abs(K[5] - centre));
    if (!(K[0] > 0) || !(offset <= kFurthestPrincipalPoint * image_px_)) {
      throw DataError(shard_.file().string() + ": K of row " + std::to_string(rows.first + row) +
                      " has f = " + std::to_string(K[0]) + " px and its principal point " +
                      std::to_string(offset) + " px off the centre; training needs crop cameras " +
                      "(f > 0, principal point within a quarter of the width of the centre)");
    }
    const double half = image_px_ / 2.0;
    return {static_cast<double>(K[0]) / image_px_,
            {(K[2] - centre) / half, (K[5] - centre) / half}};
  }

  const ShardReader& shard_;
  SampleForm form_;
  PixelMaker maker_;
  int image_px_;
};

// Growing by doubling would take half as much again.
void ReservePixels(uint64_t rows, SampleSet* samples) {
  const size_t pixels = rows * static_cast<size_t>(samples->rgb_px) * samples->rgb_px;
  samples->rgb.reserve(3 * pixels);
  samples->alpha.reserve(pixels);
  samples->depth.reserve(pixels);
}

// Loads every row of the folders into the set it belongs to. Returns where the pictures are read
// from that are too many for memory, else null.
std::shared_ptr<const StoredPixels> LoadShards(const std::vector<std::string>& folders,
                                               const SampleForm& form,
                                               uint64_t most_pixel_bytes,
                                               const SetOf& set_of) {
  std::vector<Dataset> datasets;
  uint64_t rows = 0;
  for (const std::string& folder : folders) {
    datasets.emplace_back(folder);
    rows += datasets.back().manifest().count;
  }
  const bool too_many = rows * SamplePixelBytes(form) > most_pixel_bytes;
  const auto stored = too_many ? std::make_shared<StoredPixels>() : nullptr;
  if (SampleSet* const most = set_of(Split::kTrain); most != nullptr && !too_many) {
    ReservePixels(rows, most);
  }
  for (size_t folder = 0; folder < datasets.size(); ++folder) {
    SampleOrigin start{static_cast<uint32_t>(folder), 0};
    for (size_t i = 0; i < datasets[folder].manifest().shards.size(); ++i) {
      const ShardReader shard = datasets[folder].OpenShard(i);
      ShardLoader(shard, form).Load(start, set_of, stored.get());
      start.row += shard.size();
    }
  }
  return stored;
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
  const bool to_pictures = std::any_of(pass.to.begin(), pass.to.end(), IsImage);
  std::vector<int64_t> rows, of_obstructed;
  for (int64_t row = 0; row < size(); ++row) {
    const auto has = [this, row](Modality modality) { return Has(row, modality); };
    if (!has(pass.from) || !std::all_of(pass.to.begin(), pass.to.end(), has)) continue;
    const bool blurs = to_pictures && obstructed[static_cast<size_t>(row)] != 0;
    (blurs ? of_obstructed : rows).push_back(row);
  }
  return rows.empty() ? of_obstructed : rows;
}

std::vector<int64_t> SampleSet::RowsFor(const Pair& pair) const {
  return RowsFor(Pass{pair.from, {pair.to}, 1});
}

PixelView SampleSet::Pixels(int64_t row, const PixelKinds& kinds) const {
  const size_t r = static_cast<size_t>(row);
  if (stored == nullptr) {
    const size_t first = r * static_cast<size_t>(rgb_px) * static_cast<size_t>(rgb_px);
    return {rgb.data() + 3 * first, alpha.data() + first, depth.data() + first, nullptr};
  }
  std::shared_ptr<const SamplePixels> pixels = stored->Read(places[r], kinds);
  return {pixels->rgb.data(), pixels->alpha.data(), pixels->depth.data(), std::move(pixels)};
}

void SampleSet::CopyInput(int64_t row, Modality modality, float* input) const {
  const size_t count = static_cast<size_t>(InputSize(modality, rgb_px));
  const size_t first = static_cast<size_t>(row) * count;
  const PixelKinds kinds{modality == Modality::kRgb, false, modality == Modality::kDepth};
  const PixelView view = IsImage(modality) ? Pixels(row, kinds) : PixelView();
  switch (modality) {
    case Modality::kRgb:
      std::transform(view.rgb, view.rgb + count, input, [](uint8_t value) {
        return static_cast<float>(value) / 255.0F;
      });
      return;
    case Modality::kJoints2:
      std::copy_n(joints2.data() + first, count, input);
      return;
    case Modality::kJoints3:
      std::copy_n(joints3.data() + first, count, input);
      return;
    case Modality::kDepth:
      std::transform(view.depth, view.depth + count, input, [](int8_t value) {
        return static_cast<float>(value) / kDepthLevels;
      });
      return;
  }
}

TrainingData LoadTrainingData(const std::vector<std::string>& folders,
                              const SampleForm& form,
                              uint64_t most_pixel_bytes) {
  TrainingData data{SampleSet(form.rgb_px), SampleSet(form.rgb_px), {}};
  SampleSet test(form.rgb_px);
  data.train.stored = LoadShards(folders, form, most_pixel_bytes, [&](Split split) {
    return split == Split::kTrain        ? &data.train
           : split == Split::kValidation ? &data.held_out
                                         : &test;
  });
  if (data.held_out.size() == 0) data.held_out = std::move(test);
  data.held_out.stored = data.train.stored;
  for (const std::string& folder : folders) {
    data.manifest_sha256.push_back(Sha256OfFile(ManifestPath(folder)));
  }
  if (data.train.size() == 0) {
    throw DataError("data: no row of the split \"train\" in " + Joined(folders));
  }
  return data;
}

SampleSet LoadSamples(const std::vector<std::string>& folders,
                      const SampleForm& form,
                      const std::vector<Split>& splits,
                      uint64_t most_pixel_bytes) {
  SampleSet samples(form.rgb_px);
  samples.stored = LoadShards(folders, form, most_pixel_bytes, [&](Split split) {
    const bool wanted =
        splits.empty() || std::find(splits.begin(), splits.end(), split) != splits.end();
    return wanted ? &samples : nullptr;
  });
  if (samples.size() == 0) {
    throw DataError("data: no row of the splits asked for in " + Joined(folders) +
                    "; split = all takes every row");
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
    samples->present[row] &= keep_images ? kHasRgb | kHasDepth : 0U;
    samples->bone_mm[row] = 0;
  }
}

int64_t LabelledRows(const SampleSet& samples) {
  return std::count_if(samples.present.begin(), samples.present.end(), [](uint32_t present) {
    return (present & (kHasJoints2 | kHasJoints3)) != 0;
  });
}

std::vector<int64_t> EvenlySpaced(const std::vector<int64_t>& rows, int64_t limit) {
  const int64_t count = static_cast<int64_t>(rows.size());
  if (limit <= 0 || limit >= count) return rows;
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < limit; ++i) {
    chosen.push_back(rows[static_cast<size_t>(i * count / limit)]);
  }
  return chosen;
}

double MedianFocalOverSize(const SampleSet& samples) {
  std::vector<float> values = samples.focal_over_size;
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace handforge
