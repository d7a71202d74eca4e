#include "io/import/dexycb.h"

#include "io/conventions.h"
#include "io/core/error.h"
#include "io/import/npz_file.h"
#include "io/import/sized_picture.h"
#include "io/interrupt.h"
#include "io/parallel.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;

constexpr int kWidthPx = 640;
constexpr int kHeightPx = 480;
constexpr double kMmPerMetre = 1000;
constexpr int kMostFrames = 1000;  // of a sequence, in image_id; about 72 are published
constexpr double kNoHand = -1;     // all of joint_3d
constexpr double kHandInSeg = 255;

constexpr std::array<std::string_view, kDexYcbSubjects> kSubjects = {"20200709-subject-01",
                                                                     "20200813-subject-02",
                                                                     "20200820-subject-03",
                                                                     "20200903-subject-04",
                                                                     "20200908-subject-05",
                                                                     "20200918-subject-06",
                                                                     "20200928-subject-07",
                                                                     "20201002-subject-08",
                                                                     "20201015-subject-09",
                                                                     "20201022-subject-10"};
constexpr std::array<std::string_view, kDexYcbCameras> kSerials = {"836212060125",
                                                                   "839512060362",
                                                                   "840412060917",
                                                                   "841412060263",
                                                                   "932122060857",
                                                                   "932122060861",
                                                                   "932122061900",
                                                                   "932122062010"};

// ---- YAML ---------------------------------------------------------------------------------------

YAML::Node LoadYaml(const fs::path& file) {
  try {
    return YAML::LoadFile(file.string());
  } catch (const YAML::BadFile&) {
    throw DataError(file.string() + ": cannot be opened");
  } catch (const YAML::Exception& error) {
    throw DataError(file.string() + ": is no valid YAML: " + error.what());
  }
}

YAML::Node FieldOf(const YAML::Node& mapping, const char* name) {
  return mapping.IsMap() ? mapping[name] : YAML::Node(YAML::NodeType::Undefined);
}

// `name` is for messages.
template <typename T>
T ValueOf(const YAML::Node& node,
          const fs::path& file,
          const std::string& name,
          const std::string& expected) {
  T value{};
  if (node.IsDefined() && node.IsScalar() && YAML::convert<T>::decode(node, value)) return value;
  throw DataError(file.string() + ": " + name + " is " +
                  (node.IsDefined() ? "something else" : "missing") + ", expected " + expected);
}

PinholeCamera ReadCamera(const fs::path& file) {
  const YAML::Node color = FieldOf(LoadYaml(file), "color");
  const auto number = [&](const char* name) {
    return ValueOf<double>(color.IsDefined() ? FieldOf(color, name) : color,
                           file,
                           "color: " + std::string(name),
                           "a number of pixels");
  };
  Eigen::Matrix3d K = Eigen::Matrix3d::Identity();
  K(0, 0) = number("fx");
  K(1, 1) = number("fy");
  K(0, 2) = number("ppx");
  K(1, 2) = number("ppy");
  return CameraOfK(K, kWidthPx, kHeightPx, file.string() + ": ");
}

struct SequenceMeta {
  int num_frames = 0;
  Handedness side = Handedness::kRight;
};

Handedness SideOf(const YAML::Node& sides, const fs::path& file) {
  const bool is_one = sides.IsDefined() && sides.IsSequence() && sides.size() == 1;
  const auto side = is_one && sides[0].IsScalar() ? sides[0].Scalar() : "";
  if (side == "right") return Handedness::kRight;
  if (side == "left") return Handedness::kLeft;
  throw DataError(file.string() + ": mano_sides is " +
                  (side.empty() ? "no list of one" : "'" + side.substr(0, 40) + "'") +
                  ", expected [right] or [left]");
}

SequenceMeta ReadSequenceMeta(const fs::path& file) {
  const YAML::Node meta = LoadYaml(file);
  const std::string expected = "a number from 0 to " + std::to_string(kMostFrames);
  SequenceMeta read;
  read.num_frames = ValueOf<int>(FieldOf(meta, "num_frames"), file, "num_frames", expected);
  if (read.num_frames < 0 || read.num_frames > kMostFrames) {
    throw DataError(file.string() + ": num_frames is " + std::to_string(read.num_frames) +
                    ", expected " + expected);
  }
  read.side = SideOf(FieldOf(meta, "mano_sides"), file);
  return read;
}

// ---- Files --------------------------------------------------------------------------------------

std::string FrameFile(const std::string& stem, int frame, const char* extension) {
  char number[16];
  std::snprintf(number, sizeof number, "_%06d", frame);
  return stem + number + extension;
}

// Names of the folders in it.
std::vector<std::string> SortedFolders(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator item(folder, error), end; !error && item != end;
       item.increment(error)) {
    if (item->is_directory(error)) names.push_back(item->path().filename().string());
  }
  if (error) throw DataError(folder.string() + ": cannot be read: " + error.message());
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> SequencesOf(const fs::path& subject) {
  std::vector<std::string> names = SortedFolders(subject);
  if (names.size() == kDexYcbSequences) return names;
  throw DataError(subject.string() + ": has " + std::to_string(names.size()) +
                  " sequences, expected all " + std::to_string(kDexYcbSequences) +
                  ": which split each is of goes by their order");
}

// ---- The set ------------------------------------------------------------------------------------

