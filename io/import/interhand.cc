#include "io/import/interhand.h"

#include "io/conventions.h"
#include "io/core/error.h"
#include "io/files.h"
#include "io/import/sized_picture.h"
#include "io/json_text.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <fstream>
#include <functional>
#include <ios>
#include <limits>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int kBothHands = 2 * kNumJoints;  // right hand, then left
using JointMask = std::bitset<kBothHands>;
using BothHands = Eigen::Matrix<double, kBothHands, 3, Eigen::RowMajor>;

constexpr int64_t kMostPictures = int64_t{1} << 40;  // numbers of three splits fit 64 bits
constexpr int64_t kMostPx = 1 << 15;

const JointMask kRightHand((uint64_t{1} << kNumJoints) - 1);
const JointMask kLeftHand = kRightHand << kNumJoints;

// ---- Large files, piece by piece ----------------------------------------------------------------

// Parses the file and hands over each object that lies two levels deep, with the names of the two
// fields it lies in (the second is empty in a list), and forgets it. Throws DataError naming the
// file: missing, no JSON, nested deeper than any of these files.
void ForEachObject(
    const fs::path& file,
    const std::set<std::string>& unused_fields,
    const std::function<void(const std::array<std::string, 2>&, const Json&)>& take) {
  constexpr int kLevel = 2, kDeepest = 8;
  std::array<std::string, kLevel> names;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kDeepest) {
      throw DataError(file.string() + ": is nested more than " + std::to_string(kDeepest) +
                      " deep");
    }
    if (event == Json::parse_event_t::key) {
      const auto& name = parsed.get_ref<const std::string&>();
      if (depth == 1) names = {name, ""};
      if (depth == 2) names[1] = name;
      return depth <= kLevel || unused_fields.count(name) == 0;
    }
    if (depth != kLevel || event != Json::parse_event_t::object_end) return true;
    take(names, parsed);
    return false;
  };
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw DataError(file.string() + ": cannot be opened");
  try {
    if (!Json::parse(stream, watch).is_object()) {
      throw DataError(file.string() + ": is no JSON object");
    }
  } catch (const Json::exception& error) {
    throw DataError(file.string() + ": is no valid JSON: " + error.what());
  } catch (const std::ios_base::failure& error) {
    throw DataError(file.string() + ": cannot be read: " + error.what());
  }
}

// Lets `parse` complain of a value without knowing its place.
template <typename Parse>
void ParseAt(const std::string& place, const Parse& parse) {
  try {
    parse();
  } catch (const Json::exception& error) {
    throw DataError(place + ": " + error.what());
  } catch (const DataError& error) {
    throw DataError(place + ": " + error.what());
  }
}

void CheckLength(const Json& list, Eigen::Index expected) {
  if (list.is_array() && list.size() == static_cast<size_t>(expected)) return;
  throw DataError("'" + ShortText(list) + "', expected a list of " + std::to_string(expected));
}

// Captures and cameras are named by numbers, as numbers or as text.
std::string NameOf(const Json& value) {
  return value.is_number_integer() ? std::to_string(value.get<int64_t>())
                                   : value.get<std::string>();
}

// Values that stand alone may as well stand in lists of their own.
const Json& Single(const Json& value) { return value.is_array() ? value.at(0) : value; }

int64_t WholeNumber(const Json& object, const char* field, int64_t least, int64_t most) {
  const Json& value = object.at(field);
  const bool fits = value.is_number_integer() && value >= least && value <= most;
  if (fits) return value.get<int64_t>();
  throw DataError(std::string(field) + " is " + ShortText(value) +
                  ", expected a whole number from " + std::to_string(least) + " to " +
                  std::to_string(most));
}

template <typename Matrix>
Matrix ParseMatrix(const Json& rows) {
  Matrix matrix;
  CheckLength(rows, matrix.rows());
  for (int i = 0; i < matrix.rows(); ++i) {
    if (matrix.cols() > 1) CheckLength(rows[i], matrix.cols());
    for (int j = 0; j < matrix.cols(); ++j) {
      const Json& value = matrix.cols() > 1 ? rows[i][j] : Single(rows[i]);
      matrix(i, j) = value.get<double>();
    }
  }
  return matrix;
}

