#include "io/import/ho3d.h"

#include "io/conventions.h"
#include "io/core/error.h"
#include "io/files.h"
#include "io/import/pickled_labels.h"
#include "io/import/sized_picture.h"
#include "io/interrupt.h"
#include "io/parallel.h"
#include "io/published_poses.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace handforge {
namespace {

namespace fs = std::filesystem;

constexpr int kWidthPx = 640;
constexpr int kHeightPx = 480;
constexpr double kMmPerMetre = 1000;
constexpr double kDepthMmPerNumber = 0.12498664727900177;
// Between a wrist in evaluation_xyz.json and that of the meta, which are the same numbers.
constexpr double kMostApartMm = 0.1;

// ---- The lists ----------------------------------------------------------------------------------

struct Frame {
  std::string sequence;  // "ABF10"
  std::string number;    // "0000"
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

std::optional<Frame> ParseLine(std::string_view line) {
  constexpr size_t kMostDigits = 9;
  const size_t slash = line.find('/');
  if (slash == 0 || slash == std::string_view::npos) return std::nullopt;
  const std::string_view sequence = line.substr(0, slash), number = line.substr(slash + 1);
  const auto is_name = [](char c) { return IsLetter(c) || IsDigit(c); };
  if (!std::all_of(sequence.begin(), sequence.end(), is_name) || number.empty() ||
      number.size() > kMostDigits || !std::all_of(number.begin(), number.end(), IsDigit)) {
    return std::nullopt;
  }
  return Frame{std::string(sequence), std::string(number)};
}

std::vector<Frame> ReadList(const fs::path& file) {
  std::istringstream lines(ReadText(file));
  std::vector<Frame> frames;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (line.empty()) continue;
    std::optional<Frame> frame = ParseLine(line);
    if (!frame) {
      throw DataError(file.string() + ", line " + std::to_string(number) + ": '" +
                      line.substr(0, 40) + "', expected sequence and frame such as ABF10/0000");
    }
    frames.push_back(std::move(*frame));
  }
  return frames;
}

struct SceneAndView {
  std::string scene;
  int32_t view_id = 0;
};

SceneAndView SceneOf(const std::string& sequence) {
  const size_t length = sequence.size();
  if (length < 3 || !IsDigit(sequence[length - 1]) || !IsDigit(sequence[length - 2])) {
    return {sequence, 0};
  }
  // The star keeps scene SM1 of SM10 apart from a sequence SM1.
  return {sequence.substr(0, length - 1) + "*", sequence[length - 1] - '0'};
}

// ---- Metas --------------------------------------------------------------------------------------

struct Meta {
  PinholeCamera camera;
  Eigen::MatrixXd joints_m;  // {21, 3} or {1, 3}, as stored
};

// Empty where the frame has no labels.
std::optional<Meta> ReadMeta(const fs::path& file, int num_joints) {
  const std::string place = file.string() + ": ";
  const Pickle pickle = ReadPickle(file);
  const PickleDict& labels = PickledLabels(pickle.root, place);
  for (const char* key : {"camMat", "handJoints3D"}) {
    if (std::holds_alternative<std::monostate>(PickledField(labels, key, place))) return {};
  }
  const Eigen::Matrix3d K = PickledPoints(labels, "camMat", 3, place);
  return Meta{CameraOfK(K, kWidthPx, kHeightPx, place),
              PickledPoints(labels, "handJoints3D", num_joints, place)};
}

// OpenGL's axes, metres.
Joints3 JointsInCam(const Eigen::MatrixXd& stored_m) {
  static const Convention& convention = FindConvention("ho3d_mano21");
  const Joints3 joints = kMmPerMetre * ToCanonical(convention, stored_m);
  return joints * Eigen::DiagonalMatrix<double, 3>(1, -1, -1);
}

// ---- The set ------------------------------------------------------------------------------------

class Ho3d : public PublishedDataset {
 public:
  Ho3d(fs::path folder, int threads) : folder_(std::move(folder)), threads_(threads) {
    if (Has("train.txt")) AddTraining();
    if (Has("evaluation.txt")) AddEvaluation();
    if (!label_files_.empty()) return;
    throw DataError(folder_.string() +
                    ": is no HO-3D (v2 or v3): expected train.txt or evaluation.txt, each with "
                    "the folder of its sequences");
  }

  PublishedPicture ReadPicture(const PublishedHand& hand) const override {
    const fs::path colours = folder_ / hand.picture;
    const fs::path sequence = colours.parent_path().parent_path();
    PublishedPicture picture;
    picture.rgb = ReadSizedPicture(colours, hand.camera);
    const ImageU8 stored =
        ReadSizedNumbers(sequence / "depth" / (colours.stem().string() + ".png"), hand.camera);
    picture.depth = DepthOfNumbers(NumbersOfChannels(stored, 0, 1), kDepthMmPerNumber);
    return picture;
  }

 private:
  using Metas = std::vector<std::optional<Meta>>;

  bool Has(const std::string& name) const {
    std::error_code unknown;
    return fs::exists(folder_ / name, unknown);
  }

  std::vector<Frame> ReadFrames(const std::string& split) {
    label_files_.push_back(split + ".txt");
    return ReadList(folder_ / label_files_.back());
  }

