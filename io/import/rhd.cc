#include "io/import/rhd.h"

#include "io/conventions.h"
#include "io/core/error.h"
#include "io/image_file.h"
#include "io/import/pickle.h"
#include "io/import/pickled_labels.h"
#include "io/import/sized_picture.h"
#include "io/parallel.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>

namespace handforge {
namespace {

namespace fs = std::filesystem;

constexpr int kSizePx = 320;
constexpr int kNumLabelled = 2 * kNumJoints;
constexpr double kMmPerMetre = 1000;
constexpr double kFarthestMm = 5000;  // of depth, stored as 65535
constexpr double kFarthestStored = 65535;
constexpr double kMostReprojectionPx = 2;
constexpr double kShortestBoneMm = 10;
constexpr double kLongestBoneMm = 200;

// Ids of the mask.
constexpr int kFirstIdOfLeft = 2;
constexpr int kFirstIdOfRight = 18;
constexpr int kIdsPerHand = kNumSegments + 1;
constexpr int kLastId = kFirstIdOfRight + kIdsPerHand - 1;

struct SplitOfRhd {
  Split split;
  std::string name;
  int64_t num_pictures;
  int64_t first_image_id;
};
const SplitOfRhd kSplits[] = {{Split::kTrain, "training", 41258, 0},
                              {Split::kTest, "evaluation", 2728, 41258}};

fs::path LabelFile(const SplitOfRhd& split) {
  return fs::path(split.name) / ("anno_" + split.name + ".pickle");
}

fs::path PictureFile(const SplitOfRhd& split, const char* kind, int64_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "%05lld.png", static_cast<long long>(number));
  return fs::path(split.name) / kind / name;
}

// ---- Labels -------------------------------------------------------------------------------------

struct HandLabels {
  Joints3 joints_in_cam;
  Joints2 joints_px;
  std::array<uint8_t, kNumJoints> visible{};
};

struct PictureLabels {
  int64_t number = 0;
  PinholeCamera camera;
  std::array<HandLabels, 2> hands;  // by Handedness
};

PictureLabels ParsePicture(int64_t number, const PickleValue& value, const std::string& place) {
  const PickleDict& labels = PickledLabels(value, place);
  const Eigen::MatrixXd xyz_m = PickledPoints(labels, "xyz", kNumLabelled, place);
  const Eigen::MatrixXd uv_visible = PickledPoints(labels, "uv_vis", kNumLabelled, place);
  PictureLabels picture;
  picture.number = number;
  picture.camera = CameraOfK(PickledPoints(labels, "K", 3, place), kSizePx, kSizePx, place);
  for (const Handedness side : {Handedness::kLeft, Handedness::kRight}) {
    const Convention& order = FindConvention(side == Handedness::kLeft ? "rhd_left" : "rhd_right");
    HandLabels& hand = picture.hands[static_cast<size_t>(side)];
    hand.joints_in_cam = kMmPerMetre * ToCanonical(order, xyz_m);
    const Eigen::MatrixXd own = ToCanonical(order, uv_visible);
    hand.joints_px = own.leftCols(2);
    for (int j = 0; j < kNumJoints; ++j) hand.visible[j] = own(j, 2) == 1 ? kVisible : kHidden;
  }
  return picture;
}

// The pictures by number.
std::vector<PictureLabels> ReadLabels(const fs::path& file, int64_t most_pictures) {
  const Pickle pickle = ReadPickle(file);
  const auto* pictures = std::get_if<PickleDict*>(&pickle.root);
  if (pictures == nullptr) throw DataError(file.string() + ": is no dict of pictures");
  std::vector<PictureLabels> labels;
  for (const auto& [key, value] : (*pictures)->items) {
    const int64_t* number = std::get_if<int64_t>(&key);
    if (number == nullptr || *number < 0 || *number >= most_pictures) {
      throw DataError(file.string() + ": holds a picture without a number from 0 to " +
                      std::to_string(most_pictures - 1));
    }
    labels.push_back(ParsePicture(
        *number, value, file.string() + ", picture " + std::to_string(*number) + ": "));
  }
  return labels;
}

// ---- Whether labels are what they should be -----------------------------------------------------

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// How far each visible joint lies from its pixel; infinitely where that cannot be told.
void AddReprojectionErrors(const HandLabels& hand,
                           const PinholeCamera& camera,
                           std::vector<double>* errors_px) {
  for (int j = 0; j < kNumJoints; ++j) {
    if (hand.visible[j] != kVisible) continue;
    const Eigen::Vector3d x = hand.joints_in_cam.row(j);
    const double error = (camera.Project(x) - hand.joints_px.row(j).transpose()).norm();
    const bool known = x.z() > 0 && std::isfinite(error);
    errors_px->push_back(known ? error : std::numeric_limits<double>::infinity());
  }
}

void CheckLabels(const fs::path& file, const std::vector<PictureLabels>& pictures) {
  std::vector<double> errors_px, bones_mm;
  for (const PictureLabels& picture : pictures) {
    for (const HandLabels& hand : picture.hands) {
      AddReprojectionErrors(hand, picture.camera, &errors_px);
      const double bone_mm = ReferenceBoneLength(hand.joints_in_cam);
      if (std::isfinite(bone_mm)) bones_mm.push_back(bone_mm);
    }
  }
  if (const double px = errors_px.empty() ? 0 : Median(errors_px); px > kMostReprojectionPx) {
    throw DataError(file.string() + ": K takes 'xyz' " + std::to_string(px) +
                    " px away from 'uv_vis' in the middle case, expected at most " +
                    std::to_string(kMostReprojectionPx) +
                    ": labels of another release, or in other axes");
  }
  const double mm = bones_mm.empty() ? kShortestBoneMm : Median(bones_mm);
  if (mm < kShortestBoneMm || mm > kLongestBoneMm) {
    throw DataError(file.string() + ": in the middle case the middle finger's first bone is " +
                    std::to_string(mm) + " mm long, expected " + std::to_string(kShortestBoneMm) +
                    " to " + std::to_string(kLongestBoneMm) + ": 'xyz' is not in metres");
  }
}

// ---- Pictures -----------------------------------------------------------------------------------

ImageU8 ReadMask(const fs::path& file, const PinholeCamera& camera) {
  ImageU8 mask = ReadGrey(file);
  RequireSizeOf(camera, mask.width, mask.height, file);
  const uint8_t most = *std::max_element(mask.pixels.begin(), mask.pixels.end());
  if (most > kLastId) {
    throw DataError(file.string() + ": holds the id " + std::to_string(most) + ", expected 0 to " +
                    std::to_string(kLastId));
  }
  return mask;
}

uint8_t PartOf(int id, Handedness side) {
  if (id < kFirstIdOfLeft) return kPartBackground;
  const int own = id - (side == Handedness::kLeft ? kFirstIdOfLeft : kFirstIdOfRight);
  if (own < 0 || own >= kIdsPerHand) return kPartOtherHand;
  if (own == kNumSegments) return kPartPalm;
  return SegmentPart(own / 3, 2 - own % 3);
}

uint16_t DepthOf(const uint8_t* rgb) {
  const double z_mm = (256 * rgb[0] + rgb[1]) * kFarthestMm / kFarthestStored;
  return static_cast<uint16_t>(std::lround(z_mm / kDepthUnitMm));
}

Handedness DominantHand(const ImageU8& mask) {
  const auto is_left = [](uint8_t id) { return id >= kFirstIdOfLeft && id < kFirstIdOfRight; };
  const auto is_right = [](uint8_t id) { return id >= kFirstIdOfRight; };
  const auto left = std::count_if(mask.pixels.begin(), mask.pixels.end(), is_left);
  const auto right = std::count_if(mask.pixels.begin(), mask.pixels.end(), is_right);
  return left > right ? Handedness::kLeft : Handedness::kRight;
}

class Rhd : public PublishedDataset {
 public:
  Rhd(fs::path folder, HandsOfPicture hands, int threads)
      : folder_(std::move(folder)), which_(hands), threads_(threads) {
    for (const SplitOfRhd& split : kSplits) {
      std::error_code unknown;
      if (fs::exists(folder_ / LabelFile(split), unknown)) AddSplit(split);
    }
    if (!label_files_.empty()) return;
    throw DataError(folder_.string() + ": holds neither " + LabelFile(kSplits[0]).string() +
                    " nor " + LabelFile(kSplits[1]).string());
  }