// 42 of 0, 1, false, true.
JointMask ParseMask(const Json& flags) {
  CheckLength(flags, kBothHands);
  JointMask mask;
  for (int i = 0; i < kBothHands; ++i) {
    const Json& flag = Single(flags[i]);
    mask[static_cast<size_t>(i)] = flag.is_boolean() ? flag.get<bool>() : flag.get<double>() != 0;
  }
  return mask;
}

// ---- The files of a split -----------------------------------------------------------------------

struct Picture {
  int64_t id = 0;
  std::string file;
  std::string capture;
  std::string camera;
  int frame = 0;
  int width_px = 0;
  int height_px = 0;
  int64_t subject = -1;
  int64_t sequence = 0;  // number in its split
};

struct Annotation {
  int64_t image_id = 0;
  JointMask hands;   // all joints of the hands that `hand_type` names
  JointMask inside;  // joints within the picture
};

struct View {
  int view_id = 0;
  Rigid3 cam_from_world;
  PinholeCamera camera;  // but for its size
};

struct Frame {
  BothHands joints_in_world;
  JointMask labelled;
};

JointMask ParseHandType(const Json& value) {
  const auto& type = value.get_ref<const std::string&>();
  if (type == "right") return kRightHand;
  if (type == "left") return kLeftHand;
  if (type == "interacting") return kRightHand | kLeftHand;
  throw DataError("hand_type '" + type + "', expected right, left or interacting");
}

Annotation ParseAnnotation(const Json& json) {
  return {WholeNumber(json, "image_id", 0, kMostPictures),
          ParseHandType(json.at("hand_type")),
          ParseMask(json.at("joint_valid"))};
}

void RequireRotation(const Eigen::Matrix3d& R, const std::string& what) {
  constexpr double kTolerance = 1e-3;
  const double off = (R * R.transpose() - Eigen::Matrix3d::Identity()).cwiseAbs().maxCoeff();
  if (off <= kTolerance && R.determinant() > 0) return;
  throw DataError(what + " is no rotation: R R^T is up to " + std::to_string(off) +
                  " off the identity, the determinant is " + std::to_string(R.determinant()));
}

View ParseView(const Json& capture, const std::string& name) {
  View view;
  const auto campos = ParseMatrix<Eigen::Vector3d>(capture.at("campos").at(name));
  view.cam_from_world.rotation = ParseMatrix<Eigen::Matrix3d>(capture.at("camrot").at(name));
  RequireRotation(view.cam_from_world.rotation, "camrot of camera " + name);
  view.cam_from_world.translation = -view.cam_from_world.rotation * campos;
  const auto focal = ParseMatrix<Eigen::Vector2d>(capture.at("focal").at(name));
  const auto centre = ParseMatrix<Eigen::Vector2d>(capture.at("princpt").at(name));
  view.camera = {0, 0, focal[0], focal[1], centre[0], centre[1]};
  if (!(focal.minCoeff() > 0)) {
    throw DataError("focal " + std::to_string(focal[0]) + ", " + std::to_string(focal[1]) +
                    " px of camera " + name + ", expected both above 0");
  }
  return view;
}

// By capture and camera, whose names the keys join.
using Views = std::unordered_map<std::string, View>;
using Frames = std::unordered_map<std::string, Frame>;

std::string Key(const std::string& capture, const std::string& name) {
  return capture + "/" + name;
}

void AddViews(const std::string& capture, const Json& parameters, Views* views) {
  int view_id = 0;
  for (const auto& camera : parameters.at("campos").items()) {  // sorted by name
    View view = ParseView(parameters, camera.key());
    view.view_id = view_id++;
    views->emplace(Key(capture, camera.key()), std::move(view));
  }
}

Views ReadViews(const fs::path& file) {
  const auto json = ParseJson<Json>(ReadText(file), file.string());
  Views views;
  for (const auto& capture : json.items()) {
    ParseAt(file.string() + ", capture " + capture.key(),
            [&] { AddViews(capture.key(), capture.value(), &views); });
  }
  return views;
}

Frames ReadFrames(const fs::path& file) {
  Frames frames;
  ForEachObject(file, {}, [&](const std::array<std::string, 2>& names, const Json& json) {
    const auto& [capture, frame] = names;
    ParseAt(file.string() + ", capture " + capture + ", frame " + frame, [&] {
      frames[Key(capture, frame)] = {ParseMatrix<BothHands>(json.at("world_coord")),
                                     ParseMask(json.at("joint_valid"))};
    });
  });
  if (frames.empty()) {
    throw DataError(file.string() +
                    ": holds no frame; expected {capture: {frame: {world_coord, joint_valid}}}");
  }
  return frames;
}