class DexYcb : public PublishedDataset {
 public:
  DexYcb(fs::path folder, DexYcbProtocol protocol, int threads)
      : folder_(std::move(folder)), protocol_(protocol), threads_(threads) {
    std::vector<int> subjects;
    for (int subject = 0; subject < kDexYcbSubjects; ++subject) {
      std::error_code none;
      if (fs::is_directory(folder_ / kSubjects[subject], none)) subjects.push_back(subject);
    }
    if (subjects.empty()) {
      throw DataError(folder_.string() + ": is no DexYCB: expected folders " +
                      std::string(kSubjects.front()) + " ... " + std::string(kSubjects.back()) +
                      " and calibration");
    }
    ReadCameras();
    for (const int subject : subjects) AddSubject(subject);
    files_of_pictures_ = {"*/*/meta.yml", "*/*/*/labels_*.npz"};
  }

  PublishedPicture ReadPicture(const PublishedHand& hand) const override {
    const fs::path colours = folder_ / hand.picture, camera = colours.parent_path();
    PublishedPicture picture;
    picture.rgb = ReadSizedPicture(colours, hand.camera);
    const fs::path depth = camera / FrameFile("aligned_depth_to_color", hand.frame, ".png");
    const ImageU16 room = DepthOfNumbers(ReadSizedDepth(depth, hand.camera), 1);
    const std::vector<double> seg = ReadNpzArray(
        camera / FrameFile("labels", hand.frame, ".npz"), "seg", {kHeightPx, kWidthPx});
    picture.mask = ImageU8(kWidthPx, kHeightPx);
    picture.depth = ImageU16(kWidthPx, kHeightPx);
    for (size_t i = 0; i < seg.size(); ++i) {
      if (seg[i] != kHandInSeg) continue;
      picture.mask.pixels[i] = kPartPalm;
      picture.depth.pixels[i] = room.pixels[i];
    }
    return picture;
  }

 private:
  void ReadCameras() {
    for (int camera = 0; camera < kDexYcbCameras; ++camera) {
      label_files_.push_back("calibration/intrinsics/" + std::string(kSerials[camera]) +
                             "_640x480.yml");
      cameras_[camera] = ReadCamera(folder_ / label_files_.back());
    }
  }

  void AddSubject(int subject) {
    const std::vector<std::string> names = SequencesOf(folder_ / kSubjects[subject]);
    for (int sequence = 0; sequence < kDexYcbSequences; ++sequence) {
      const std::string path = std::string(kSubjects[subject]) + "/" + names[sequence];
      const SequenceMeta meta = ReadSequenceMeta(folder_ / path / "meta.yml");
      PublishedHand hand;
      hand.subject = subject + 1;
      hand.handedness = meta.side;
      hand.visible.fill(kVisibilityUnknown);
      const int number = kDexYcbSequences * subject + sequence;
      for (int camera = 0; camera < kDexYcbCameras; ++camera) {
        hand.view_id = camera;
        hand.camera = cameras_[camera];
        hand.split = DexYcbSplit(protocol_, subject, sequence, camera);
        hand.sequence_id =
            kDexYcbSubjects * kDexYcbSequences * static_cast<int>(hand.split) + number;
        hand.image_id = int64_t{kMostFrames} * (kDexYcbCameras * number + camera);
        AddFrames(path + "/" + std::string(kSerials[camera]), meta.num_frames, hand);
      }
    }
  }

  // Of one camera of a sequence; `first` is what all of its frames share, and the first one's
  // image_id.
  void AddFrames(const std::string& path, int num_frames, const PublishedHand& first) {
    std::vector<std::vector<double>> joints_m(static_cast<size_t>(num_frames));
    ParallelFor(joints_m.size(), threads_, [&](int, size_t frame) {
      ThrowIfInterrupted("reading labels");
      const std::string file = FrameFile("labels", static_cast<int>(frame), ".npz");
      joints_m[frame] = ReadNpzArray(folder_ / path / file, "joint_3d", {1, kNumJoints, 3});
    });
    for (int frame = 0; frame < num_frames; ++frame) {
      const std::vector<double>& stored = joints_m[static_cast<size_t>(frame)];
      const auto is_none = [](double number) { return number == kNoHand; };
      if (std::all_of(stored.begin(), stored.end(), is_none)) {
        LeaveOut("no_hand", first.split);
        continue;
      }
      PublishedHand hand = first;
      hand.picture = path + "/" + FrameFile("color", frame, ".jpg");
      hand.frame = frame;
      hand.image_id = first.image_id + frame;
      hand.joints_in_cam = JointsInCam(stored);
      Add(std::move(hand));
    }
  }

  static Joints3 JointsInCam(const std::vector<double>& stored_m) {
    using Stored = Eigen::Matrix<double, kNumJoints, 3, Eigen::RowMajor>;
    static const Convention& convention = FindConvention("dexycb");
    return kMmPerMetre * ToCanonical(convention, Eigen::Map<const Stored>(stored_m.data()));
  }

  const fs::path folder_;
  const DexYcbProtocol protocol_;
  const int threads_;
  std::array<PinholeCamera, kDexYcbCameras> cameras_;
};

}  // namespace

std::unique_ptr<PublishedDataset> OpenDexYcb(const fs::path& folder,
                                             DexYcbProtocol protocol,
                                             int threads) {
  return std::make_unique<DexYcb>(folder, protocol, threads);
}

}  // namespace handforge