  Metas ReadMetas(const std::string& split, const std::vector<Frame>& frames, int num_joints) {
    files_of_pictures_.push_back(split + "/*/meta/*.pkl");
    Metas metas(frames.size());
    ParallelFor(frames.size(), threads_, [&](int, size_t i) {
      ThrowIfInterrupted("reading labels");
      const Frame& frame = frames[i];
      metas[i] =
          ReadMeta(folder_ / split / frame.sequence / "meta" / (frame.number + ".pkl"), num_joints);
    });
    return metas;
  }

  void AddTraining() {
    const std::vector<Frame> frames = ReadFrames("train");
    const Metas metas = ReadMetas("train", frames, kNumJoints);
    for (size_t i = 0; i < frames.size(); ++i) {
      if (metas[i]) {
        AddFrame("train", frames[i], i, *metas[i], metas[i]->joints_m);
      } else {
        LeaveOut("not_labelled", Split::kTrain);
      }
    }
    first_image_id_ = static_cast<int64_t>(frames.size());
  }

  void AddEvaluation() {
    const std::vector<Frame> frames = ReadFrames("evaluation");
    if (!Has("evaluation_xyz.json")) {
      for (size_t i = 0; i < frames.size(); ++i) LeaveOut("no_evaluation_xyz_json", Split::kTest);
      return;
    }
    const std::vector<Points3> joints_mm = ReadEvaluationJoints(frames.size());
    const Metas metas = ReadMetas("evaluation", frames, 1);
    const std::vector<bool> wrist_elsewhere = WristsElsewhere(joints_mm, metas);
    for (size_t i = 0; i < frames.size(); ++i) {
      if (wrist_elsewhere[i]) {
        LeaveOut("wrist_elsewhere", Split::kTest);
      } else if (metas[i]) {
        AddFrame("evaluation", frames[i], i, *metas[i], joints_mm[i] / kMmPerMetre);
      } else {
        LeaveOut("not_labelled", Split::kTest);
      }
    }
  }

  // In millimetres, else as stored.
  std::vector<Points3> ReadEvaluationJoints(size_t num_frames) {
    label_files_.emplace_back("evaluation_xyz.json");
    const fs::path file = folder_ / label_files_.back();
    std::vector<Points3> joints_mm = ReadPoseFile(FindPoseFileFormat("freihand"), file);
    if (joints_mm.size() == num_frames) return joints_mm;
    throw DataError(file.string() + ": has " + std::to_string(joints_mm.size()) +
                    " frames, expected " + std::to_string(num_frames) + " as evaluation.txt lists");
  }

  // Which frames have another wrist in the list than in their meta: the two have nothing but their
  // order to go by.
  std::vector<bool> WristsElsewhere(const std::vector<Points3>& joints_mm,
                                    const Metas& metas) const {
    std::vector<bool> elsewhere(metas.size(), false);
    size_t known = 0, apart = 0;
    for (size_t i = 0; i < metas.size(); ++i) {
      if (!metas[i]) continue;
      const Eigen::RowVector3d wrist_mm = kMmPerMetre * metas[i]->joints_m.row(0);
      elsewhere[i] = !((joints_mm[i].row(0) - wrist_mm).norm() <= kMostApartMm);
      ++known;
      apart += elsewhere[i];
    }
    if (2 * apart <= known) return elsewhere;
    throw DataError((folder_ / "evaluation_xyz.json").string() + ": the first joint of " +
                    std::to_string(apart) + " of " + std::to_string(known) +
                    " frames is not the one of the meta ('handJoints3D'); expected the frames of "
                    "evaluation.txt, line by line, in metres, of the same version");
  }

  void AddFrame(const std::string& split,
                const Frame& frame,
                size_t line,
                const Meta& meta,
                const Eigen::MatrixXd& joints_m) {
    const SceneAndView scene = SceneOf(frame.sequence);
    PublishedHand hand;
    hand.picture = PictureOf(split + "/" + frame.sequence + "/rgb/" + frame.number);
    hand.image_id = first_image_id_ + static_cast<int64_t>(line);
    const auto next = static_cast<int64_t>(scenes_.size());
    hand.sequence_id = scenes_.emplace(split + "/" + scene.scene, next).first->second;
    std::from_chars(frame.number.data(), frame.number.data() + frame.number.size(), hand.frame);
    hand.view_id = scene.view_id;
    hand.split = split == "train" ? Split::kTrain : Split::kTest;
    hand.handedness = Handedness::kRight;
    hand.camera = meta.camera;
    hand.joints_in_cam = JointsInCam(joints_m);
    hand.visible.fill(kVisibilityUnknown);
    Add(std::move(hand));
  }

  std::string PictureOf(const std::string& stem) const {
    return Has(stem + ".png") ? stem + ".png" : stem + ".jpg";
  }

  const fs::path folder_;
  const int threads_;
  int64_t first_image_id_ = 0;             // of the evaluation
  std::map<std::string, int64_t> scenes_;  // by split and name
};

}  // namespace

std::unique_ptr<PublishedDataset> OpenHo3d(const fs::path& folder, int threads) {
  return std::make_unique<Ho3d>(folder, threads);
}

}  // namespace handforge