// All that the three files of one split say.
class SplitLabels {
 public:
  // `stem` as in ".../annotations/val/InterHand2.6M_val_".
  explicit SplitLabels(const std::string& stem)
      : camera_file_(stem + "camera.json"),
        data_file_(stem + "data.json"),
        views_(ReadViews(camera_file_)),
        frames_(ReadFrames(stem + "joint_3d.json")) {
    ReadData();
  }

  // Both sorted by the number of the picture.
  const std::vector<Picture>& pictures() const { return pictures_; }
  const std::vector<Annotation>& annotations() const { return annotations_; }
  int64_t num_sequences() const { return static_cast<int64_t>(sequences_.size()); }

  const Picture& PictureOf(const Annotation& annotation) const {
    const auto found =
        std::lower_bound(pictures_.begin(),
                         pictures_.end(),
                         annotation.image_id,
                         [](const Picture& picture, int64_t id) { return picture.id < id; });
    if (found != pictures_.end() && found->id == annotation.image_id) return *found;
    throw DataError(data_file_ + ": has no picture " + std::to_string(annotation.image_id) +
                    ", of which it has an annotation");
  }

  const View& ViewOf(const Picture& picture) const {
    const auto found = views_.find(Key(picture.capture, picture.camera));
    if (found != views_.end()) return found->second;
    throw DataError(camera_file_ + ": has no camera " + picture.camera + " of capture " +
                    picture.capture + ", which took " + picture.file);
  }

  // Null where the frame has no labels.
  const Frame* FrameOf(const Picture& picture) const {
    const auto found = frames_.find(Key(picture.capture, std::to_string(picture.frame)));
    return found == frames_.end() ? nullptr : &found->second;
  }

 private:
  void ReadData() {
    const auto place = [&](const char* list, size_t number) {
      return data_file_ + ", " + list + ", " + std::to_string(number);
    };
    const auto take = [&](const std::array<std::string, 2>& names, const Json& json) {
      if (names[0] == "images") {
        ParseAt(place("images", pictures_.size()),
                [&] { pictures_.push_back(ParsePicture(json)); });
      } else if (names[0] == "annotations") {
        ParseAt(place("annotations", annotations_.size()),
                [&] { annotations_.push_back(ParseAnnotation(json)); });
      }
    };
    ForEachObject(data_file_, {"bbox", "hand_type_valid"}, take);
    if (annotations_.empty()) {
      throw DataError(data_file_ + ": holds no hand; expected {images: [..], annotations: [..]}");
    }
    std::stable_sort(pictures_.begin(), pictures_.end(), [](const Picture& a, const Picture& b) {
      return a.id < b.id;
    });
    std::stable_sort(
        annotations_.begin(), annotations_.end(), [](const Annotation& a, const Annotation& b) {
          return a.image_id < b.image_id;
        });
    RequireNoneTwice();
  }

  void RequireNoneTwice() const {
    const auto picture = std::adjacent_find(
        pictures_.begin(), pictures_.end(), [](const Picture& a, const Picture& b) {
          return a.id == b.id;
        });
    if (picture != pictures_.end()) {
      throw DataError(data_file_ + ": has picture " + std::to_string(picture->id) + " twice");
    }
    const auto annotation = std::adjacent_find(
        annotations_.begin(), annotations_.end(), [](const Annotation& a, const Annotation& b) {
          return a.image_id == b.image_id && (a.hands & b.hands).any();
        });
    if (annotation != annotations_.end()) {
      throw DataError(data_file_ + ": has two annotations of one hand of picture " +
                      std::to_string(annotation->image_id));
    }
  }

