#include "tools/compared_poses_csv.h"

#include "io/core/skeleton.h"

#include <iterator>

#include <spdlog/fmt/fmt.h>

namespace handforge {
namespace {

// Quoted where a comma or a quote would part it (RFC 4180).
std::string CsvText(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string ColumnNames() {
  std::string names = "dataset,row,side";
  for (const char* whose : {"predicted", "true"}) {
    for (const std::string_view joint : kJointNames) {
      for (const char axis : {'x', 'y', 'z'})
        names += fmt::format(",{}_{}_{}_mm", whose, joint, axis);
    }
  }
  return names + "\n";
}

}  // namespace

std::string ComparedPosesCsv(const std::vector<ComparedPose>& poses,
                             const SampleSet& samples,
                             const std::vector<std::string>& folders) {
  std::string csv = ColumnNames();
  for (const ComparedPose& pose : poses) {
    const auto sample = static_cast<size_t>(pose.sample);
    const SampleOrigin& origin = samples.origin.at(sample);
    const auto side = static_cast<Handedness>(samples.handedness[sample]);
    csv += fmt::format("{},{},{}",
                       CsvText(folders.at(origin.folder)),
                       origin.row,
                       side == Handedness::kLeft ? "left" : "right");
    for (const Joints3* joints : {&pose.predicted_mm, &pose.true_mm}) {
      for (int j = 0; j < kNumJoints; ++j) {
        for (int c = 0; c < 3; ++c) {
          fmt::format_to(std::back_inserter(csv), ",{:.3f}", (*joints)(j, c));
        }
      }
    }
    csv += "\n";
  }
  return csv;
}

}  // namespace handforge