  PublishedPicture ReadPicture(const PublishedHand& hand) const override {
    const fs::path colours = folder_ / hand.picture;
    const fs::path split = colours.parent_path().parent_path();
    PublishedPicture picture;
    picture.rgb = ReadSizedPicture(colours, hand.camera);
    picture.mask = ReadMask(split / "mask" / colours.filename(), hand.camera);
    const ImageU8 stored = ReadSizedNumbers(split / "depth" / colours.filename(), hand.camera);
    picture.depth = ImageU16(kSizePx, kSizePx);
    for (size_t i = 0; i < picture.mask.pixels.size(); ++i) {
      uint8_t& part = picture.mask.pixels[i];
      part = PartOf(part, hand.handedness);
      if (part != kPartBackground) picture.depth.pixels[i] = DepthOf(&stored.pixels[3 * i]);
    }
    return picture;
  }

 private:
  void AddSplit(const SplitOfRhd& split) {
    const fs::path file = folder_ / LabelFile(split);
    const std::vector<PictureLabels> pictures = ReadLabels(file, split.num_pictures);
    CheckLabels(file, pictures);
    label_files_.push_back(LabelFile(split).string());
    std::vector<Handedness> dominant;
    if (which_ == HandsOfPicture::kDominant) dominant = DominantHands(split, pictures);
    for (size_t i = 0; i < pictures.size(); ++i) {
      for (const Handedness side : {Handedness::kLeft, Handedness::kRight}) {
        const PublishedHand hand = MakeHand(split, pictures[i], side);
        const std::string reason = dominant.empty()      ? WhyNot(hand)
                                   : side == dominant[i] ? ""
                                                         : "not_dominant";
        if (reason.empty()) {
          Add(hand);
        } else {
          LeaveOut(reason, split.split);
        }
      }
    }
  }

