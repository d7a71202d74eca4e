#pragma once

#include "io/core/camera.h"
#include "io/core/image.h"
#include "io/core/tuple.h"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace handforge {

// What a published dataset says of one hand in one picture, in handforge's conventions.
struct PublishedHand {
  std::string picture;   // its file, relative to the folder of the dataset
  int64_t image_id = 0;  // number of the picture in the dataset; hands of one picture share it
  int64_t sequence_id = -1;
  int32_t frame = 0;
  int32_t view_id = 0;
  int64_t subject = -1;
  Split split = Split::kTrain;  // as published
  Handedness handedness = Handedness::kRight;
  PinholeCamera camera;  // of the whole picture
  Joints3 joints_in_cam = Joints3::Zero();
  // kVisible, what hides the joint, or kVisibilityUnknown; nothing is said of joints outside the
  // picture.
  std::array<uint8_t, kNumJoints> visible{};
};

// One picture whole, on the grid of `PublishedHand::camera`; empty where the dataset has none.
struct PublishedPicture {
  ImageU8 rgb;     // {H, W, 3}
  ImageU16 depth;  // {H, W}, z in units of kDepthUnitMm, 0 = nothing measured, or no hand's
  // {H, W}, `Part`: of the hand asked for; another hand is kPartOtherHand. Where a dataset tells
  // only hand from background, all of the hand is kPartPalm.
  ImageU8 mask;
};

// A dataset as its authors publish it, opened for reading: the splits that are there.
class PublishedDataset {
 public:
  virtual ~PublishedDataset() = default;

  // In the order of the dataset's own numbers. Each has 21 finite joints before the camera.
  const std::vector<PublishedHand>& hands() const { return hands_; }
  // Hands of a published split that were left out, by reason ("behind_the_camera").
  const std::map<std::string, uint64_t>& left_out(Split split) const {
    return left_out_[static_cast<size_t>(split)];
  }
  // Files of labels that were read, relative to the folder.
  const std::vector<std::string>& label_files() const { return label_files_; }
  // Files that are too many to name, as where each picture has its own: which these are
  // ("train/*/meta/*.pkl"). They are not among label_files().
  const std::vector<std::string>& files_of_pictures() const { return files_of_pictures_; }

  // Any number of threads may ask. Throws DataError naming the file and what is wrong with it: its
  // size is not the camera's, for one.
  virtual PublishedPicture ReadPicture(const PublishedHand& hand) const = 0;

 protected:
  // Keeps the hand, or counts why not: joints that are not finite ("no_number") or not before the
  // camera ("behind_the_camera").
  void Add(PublishedHand hand);
  void LeaveOut(const std::string& reason, Split split) {
    ++left_out_[static_cast<size_t>(split)][reason];
  }

  std::vector<std::string> label_files_;
  std::vector<std::string> files_of_pictures_;

 private:
  std::vector<PublishedHand> hands_;
  std::array<std::map<std::string, uint64_t>, 3> left_out_;  // by Split
};

// The camera of a matrix [fx, 0, cx; 0, fy, cy; 0, 0, 1]. Throws DataError beginning with `place`
// ("FILE, picture 3: ") where it is none such.
PinholeCamera CameraOfK(const Eigen::Matrix3d& K,
                        int width_px,
                        int height_px,
                        const std::string& place);

}  // namespace handforge
