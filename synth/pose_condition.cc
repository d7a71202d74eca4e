#include "synth/pose_condition.h"

#include "io/core/error.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>

namespace handforge {
namespace {

// Angles that make a gesture: all but twists and the wrist.
bool ShapesGesture(int angle) {
  if (angle == kThumbCmcTwist || angle >= kWristFlexion) return false;
  const bool finger = angle >= kFirstFingerAngle && angle < kRingCup;
  return !finger || (angle - kFirstFingerAngle) % 5 != kMcpTwist;
}

double RmsDifference(const HandAngles& a, const HandAngles& b) {
  double sum = 0;
  int count = 0;
  for (int angle = 0; angle < kNumAngles; ++angle) {
    if (!ShapesGesture(angle)) continue;
    sum += (a[angle] - b[angle]) * (a[angle] - b[angle]);
    ++count;
  }
  return std::sqrt(sum / count);
}

int FindAngle(const std::string& name) {
  std::vector<std::string> names;
  for (const AngleLimit& limit : AngleLimits()) names.push_back(limit.name);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<int>(found - names.begin());
  const std::string near = NearestName(name, names);
  throw UsageError("synth.condition.pose: unknown angle '" + name + "'" +
                   (near.empty() ? "" : "; did you mean '" + near + "'?"));
}

}  // namespace

PoseCondition::PoseCondition(const ConditionOptions& options, const std::vector<Gesture>& gestures)
    : within_deg_(options.within_deg) {
  std::vector<std::string> names;
  for (const Gesture& gesture : gestures) names.push_back(gesture.name);
  for (const std::string& wanted : options.gestures) {
    const auto found = std::find(names.begin(), names.end(), wanted);
    if (found == names.end()) {
      const std::string near = NearestName(wanted, names);
      throw UsageError("synth.condition.gestures: unknown gesture '" + wanted + "'" +
                       (near.empty() ? "" : "; did you mean '" + near + "'?"));
    }
    gestures_.push_back(gestures[static_cast<size_t>(found - names.begin())].angles_deg);
  }
  for (const std::string& text : options.pose) {
    std::istringstream words(text);
    std::string name, rest;
    Window window;
    if (!(words >> name >> window.low_deg >> window.high_deg) || words >> rest ||
        window.low_deg > window.high_deg) {
      throw UsageError("synth.condition.pose: '" + text +
                       "': expected ANGLE LOW HIGH, like 'index_pip_flexion 60 90'");
    }
    window.angle = FindAngle(name);
    windows_.push_back(window);
  }
}

bool PoseCondition::Matches(const HandAngles& angles_deg) const {
  for (const Window& window : windows_) {
    const double angle = angles_deg[window.angle];
    if (angle < window.low_deg || angle > window.high_deg) return false;
  }
  if (gestures_.empty()) return true;
  return std::any_of(gestures_.begin(), gestures_.end(), [&](const HandAngles& gesture) {
    return RmsDifference(angles_deg, gesture) <= within_deg_;
  });
}

}  // namespace handforge