  std::vector<Handedness> DominantHands(const SplitOfRhd& split,
                                        const std::vector<PictureLabels>& pictures) const {
    std::vector<Handedness> dominant(pictures.size());
    ParallelFor(pictures.size(), threads_, [&](int, size_t i) {
      const fs::path mask = folder_ / PictureFile(split, "mask", pictures[i].number);
      dominant[i] = DominantHand(ReadMask(mask, pictures[i].camera));
    });
    return dominant;
  }

  static PublishedHand MakeHand(const SplitOfRhd& split,
                                const PictureLabels& picture,
                                Handedness side) {
    const HandLabels& labels = picture.hands[static_cast<size_t>(side)];
    PublishedHand hand;
    hand.picture = PictureFile(split, "color", picture.number).string();
    hand.image_id = split.first_image_id + picture.number;
    hand.split = split.split;
    hand.handedness = side;
    hand.camera = picture.camera;
    hand.joints_in_cam = labels.joints_in_cam;
    hand.visible = labels.visible;
    return hand;
  }

  // Why a hand is none to be seen; empty where it is one.
  static std::string WhyNot(const PublishedHand& hand) {
    if (std::count(hand.visible.begin(), hand.visible.end(), kVisible) == 0) {
      return "no_joint_visible";
    }
    for (int j = 0; j < kNumJoints; ++j) {
      const Eigen::Vector3d x = hand.joints_in_cam.row(j);
      // Joints that have no pixel are for Add() to judge.
      if (!(x.z() > 0) || hand.camera.Contains(hand.camera.Project(x))) return "";
    }
    return "outside_the_picture";
  }

  fs::path folder_;
  HandsOfPicture which_;
  int threads_;
};

}  // namespace

std::unique_ptr<PublishedDataset> OpenRhd(const fs::path& folder,
                                          HandsOfPicture hands,
                                          int threads) {
  return std::make_unique<Rhd>(folder, hands, threads);
}

}  // namespace handforge
