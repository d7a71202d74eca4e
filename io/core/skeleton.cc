#include "io/core/skeleton.h"

namespace handforge {

const std::array<std::string_view, kNumJoints> kJointNames = {
    "wrist",     "thumb_cmc", "thumb_mcp",  "thumb_ip",   "thumb_tip",  "index_mcp",  "index_pip",
    "index_dip", "index_tip", "middle_mcp", "middle_pip", "middle_dip", "middle_tip", "ring_mcp",
    "ring_pip",  "ring_dip",  "ring_tip",   "little_mcp", "little_pip", "little_dip", "little_tip"};

const std::array<std::string_view, kNumFingers> kFingerNames = {
    "thumb", "index", "middle", "ring", "little"};

const std::array<std::array<int, 2>, kNumEdges>& Edges() {
  static const auto edges = [] {
    std::array<std::array<int, 2>, kNumEdges> e{};
    for (int j = 1; j < kNumJoints; ++j) e[j - 1] = {ParentOf(j), j};
    return e;
  }();
  return edges;
}

bool PartTouchesJoint(uint8_t part, int joint) {
  if (joint == kWrist) return part == kPartPalm || part == kPartForearm;
  const int finger = FingerOf(joint);
  const int level = LevelOf(joint);
  if (level == 0 && part == kPartPalm) return true;
  if (finger == kThumb && level == 1 && part == kPartPalm) return true;
  const bool own = level < 3 && part == SegmentPart(finger, level);
  const bool before = level > 0 && part == SegmentPart(finger, level - 1);
  return own || before;
}

double ReferenceBoneLength(const Joints3& joints) {
  return (joints.row(kMiddlePip) - joints.row(kMiddleMcp)).norm();
}

Eigen::Vector3d PalmCentre(const Joints3& joints) {
  return 0.5 * (joints.row(kWrist) + joints.row(kMiddleMcp)).transpose();
}

}  // namespace handforge
