#pragma once

#include "io/core/joint_limits.h"

#include <filesystem>
#include <string>
#include <vector>

namespace handforge {

struct Gesture {
  std::string name;    // unique, lower_case
  std::string family;  // digits, fingerspelling, grasp, everyday ...; may be empty
  double weight = 1;   // how often it is drawn, relative to the others
  HandAngles angles_deg{};
};

// Reads a YAML list of gestures; the format is described at the top of configs/poses/gestures.yaml.
// Throws UsageError naming file, line, gesture, key and value for an unknown or missing key, a
// wrong number of angles, an angle outside its anatomical limit (io/core/joint_limits.h), a name
// twice, or weights that are all 0.
std::vector<Gesture> LoadGestures(const std::filesystem::path& file);

}  // namespace handforge
