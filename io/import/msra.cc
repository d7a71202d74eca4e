#include "io/import/msra.h"

#include "io/conventions.h"
#include "io/core/error.h"
#include "io/files.h"
#include "io/published_poses.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace handforge {
namespace {

namespace fs = std::filesystem;

constexpr int kWidthPx = 320;
constexpr int kHeightPx = 240;
constexpr int kSubjects = 9;
constexpr std::string_view kGestures[] = {
    "1", "2", "3", "4", "5", "6", "7", "8", "9", "I", "IP", "L", "MP", "RP", "T", "TIP", "Y"};
constexpr int kNumGestures = static_cast<int>(std::size(kGestures));
constexpr int kNumbersPerLine = 3 * kNumJoints;

// moberweger/deep-prior-pp: src/data/importers.py, first and last frame.
struct FaultyFrames {
  int subject;
  std::string_view gesture;
  int first;
  int last;
};
constexpr FaultyFrames kFaulty[] = {{2, "TIP", 172, 174},
                                    {2, "MP", 173, 175},
                                    {2, "MP", 345, 354},
                                    {2, "MP", 356, 356},
                                    {2, "MP", 359, 360},
                                    {3, "T", 120, 120},
                                    {3, "T", 489, 489},
                                    {8, "4", 168, 168}};

bool IsFaulty(int subject, std::string_view gesture, int frame) {
  return std::any_of(std::begin(kFaulty), std::end(kFaulty), [&](const FaultyFrames& f) {
    return f.subject == subject && f.gesture == gesture && f.first <= frame && frame <= f.last;
  });
}

// ---- joint.txt ----------------------------------------------------------------------------------

Points3 ParseLine(const std::string& line, const std::string& place) {
  Points3 points(kNumJoints, 3);
  const char* at = line.c_str();
  int count = 0;
  for (char* end = nullptr;; at = end, ++count) {
    const double value = std::strtod(at, &end);
    if (end == at) break;
    if (count < kNumbersPerLine) points(count / 3, count % 3) = value;
  }
  const std::string rest = at + std::strspn(at, " \t\r");
  if (!rest.empty()) throw DataError(place + "'" + rest.substr(0, 40) + "' is no number");
  if (count != kNumbersPerLine) {
    throw DataError(place + std::to_string(count) + " numbers, expected " +
                    std::to_string(kNumbersPerLine) + " (x y z of 21 joints)");
  }
  return points;
}

int ParseCount(const std::string& line, const std::string& place) {
  int count = -1;
  const char* first = line.data() + std::min(line.find_first_not_of(" \t"), line.size());
  const auto [end, error] = std::from_chars(first, line.data() + line.size(), count);
  const bool alone = line.find_first_not_of(" \t\r", end - line.data()) == std::string::npos;
  if (error != std::errc() || count < 0 || !alone) {
    throw DataError(place + "'" + line.substr(0, 40) + "', expected the number of frames");
  }
  return count;
}

// {21, 3} mm as stored, in the order of the set.
std::vector<Points3> ReadJointFile(const fs::path& file) {
  std::istringstream lines(ReadText(file));
  std::string line;
  std::getline(lines, line);
  const int count = ParseCount(line, file.string() + ", line 1: ");
  std::vector<Points3> frames;
  for (int number = 2; std::getline(lines, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    frames.push_back(ParseLine(line, file.string() + ", line " + std::to_string(number) + ": "));
  }
  if (frames.size() != static_cast<size_t>(count)) {
    throw DataError(file.string() + ": holds " + std::to_string(frames.size()) +
                    " frames, expected " + std::to_string(count) + " as its line 1 says");
  }
  return frames;
}

Joints3 JointsInCam(const Convention& convention, const Points3& stored) {
  Joints3 joints = ToCanonical(convention, stored);
  joints.col(1) *= -1;
  joints.col(2) *= -1;
  return joints;
}

// ---- Depth --------------------------------------------------------------------------------------

constexpr size_t kHeaderBytes = 24;

struct Crop {
  uint32_t width, height, left, top, right, bottom;
};

Crop ParseHeader(const std::vector<uint8_t>& bytes, const std::string& file) {
  if (bytes.size() < kHeaderBytes) {
    throw DataError(file + ": holds " + std::to_string(bytes.size()) +
                    " bytes, expected a header of 24");
  }
  Crop crop{};
  static_assert(sizeof crop == kHeaderBytes);
  std::memcpy(&crop, bytes.data(), kHeaderBytes);
  const auto text = [](uint32_t value) { return std::to_string(value); };
  if (crop.width != kWidthPx || crop.height != kHeightPx) {
    throw DataError(file + ": is of a picture of " + text(crop.width) + " x " + text(crop.height) +
                    " pixels, expected 320 x 240");
  }
  if (crop.left > crop.right || crop.right > crop.width || crop.top > crop.bottom ||
      crop.bottom > crop.height) {
    throw DataError(file + ": its crop, columns " + text(crop.left) + " to " + text(crop.right) +
                    " and rows " + text(crop.top) + " to " + text(crop.bottom) +
                    ", is not within 320 x 240 pixels");
  }
  return crop;
}

uint16_t DepthUnits(float depth_mm) {
  constexpr float kFarthestMm = 6553.5F;
  if (!(depth_mm > 0 && depth_mm <= kFarthestMm)) return 0;
  return static_cast<uint16_t>(std::lround(depth_mm / kDepthUnitMm));
}

// Pastes the crop into an empty picture.
ImageU16 ReadDepth(const fs::path& file) {
  const std::vector<uint8_t> bytes = ReadBytes(file);
  const Crop crop = ParseHeader(bytes, file.string());
  const size_t pixels = size_t{crop.right - crop.left} * (crop.bottom - crop.top);
  if (bytes.size() != kHeaderBytes + sizeof(float) * pixels) {
    throw DataError(file.string() + ": holds " + std::to_string(bytes.size()) +
                    " bytes, expected " + std::to_string(kHeaderBytes + sizeof(float) * pixels));
  }
  ImageU16 depth(kWidthPx, kHeightPx);
  const uint8_t* at = bytes.data() + kHeaderBytes;
  for (uint32_t y = crop.top; y < crop.bottom; ++y) {
    for (uint32_t x = crop.left; x < crop.right; ++x, at += sizeof(float)) {
      float depth_mm = 0;
      std::memcpy(&depth_mm, at, sizeof depth_mm);
      depth.at(static_cast<int>(x), static_cast<int>(y)) = DepthUnits(depth_mm);
    }
  }
  return depth;
}

// ---- The set ------------------------------------------------------------------------------------

class Msra : public PublishedDataset {
 public:
  explicit Msra(fs::path folder) : folder_(std::move(folder)) {
    for (int subject = 0; subject < kSubjects; ++subject) {
      for (int gesture = 0; gesture < kNumGestures; ++gesture) AddSequence(subject, gesture);
    }
    if (label_files_.empty()) {
      throw DataError(folder_.string() +
                      ": is no MSRA15 (cvpr15_MSRAHandGestureDB): expected folders P0 .. P8 of "
                      "gestures such as P0/1 with a joint.txt");
    }
  }

  PublishedPicture ReadPicture(const PublishedHand& hand) const override {
    PublishedPicture picture;
    picture.depth = ReadDepth(folder_ / hand.picture);
    return picture;
  }

 private:
  void AddSequence(int subject, int gesture) {
    const std::string_view name = kGestures[gesture];
    const std::string sequence = "P" + std::to_string(subject) + "/" + std::string(name);
    std::error_code unknown;
    if (!fs::is_directory(folder_ / sequence, unknown)) return;
    label_files_.push_back(sequence + "/joint.txt");
    const std::vector<Points3> frames = ReadJointFile(folder_ / label_files_.back());
    for (int frame = 0; frame < static_cast<int>(frames.size()); ++frame) {
      const int64_t image_id = num_frames_++;
      if (IsFaulty(subject, name, frame)) {
        LeaveOut("faulty_frame", Split::kTrain);
        continue;
      }
      PublishedHand hand;
      hand.picture = sequence + "/" + PictureName(frame);
      hand.image_id = image_id;
      hand.sequence_id = subject * kNumGestures + gesture;
      hand.frame = frame;
      hand.subject = subject;
      hand.camera = camera_;
      hand.joints_in_cam = JointsInCam(convention_, frames[static_cast<size_t>(frame)]);
      hand.visible.fill(kVisibilityUnknown);
      Add(std::move(hand));
    }
  }

  static std::string PictureName(int frame) {
    char name[24];
    std::snprintf(name, sizeof name, "%06d_depth.bin", frame);
    return name;
  }

  static PinholeCamera Camera() {
    const PoseFileFormat& format = FindPoseFileFormat("msra");
    return {kWidthPx, kHeightPx, format.fx, format.fy, format.cx, format.cy};
  }

  fs::path folder_;
  const Convention& convention_ = FindConvention("msra21");
  PinholeCamera camera_ = Camera();
  int64_t num_frames_ = 0;
};

}  // namespace

std::unique_ptr<PublishedDataset> OpenMsra(const fs::path& folder) {
  return std::make_unique<Msra>(folder);
}

}  // namespace handforge
