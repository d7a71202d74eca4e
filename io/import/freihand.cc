#include "io/import/freihand.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/import/sized_picture.h"
#include "io/json_text.h"
#include "io/published_poses.h"

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace handforge {
namespace {

namespace fs = std::filesystem;

constexpr int kSizePx = 224;
constexpr int kCopies = 4;
constexpr uint8_t kMaskThreshold = 128;  // the masks are JPEGs: values near 0 and near 255

struct Labels {
  std::vector<PinholeCamera> cameras;
  std::vector<Points3> joints_in_cam;

  int64_t size() const { return static_cast<int64_t>(cameras.size()); }
};

// "training/rgb/00000012.jpg"
std::string PictureName(const std::string& folder, int64_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "/%08lld.jpg", static_cast<long long>(number));
  return folder + name;
}

PinholeCamera ParseCamera(const nlohmann::json& rows, const std::string& place) {
  Eigen::Matrix3d K;
  try {
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) K(i, j) = rows.at(i).at(j).get<double>();
    }
  } catch (const nlohmann::json::exception& error) {
    throw DataError(place + "expected 3 x 3 numbers: " + error.what());
  }
  return CameraOfK(K, kSizePx, kSizePx, place);
}

std::vector<PinholeCamera> ReadCameras(const fs::path& file) {
  const auto json = ParseJson<nlohmann::json>(ReadText(file), file.string());
  if (!json.is_array()) throw DataError(file.string() + ": expected a list of 3 x 3 numbers");
  std::vector<PinholeCamera> cameras;
  cameras.reserve(json.size());
  for (const nlohmann::json& rows : json) {
    const std::string place = file.string() + ", sample " + std::to_string(cameras.size()) + ": ";
    cameras.push_back(ParseCamera(rows, place));
  }
  return cameras;
}

Labels ReadLabels(const fs::path& K_file, const fs::path& xyz_file) {
  Labels labels;
  labels.joints_in_cam = ReadPoseFile(FindPoseFileFormat("freihand"), xyz_file);
  labels.cameras = ReadCameras(K_file);
  if (labels.cameras.size() != labels.joints_in_cam.size()) {
    throw DataError(K_file.string() + " has " + std::to_string(labels.cameras.size()) +
                    " samples, " + xyz_file.string() + " has " +
                    std::to_string(labels.joints_in_cam.size()) + "; expected as many");
  }
  return labels;
}

ImageU8 PalmMask(const ImageU8& rgb) {
  ImageU8 mask(rgb.width, rgb.height);
  for (size_t i = 0; i < mask.pixels.size(); ++i) {
    mask.pixels[i] = rgb.pixels[3 * i] >= kMaskThreshold ? kPartPalm : kPartBackground;
  }
  return mask;
}

class Freihand : public PublishedDataset {
 public:
  explicit Freihand(fs::path folder) : folder_(std::move(folder)) {
    const bool has_training = Has("training_xyz.json");
    const bool has_evaluation = Has("evaluation_xyz.json");
    if (!has_training && !has_evaluation) {
      throw DataError(folder_.string() +
                      ": is no FreiHAND (FreiHAND_pub_v2): expected training_xyz.json or "
                      "evaluation_xyz.json, each with its _K.json");
    }
    if (has_training) AddTraining();
    if (has_evaluation) AddEvaluation();
  }

  PublishedPicture ReadPicture(const PublishedHand& hand) const override {
    PublishedPicture picture;
    picture.rgb = ReadSizedPicture(folder_ / hand.picture, hand.camera);
    if (hand.split == Split::kTrain) {
      const std::string mask = PictureName("training/mask", hand.image_id % num_training_);
      picture.mask = PalmMask(ReadSizedPicture(folder_ / mask, hand.camera));
    }
    return picture;
  }

 private:
  bool Has(const std::string& name) const {
    std::error_code unknown;
    return fs::exists(folder_ / name, unknown);
  }

  Labels ReadSplit(const std::string& split) {
    label_files_.push_back(split + "_K.json");
    label_files_.push_back(split + "_xyz.json");
    return ReadLabels(folder_ / (split + "_K.json"), folder_ / (split + "_xyz.json"));
  }

  // Looks at the first and the last picture only.
  bool HasCopy(int copy) const {
    const std::string first = PictureName("training/rgb", copy * num_training_);
    const std::string last = PictureName("training/rgb", (copy + 1) * num_training_ - 1);
    if (Has(first) == Has(last)) return Has(first);
    throw DataError((folder_ / (Has(first) ? last : first)).string() +
                    ": is missing, although other pictures of copy " + std::to_string(copy) +
                    " are there");
  }

  std::vector<int> FindCopies() const {
    std::vector<int> copies;
    for (int copy = 0; copy < kCopies; ++copy) {
      if (HasCopy(copy)) copies.push_back(copy);
    }
    if (copies.empty()) {
      throw DataError((folder_ / PictureName("training/rgb", 0)).string() +
                      ": is missing, as is every copy of the training pictures");
    }
    // Labels that were cut down without renumbering the pictures would go with the wrong ones.
    const std::string beyond = PictureName("training/rgb", kCopies * num_training_);
    if (Has(beyond)) {
      throw DataError((folder_ / beyond).string() + ": is beyond the 4 copies of " +
                      std::to_string(num_training_) + " samples in training_xyz.json");
    }
    return copies;
  }

  void AddTraining() {
    const Labels labels = ReadSplit("training");
    num_training_ = labels.size();
    for (const int copy : FindCopies()) {
      for (int64_t sample = 0; sample < num_training_; ++sample) {
        PublishedHand hand = HandOf(labels, sample);
        hand.image_id = sample + copy * num_training_;
        hand.picture = PictureName("training/rgb", hand.image_id);
        hand.sequence_id = sample;
        hand.frame = copy;
        hand.split = Split::kTrain;
        Add(std::move(hand));
      }
    }
  }

  void AddEvaluation() {
    const Labels labels = ReadSplit("evaluation");
    for (int64_t sample = 0; sample < labels.size(); ++sample) {
      PublishedHand hand = HandOf(labels, sample);
      hand.image_id = kCopies * num_training_ + sample;
      hand.picture = PictureName("evaluation/rgb", sample);
      hand.sequence_id = num_training_ + sample;
      hand.split = Split::kTest;
      Add(std::move(hand));
    }
  }

  static PublishedHand HandOf(const Labels& labels, int64_t sample) {
    PublishedHand hand;
    hand.handedness = Handedness::kRight;
    hand.camera = labels.cameras[static_cast<size_t>(sample)];
    hand.joints_in_cam = labels.joints_in_cam[static_cast<size_t>(sample)];
    hand.visible.fill(kVisibilityUnknown);
    return hand;
  }

  fs::path folder_;
  int64_t num_training_ = 0;  // N of the header
};

}  // namespace

std::unique_ptr<PublishedDataset> OpenFreihand(const fs::path& folder) {
  return std::make_unique<Freihand>(folder);
}

}  // namespace handforge
