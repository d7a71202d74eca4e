#pragma once

#include "synth/synth_world.h"

#include <cstdint>
#include <string>

namespace handforge {

// Whose random numbers draw what a tuple shares with others: bone length, wrist, side, backdrop,
// light and skin. A single tuple is itself; frames of a sequence and views of a pose are one.
struct DrawIdentity {
  uint64_t index = 0;
  uint32_t attempt = 0;
  uint32_t other_wrist = 0;  // above 0: another wrist, all else the same

  Random For(uint64_t seed, Purpose purpose) const { return Random(seed, index, attempt, purpose); }
  Random ForWrist(uint64_t seed) const {
    return Random(seed, index, attempt + other_wrist, Purpose::kPose);
  }
};

// A decoded hand as the rig can be, before the camera. A right hand.
struct PlacedHand {
  BonePoses in_crop;  // palm-centred, axes of the crop camera
  BonePoses in_cam;
  Joints3 decoded_in_cam = Joints3::Zero();
  Joints2 decoded_px = Joints2::Zero();
  double bone_mm = 0;  // reference bone
};

// Gives decoded joints their metric scale, moves them `pixel_share` of the way to the pixels
// decoded of the same code, finds the nearest hand of the rig and the place before the camera where
// it projects to these pixels. Immutable.
class HandPlacer {
 public:
  explicit HandPlacer(const SynthWorld& world) : world_(world), camera_(world.Camera()) {}

  // "" and the hand, or the reason of rejection: those of ImplausibleBecause, "condition",
  // "far_from_a_hand", "behind_camera", "residual_2d", "out_of_frame" or "too_far". Where
  // `known_in_crop` is given, that is the hand, and the decoded joints only say how near they are.
  std::string Place(const DecodedJoints& decoded,
                    const DrawIdentity& identity,
                    const BonePoses* known_in_crop,
                    PlacedHand* placed) const;

  const PinholeCamera& camera() const { return camera_; }

 private:
  double RmsMm(const BonePoses& poses, const Joints3& joints_mm) const;
  std::string FindHand(const Joints3& joints_mm,
                       const Joints2& joints_px,
                       const DrawIdentity& identity,
                       BonePoses* in_crop) const;

  const SynthWorld& world_;
  PinholeCamera camera_;
};

}  // namespace handforge
