#include "io/import/nyu.h"

#include "io/conventions.h"
#include "io/core/error.h"
#include "io/import/mat_file.h"
#include "io/import/sized_picture.h"

#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

namespace handforge {
namespace {

namespace fs = std::filesystem;

constexpr int kCameras = 3;
constexpr int kPoints = 36;
constexpr int64_t kFirstSubjectOfTestFrames = 2440;
// In image_id; NYU has 72,757 frames to train with.
constexpr int64_t kMostFrames = 1'000'000;

const PinholeCamera kCamera = {640, 480, 588.036865, 587.075073, 320, 240};

// {21, 3} of frame `n` in the canonical order and camera frame.
Joints3 JointsOf(const MatArray& labels, int camera, int64_t n) {
  Eigen::MatrixXd published(kPoints, 3);
  for (int j = 0; j < kPoints; ++j) {
    for (int c = 0; c < 3; ++c) published(j, c) = labels.At(camera - 1, n, j, c);
  }
  published.col(1) *= -1;  // y up
  static const Convention& convention = FindConvention("nyu36");
  return ToCanonical(convention, published);
}

std::string PictureName(int camera, int64_t frame) {
  char name[48];
  std::snprintf(name, sizeof name, "depth_%d_%07lld.png", camera, static_cast<long long>(frame));
  return name;
}

class NyuDataset : public PublishedDataset {
 public:
  NyuDataset(fs::path folder, int camera) : folder_(std::move(folder)), camera_(camera) {
    for (const Split split : {Split::kTrain, Split::kTest}) {
      const std::string name = split == Split::kTest ? "test" : "train";
      std::error_code none;
      if (fs::is_directory(folder_ / name, none)) AddSplit(split, name);
    }
    if (label_files_.empty()) {
      throw DataError(folder_.string() +
                      ": has neither split of NYU; expected train/joint_data.mat, "
                      "test/joint_data.mat or both, each with its pictures " +
                      PictureName(camera_, 1) + " ...");
    }
  }

  PublishedPicture ReadPicture(const PublishedHand& hand) const override {
    PublishedPicture picture;
    const ImageU8 stored = ReadSizedNumbers(folder_ / hand.picture, hand.camera);
    picture.depth = DepthOfNumbers(NumbersOfChannels(stored, 2, 1), 1);
    return picture;
  }

 private:
  void AddSplit(Split split, const std::string& name) {
    const std::string file = name + "/joint_data.mat";
    const MatArray labels =
        ReadMatArray(folder_ / file, "joint_xyz", {kCameras, kAnyLength, kPoints, 3});
    const auto num_frames = static_cast<int64_t>(labels.shape[1]);
    if (num_frames >= kMostFrames) {
      throw DataError((folder_ / file).string() + ": 'joint_xyz' has " +
                      std::to_string(num_frames) + " frames, expected less than " +
                      std::to_string(kMostFrames));
    }
    label_files_.push_back(file);
    for (int64_t n = 0; n < num_frames; ++n) {
      AddHand(split, name, n + 1, JointsOf(labels, camera_, n));
    }
  }

  void AddHand(Split split, const std::string& name, int64_t frame, const Joints3& joints) {
    const bool test = split == Split::kTest;
    PublishedHand hand;
    hand.picture = name + "/" + PictureName(camera_, frame);
    hand.image_id = kCameras * (frame + (test ? kMostFrames : 0)) + camera_ - 1;
    hand.subject = !test ? 0 : frame <= kFirstSubjectOfTestFrames ? 1 : 2;
    hand.sequence_id = hand.subject;
    hand.frame = static_cast<int32_t>(frame);
    hand.view_id = camera_ - 1;
    hand.split = split;
    hand.handedness = Handedness::kRight;
    hand.camera = kCamera;
    hand.joints_in_cam = joints;
    hand.visible.fill(kVisibilityUnknown);
    Add(std::move(hand));
  }

  const fs::path folder_;
  const int camera_;
};

}  // namespace

std::unique_ptr<PublishedDataset> OpenNyu(const fs::path& folder, int camera) {
  if (camera < 1 || camera > kCameras) {
    throw UsageError("camera " + std::to_string(camera) + " of NYU: it has 1, 2 and 3");
  }
  return std::make_unique<NyuDataset>(folder, camera);
}

}  // namespace handforge
