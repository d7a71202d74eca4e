#include "io/import/stb.h"

#include "io/conventions.h"
#include "io/core/error.h"
#include "io/import/mat_file.h"
#include "io/import/sized_picture.h"

#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <Eigen/Geometry>

namespace handforge {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFramesOfSequence = 1500;
constexpr double kBaselineMm = 120.054;

// One of the four cameras.
struct Sensor {
  const char* prefix;  // of its pictures
  const char* labels;
  int number;  // in image_id
  int32_t view_id;
  PinholeCamera camera;
  Rigid3 sensor_from_labels;
};

PinholeCamera Camera(double fx, double fy, double cx, double cy) {
  return {640, 480, fx, fy, cx, cy};
}

Rigid3 RightFromLeft() {
  Rigid3 right_from_left;
  right_from_left.translation.x() = -kBaselineMm;
  return right_from_left;
}

Rigid3 ColourFromDepth() {
  const Eigen::Vector3d rotation(0.00531, -0.01196, 0.00301);  // axis times angle
  Rigid3 depth_from_colour;
  depth_from_colour.rotation =
      Eigen::AngleAxisd(rotation.norm(), rotation.normalized()).toRotationMatrix();
  depth_from_colour.translation = {-24.0381, -0.4563, -1.2326};
  return depth_from_colour.Inverse();
}

std::vector<Sensor> SensorsOf(StbCamera camera) {
  const PinholeCamera stereo = Camera(822.79041, 822.79041, 318.47345, 250.31296);
  const Sensor left = {"BB_left", "BB", 0, 0, stereo, {}};
  Sensor right = {"BB_right", "BB", 1, 0, stereo, RightFromLeft()};
  switch (camera) {
    case StbCamera::kLeft:
      return {left};
    case StbCamera::kRight:
      return {right};
    case StbCamera::kBoth:
      right.view_id = 1;
      return {left, right};
    case StbCamera::kColour:
      return {{"SK_color",
               "SK",
               2,
               0,
               Camera(607.92271, 607.88192, 314.78337, 236.42484),
               ColourFromDepth()}};
    case StbCamera::kDepth:
      return {{"SK_depth", "SK", 3, 0, Camera(475.62768, 474.77709, 336.41179, 238.77962), {}}};
  }
  throw UsageError("STB has no such camera");
}

std::vector<std::string> SequenceNames() {
  std::vector<std::string> names;
  for (const char* background : {"B1", "B2", "B3", "B4", "B5", "B6"}) {
    for (const char* motion : {"Counting", "Random"})
      names.push_back(background + (motion + std::string()));
  }
  return names;
}

// {21, 3} of frame `n`, in the canonical order, in the frame of the labels.
Joints3 LabelledJoints(const MatArray& labels, size_t n) {
  Eigen::MatrixXd published(kNumJoints, 3);
  for (int j = 0; j < kNumJoints; ++j) {
    for (int c = 0; c < 3; ++c) published(j, c) = labels.At(c, j, n);
  }
  static const Convention& convention = FindConvention("stb");
  Joints3 joints = ToCanonical(convention, published);
  const Eigen::RowVector3d palm = joints.row(kWrist), middle = joints.row(kMiddleMcp);
  joints.row(kWrist) = middle + 2 * (palm - middle);
  return joints;
}

class StbDataset : public PublishedDataset {
 public:
  StbDataset(fs::path folder, StbCamera camera)
      : folder_(std::move(folder)),
        is_depth_(camera == StbCamera::kDepth),
        sensors_(SensorsOf(camera)) {
    const std::vector<std::string> names = SequenceNames();
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string labels = "labels/" + names[i] + "_" + sensors_[0].labels + ".mat";
      const std::string pictures = PicturesOf(names[i]);
      std::error_code none;
      if (pictures.empty() || !fs::is_regular_file(folder_ / labels, none)) continue;
      label_files_.push_back(labels);
      AddSequence(static_cast<int64_t>(i), labels, pictures);
    }
    if (label_files_.empty()) {
      throw DataError(folder_.string() + ": has no sequence of STB; expected labels/" + names[0] +
                      "_" + sensors_[0].labels + ".mat with pictures images/" + names[0] + "/" +
                      sensors_[0].prefix + "_0.png (or " + names[0] + "/...), or the like of " +
                      names[1] + " ... " + names.back());
    }
  }

  PublishedPicture ReadPicture(const PublishedHand& hand) const override {
    const fs::path file = folder_ / hand.picture;
    PublishedPicture picture;
    if (is_depth_) {
      picture.depth =
          DepthOfNumbers(NumbersOfChannels(ReadSizedNumbers(file, hand.camera), 0, 1), 1);
    } else {
      picture.rgb = ReadSizedPicture(file, hand.camera);
    }
    return picture;
  }

 private:
  // Relative to the folder; empty where there are none.
  std::string PicturesOf(const std::string& sequence) const {
    for (const std::string& pictures : {"images/" + sequence, sequence}) {
      std::error_code none;
      if (fs::is_directory(folder_ / pictures, none)) return pictures;
    }
    return "";
  }

  void AddSequence(int64_t id, const std::string& labels_file, const std::string& pictures) {
    const MatArray labels =
        ReadMatArray(folder_ / labels_file, "handPara", {3, kNumJoints, kAnyLength});
    if (labels.shape[2] > kFramesOfSequence) {
      throw DataError((folder_ / labels_file).string() + ": 'handPara' has " +
                      std::to_string(labels.shape[2]) + " frames, expected at most " +
                      std::to_string(kFramesOfSequence));
    }
    for (size_t n = 0; n < labels.shape[2]; ++n) {
      const Joints3 joints = LabelledJoints(labels, n);
      for (const Sensor& sensor : sensors_) AddHand(id, n, pictures, sensor, joints);
    }
  }

  void AddHand(int64_t sequence,
               size_t frame,
               const std::string& pictures,
               const Sensor& sensor,
               const Joints3& joints) {
    PublishedHand hand;
    hand.picture = pictures + "/" + sensor.prefix + "_" + std::to_string(frame) + ".png";
    hand.image_id =
        4 * (static_cast<int64_t>(kFramesOfSequence) * sequence + static_cast<int64_t>(frame)) +
        sensor.number;
    hand.sequence_id = sequence;
    hand.frame = static_cast<int32_t>(frame);
    hand.view_id = sensor.view_id;
    hand.split = sequence < 2 ? Split::kTest : Split::kTrain;  // B1: the first two
    hand.handedness = Handedness::kLeft;
    hand.camera = sensor.camera;
    hand.joints_in_cam = sensor.sensor_from_labels.Apply(joints);
    hand.visible.fill(kVisibilityUnknown);
    Add(std::move(hand));
  }

  const fs::path folder_;
  const bool is_depth_;
  const std::vector<Sensor> sensors_;
};

}  // namespace

std::unique_ptr<PublishedDataset> OpenStb(const fs::path& folder, StbCamera camera) {
  return std::make_unique<StbDataset>(folder, camera);
}

}  // namespace handforge
