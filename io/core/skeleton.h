#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <Eigen/Core>

namespace handforge {

// The canonical hand: 21 joints, wrist first, then thumb CMC MCP IP TIP, then index, middle, ring
// and little finger MCP PIP DIP TIP (the order of OpenPose, MediaPipe and FreiHAND). Every array of
// joints in handforge is in this order; other orders exist only in `io/conventions.h`.
constexpr int kNumJoints = 21;
constexpr int kNumEdges = 20;
constexpr int kNumFingers = 5;

enum Joint : int {
  kWrist = 0,
  kThumbCmc,
  kThumbMcp,
  kThumbIp,
  kThumbTip,
  kIndexMcp,
  kIndexPip,
  kIndexDip,
  kIndexTip,
  kMiddleMcp,
  kMiddlePip,
  kMiddleDip,
  kMiddleTip,
  kRingMcp,
  kRingPip,
  kRingDip,
  kRingTip,
  kLittleMcp,
  kLittlePip,
  kLittleDip,
  kLittleTip,
};

enum Finger : int { kThumb = 0, kIndex, kMiddle, kRing, kLittle };

// Joint `level` (0 = CMC or MCP ... 3 = TIP) of a finger.
constexpr int FingerJoint(int finger, int level) { return 1 + 4 * finger + level; }
constexpr int FingerOf(int joint) { return (joint - 1) / 4; }  // joint > 0
constexpr int LevelOf(int joint) { return (joint - 1) % 4; }   // joint > 0

// Parent joint; the wrist's is -1, that of the first joint of each finger is the wrist.
constexpr int ParentOf(int joint) {
  return joint == kWrist ? -1 : (LevelOf(joint) == 0 ? kWrist : joint - 1);
}

// Names as stored in shards: "wrist", "thumb_cmc", ..., "little_tip".
extern const std::array<std::string_view, kNumJoints> kJointNames;
extern const std::array<std::string_view, kNumFingers> kFingerNames;

// The 20 bones as {parent, child}, in order of the child joint 1..20.
const std::array<std::array<int, 2>, kNumEdges>& Edges();

// Values of the part mask. Segment s of finger f (0 = proximal to the fingertip's bone 2) is
// kPartFirstSegment + 3 f + s; the thumb's segments are metacarpal, proximal, distal.
enum Part : uint8_t {
  kPartBackground = 0,
  kPartPalm = 1,
  kPartFirstSegment = 2,
  kPartLastSegment = 16,
  kPartForearm = 17,
  kPartFirstOccluder = 18,
  kPartObject = 18,     // in or before the hand
  kPartOtherHand = 19,  // and its arm
};
constexpr int kNumSegments = 15;
constexpr uint8_t SegmentPart(int finger, int segment) {
  return static_cast<uint8_t>(kPartFirstSegment + 3 * finger + segment);
}
// Whether a surface part touches the joint: its own segment or the one on the joint's other side.
bool PartTouchesJoint(uint8_t part, int joint);

// Values of the `visible` column.
enum Visibility : uint8_t {
  kOutOfFrame = 0,
  kVisible = 1,
  kHiddenByHand = 2,
  kHiddenByArm = 3,
  kHiddenByOccluder = 4,
  kHiddenByOtherHand = 5,
  kHidden = 6,               // imported data that does not say by what
  kVisibilityUnknown = 255,  // imported data
};

// Values of the `handedness` column.
enum class Handedness : uint8_t { kLeft = 0, kRight = 1 };

// {21, 3} positions in millimetres and {21, 2} positions in pixels; the frame is in the name of the
// variable (`joints_in_cam`, `joints_px`).
using Joints3 = Eigen::Matrix<double, kNumJoints, 3, Eigen::RowMajor>;
using Joints2 = Eigen::Matrix<double, kNumJoints, 2, Eigen::RowMajor>;

// Length in mm of the bone from the middle MCP to the middle PIP: the scale reference of
// Spurr et al. 2018 (their joints 12 and 11 in RHD order).
double ReferenceBoneLength(const Joints3& joints);
// Mean of wrist and middle MCP, the root of Spurr et al. 2018.
Eigen::Vector3d PalmCentre(const Joints3& joints);

}  // namespace handforge
