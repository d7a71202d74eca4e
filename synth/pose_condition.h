#pragma once

#include "io/core/joint_limits.h"
#include "render/pose_library.h"
#include "synth/synth_options.h"

#include <vector>

namespace handforge {

// Which poses are wanted.
class PoseCondition {
 public:
  // Everything is wanted.
  PoseCondition() = default;
  // Throws UsageError for an unknown gesture or angle or an empty window.
  PoseCondition(const ConditionOptions& options, const std::vector<Gesture>& gestures);

  bool empty() const { return gestures_.empty() && windows_.empty(); }
  bool Matches(const HandAngles& angles_deg) const;

 private:
  struct Window {
    int angle = 0;
    double low_deg = 0;
    double high_deg = 0;
  };
  std::vector<HandAngles> gestures_;  // near one of these
  double within_deg_ = 0;
  std::vector<Window> windows_;  // and inside all of these
};

}  // namespace handforge
