#include "io/published_poses.h"

#include "io/config.h"
#include "io/core/error.h"
#include "io/files.h"
#include "io/json_text.h"

#include <cmath>
#include <cstdlib>
#include <sstream>

#include <nlohmann/json.hpp>

namespace handforge {
namespace {

using Json = nlohmann::json;
using Layout = PoseFileFormat::Layout;

constexpr double kMmPerMetre = 1000;

std::string Place(const std::filesystem::path& file, const char* unit, size_t number) {
  return file.string() + ", " + unit + " " + std::to_string(number) + ": ";
}

// The numbers of one line, split at white space.
std::vector<double> ParseNumbers(const std::string& line, const std::string& place) {
  std::vector<double> numbers;
  std::istringstream words(line);
  for (std::string word; words >> word;) {
    char* end = nullptr;
    const double value = std::strtod(word.c_str(), &end);
    if (*end != '\0' || !std::isfinite(value)) {
      throw DataError(place + "'" + word + "' is no finite number");
    }
    numbers.push_back(value);
  }
  return numbers;
}

void BackProject(const PoseFileFormat& format, const std::string& place, Points3* points) {
  for (Eigen::Index j = 0; j < points->rows(); ++j) {
    const Eigen::RowVector3d uvd = points->row(j);
    if (uvd[2] <= 0) {
      throw DataError(place + "joint " + std::to_string(j) + " has depth " +
                      std::to_string(uvd[2]) + " mm; expected one above 0");
    }
    points->row(j) << (uvd[0] - format.cx) * uvd[2] / format.fx,
        (uvd[1] - format.cy) * uvd[2] / format.fy, uvd[2];
  }
}

std::vector<Points3> ReadTextFrames(const PoseFileFormat& format,
                                    const std::filesystem::path& file) {
  const size_t num_joints = static_cast<size_t>(FindConvention(format.convention).num_joints);
  std::vector<Points3> frames;
  std::istringstream lines(ReadText(file));
  size_t line_number = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string place = Place(file, "line", ++line_number);
    const std::vector<double> numbers = ParseNumbers(line, place);
    if (numbers.empty()) continue;
    if (numbers.size() != 3 * num_joints) {
      throw DataError(place + std::to_string(numbers.size()) + " numbers, expected " +
                      std::to_string(3 * num_joints) + " (3 of each of the " +
                      std::to_string(num_joints) + " joints of " + format.dataset + ")");
    }
    Points3 points =
        Eigen::Map<const Points3>(numbers.data(), static_cast<Eigen::Index>(num_joints), 3);
    if (format.layout == Layout::kPixelsAndDepth) BackProject(format, place, &points);
    frames.push_back(std::move(points));
  }
  return frames;
}

Points3 ParseJsonFrame(const Json& frame, const std::string& place) {
  Points3 points(kNumJoints, 3);
  try {
    if (frame.size() != kNumJoints) {
      throw DataError(place + std::to_string(frame.size()) + " joints, expected 21");
    }
    for (int j = 0; j < kNumJoints; ++j) {
      for (int c = 0; c < 3; ++c) points(j, c) = kMmPerMetre * frame.at(j).at(c).get<double>();
    }
  } catch (const Json::exception& error) {
    throw DataError(place + "expected 21 x 3 numbers: " + error.what());
  }
  return points;
}

std::vector<Points3> ReadJson(const std::filesystem::path& file) {
  const Json json = ParseJson<Json>(ReadText(file), file.string());
  if (!json.is_array() || json.empty()) {
    throw DataError(file.string() + ": expected a JSON list of frames of 21 x 3 metres");
  }
  // frames[frame][joint][axis]; one list more in a submission.
  const Json& first = json.front();
  const bool submission = first.is_array() && !first.empty() && first.front().is_array() &&
                          !first.front().empty() && first.front().front().is_array();
  std::vector<Points3> frames;
  for (const Json& frame : submission ? first : json) {
    frames.push_back(ParseJsonFrame(frame, Place(file, "frame", frames.size())));
  }
  return frames;
}

}  // namespace

const std::vector<PoseFileFormat>& PoseFileFormats() {
  static const std::vector<PoseFileFormat> formats = {
      {"icvl", "icvl16", Layout::kPixelsAndDepth, 240.99, 240.96, 160, 120},
      {"nyu", "nyu14", Layout::kPixelsAndDepth, 588.03, 587.07, 320, 240},
      {"msra", "msra21", Layout::kPixelsAndDepth, 241.42, 241.42, 160, 120},
      {"freihand", "freihand", Layout::kJsonMetres},
      {"canonical21", "canonical21", Layout::kMillimetres}};
  return formats;
}

const PoseFileFormat& FindPoseFileFormat(const std::string& dataset) {
  std::vector<std::string> known;
  std::string list;
  for (const PoseFileFormat& format : PoseFileFormats()) {
    if (format.dataset == dataset) return format;
    known.push_back(format.dataset);
    list += (list.empty() ? "" : ", ") + format.dataset;
  }
  const std::string near = NearestName(dataset, known);
  throw UsageError("unknown dataset '" + dataset + "'" +
                   (near.empty() ? "" : "; did you mean '" + near + "'?") + "; known: " + list);
}

std::vector<Points3> ReadPoseFile(const PoseFileFormat& format, const std::filesystem::path& file) {
  std::vector<Points3> frames =
      format.layout == Layout::kJsonMetres ? ReadJson(file) : ReadTextFrames(format, file);
  if (frames.empty()) throw DataError(file.string() + ": holds no frame");
  return frames;
}

}  // namespace handforge