  Picture ParsePicture(const Json& json) {
    Picture picture;
    picture.id = WholeNumber(json, "id", 0, kMostPictures);
    picture.file = json.at("file_name").get<std::string>();
    picture.capture = NameOf(json.at("capture"));
    picture.camera = NameOf(json.at("camera"));
    constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
    picture.frame = static_cast<int>(WholeNumber(json, "frame_idx", 0, kMost));
    picture.width_px = static_cast<int>(WholeNumber(json, "width", 1, kMostPx));
    picture.height_px = static_cast<int>(WholeNumber(json, "height", 1, kMostPx));
    picture.subject = WholeNumber(json, "subject", 0, kMost);
    const std::string sequence = Key(picture.capture, json.at("seq_name").get<std::string>());
    picture.sequence = sequences_.emplace(sequence, num_sequences()).first->second;
    return picture;
  }

  std::string camera_file_;
  std::string data_file_;
  Views views_;
  Frames frames_;
  std::vector<Picture> pictures_;
  std::vector<Annotation> annotations_;
  std::unordered_map<std::string, int64_t> sequences_;
};

// ---- The set ------------------------------------------------------------------------------------

class Interhand : public PublishedDataset {
 public:
  explicit Interhand(fs::path folder) : folder_(std::move(folder)) {
    AddSplit("train", Split::kTrain);
    AddSplit("val", Split::kValidation);
    AddSplit("test", Split::kTest);
    if (label_files_.empty()) {
      throw DataError(folder_.string() +
                      ": is no InterHand2.6M (v1.0): expected "
                      "annotations/train/InterHand2.6M_train_data.json or those of val or test");
    }
  }

  PublishedPicture ReadPicture(const PublishedHand& hand) const override {
    PublishedPicture picture;
    picture.rgb = ReadSizedPicture(folder_ / hand.picture, hand.camera);
    return picture;
  }

 private:
  void AddSplit(const std::string& name, Split split) {
    const std::string stem = "annotations/" + name + "/InterHand2.6M_" + name + "_";
    std::error_code unknown;
    if (!fs::exists(folder_ / (stem + "data.json"), unknown)) return;
    for (const char* part : {"data.json", "camera.json", "joint_3d.json"}) {
      label_files_.push_back(stem + part);
    }
    const SplitLabels labels((folder_ / stem).string());
    for (const Annotation& annotation : labels.annotations()) {
      const Picture& picture = labels.PictureOf(annotation);
      const View& view = labels.ViewOf(picture);
      PublishedHand hand = HandOf(picture, view);
      hand.picture = "images/" + name + "/" + picture.file;
      hand.split = split;
      AddHands(annotation, hand, view, labels.FrameOf(picture));
    }
    first_image_id_ += labels.pictures().back().id + 1;
    first_sequence_id_ += labels.num_sequences();
  }

  // What the hands of a picture share.
  PublishedHand HandOf(const Picture& picture, const View& view) const {
    PublishedHand hand;
    hand.image_id = first_image_id_ + picture.id;
    hand.sequence_id = first_sequence_id_ + picture.sequence;
    hand.frame = picture.frame;
    hand.view_id = view.view_id;
    hand.subject = picture.subject;
    hand.camera = view.camera;
    hand.camera.width_px = picture.width_px;
    hand.camera.height_px = picture.height_px;
    hand.visible.fill(kVisibilityUnknown);
    return hand;
  }

  void AddHands(const Annotation& annotation,
                const PublishedHand& common,
                const View& view,
                const Frame* frame) {
    for (const Handedness side : {Handedness::kRight, Handedness::kLeft}) {
      const bool right = side == Handedness::kRight;
      const JointMask joints = right ? kRightHand : kLeftHand;
      if ((annotation.hands & joints).none()) continue;
      if ((annotation.inside & joints).none()) {
        LeaveOut("outside_the_picture", common.split);
      } else if (frame == nullptr || (frame->labelled & joints) != joints) {
        LeaveOut("joints_not_labelled", common.split);
      } else {
        PublishedHand hand = common;
        hand.handedness = side;
        hand.joints_in_cam = view.cam_from_world.Apply(
            ToCanonical(right ? right_order_ : left_order_, frame->joints_in_world));
        Add(std::move(hand));
      }
    }
  }

  fs::path folder_;
  const Convention& right_order_ = FindConvention("interhand_right");
  const Convention& left_order_ = FindConvention("interhand_left");
  // Of the split that is being added.
  int64_t first_image_id_ = 0;
  int64_t first_sequence_id_ = 0;
};

}  // namespace

std::unique_ptr<PublishedDataset> OpenInterhand(const fs::path& folder) {
  return std::make_unique<Interhand>(folder);
}

}  // namespace handforge
