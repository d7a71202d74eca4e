#pragma once

#include "io/core/tuple.h"
#include "render/kinematics.h"
#include "render/object_library.h"
#include "render/pose_library.h"
#include "render/pose_prior.h"
#include "render/render_options.h"
#include "render/skin.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace handforge {

// What one row of a dataset shows: hand `hand` of a scene, seen by camera `view` at time `frame`.
// Rows of a scene follow each other: frames, in each its views, in each its hands.
struct RowAddress {
  uint64_t scene = 0;
  int32_t frame = 0;
  int32_t view = 0;
  int hand = 0;
  bool two_hands = false;
  bool first_of_scene = false;
  uint64_t first_of_picture = 0;  // index of the row of hand 0
};
RowAddress AddressOf(uint64_t index, const RenderOptions& options);

// A person's hand and its poses over time: key poses, kFramesPerKey frames apart, one of them at
// frame -kFramesPerKey.
struct SceneHand {
  int64_t subject = 0;
  HandShape shape;
  SkinAppearance skin;
  std::vector<SampledPose> keys;
};
constexpr int kFramesPerKey = 12;

// All that is drawn for a scene once, whatever camera looks at it. Its frame is the hand frame of
// hand 0 (render/rig.h), a right hand; hand 1 is described as a right hand in the mirror image of
// that frame in x, so in truth it is a left one.
struct Scene {
  uint64_t number = 0;
  std::vector<SceneHand> hands;  // one or two
  int rows = 1;                  // hands that have rows of their own
  // From hand 1's own frame to the mirrored frame, at frame 0 (it keeps its distance).
  Rigid3 mirrored_from_second;
  // At most kMaxObjects, in frames of hand 0 as it moves: what is held or lain on in its hand
  // frame, a sleeve in that of the forearm bone.
  std::vector<SceneObject> objects_at_hand, objects_at_forearm;
  // Of what the hand lies on: cameras stand on this side of it, in the hand frame.
  std::optional<Eigen::Hyperplane<double, 3>> support;
  bool mirrored = false;  // shown as its mirror image: hand 0 is a left hand
};

// Draws scenes: a pure function of (options, seed, scene).
class SceneSampler {
 public:
  SceneSampler(const RenderOptions& options,
               const Rig& rig,
               const std::vector<Gesture>& gestures,
               const ObjectLibrary& objects);

  // `rejections` counts draws refused, by reason. Throws DataError where `max_attempts` were not
  // enough.
  Scene Draw(const RowAddress& row, std::map<std::string, uint64_t>* rejections) const;

  // The hand's bones at a frame, in its own hand frame. In a sequence poses follow a smooth curve
  // through the key poses (Catmull-Rom), parted where it passes through itself.
  BonePoses PosesAt(const SceneHand& hand, int frame) const;

  // The gesture nearest in time; -1 for poses that are none.
  int GestureAt(const SceneHand& hand, int frame) const;

  // An object between the camera and a hand that stands before it; at (0, 0, 0) the camera.
  SceneObject BeforeHand(const Joints3& joints_in_cam, Random& random) const;

 private:
  SceneHand DrawHand(const RowAddress& row,
                     int hand,
                     std::map<std::string, uint64_t>* rejections) const;
  SceneObject InHand(const BonePoses& poses, Random& random) const;
  void LayDown(const BonePoses& poses, Random& random, Scene* scene) const;
  SceneObject Sleeve(const HandShape& shape, Random& random) const;
  void PlaceSecond(double turn_deg, Scene* scene, Random& random) const;
  // The flesh of the hand, and its arm.
  std::vector<FleshCapsule> WholeArm(const BonePoses& poses) const;
  int DrawShape(Random& random) const;

  const RenderOptions& options_;
  const Rig& rig_;
  const std::vector<Gesture>& gestures_;
  const ObjectLibrary& objects_;
  std::vector<Eigen::Vector3d> forearm_mm_;  // its skin at rest, from the bone's origin
  FleshCapsule forearm_;                     // around that; no radius where there is none
};

// How a sequence's hand moves before its camera: a slow sway that is nothing at frame 0.
Rigid3 SwayAt(uint64_t seed, uint64_t scene, int frame);

// Reflection in x of a motion: (a_from_b seen in a mirror).
Rigid3 Mirrored(const Rigid3& a_from_b);
SceneObject Mirrored(const SceneObject& object);
SceneObject Moved(const SceneObject& object, const Rigid3& a_from_b);

}  // namespace handforge
