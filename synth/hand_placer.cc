#include "synth/hand_placer.h"

#include "synth/nearest_hand.h"
#include "synth/plausibility.h"
#include "synth/translation.h"

#include <cmath>

namespace handforge {

double HandPlacer::RmsMm(const BonePoses& poses, const Joints3& joints_mm) const {
  return std::sqrt((JointsOf(world_.rig, poses) - joints_mm).squaredNorm() / kNumJoints);
}

std::string HandPlacer::FindHand(const Joints3& joints_mm,
                                 const Joints2& joints_px,
                                 const DrawIdentity& identity,
                                 BonePoses* in_crop) const {
  const SynthOptions& options = world_.options;
  Random wrist = identity.ForWrist(options.seed);
  const double flexion_deg = wrist.TruncatedNormal(0, options.wrist_deg, 2.5);
  const double deviation_deg = wrist.TruncatedNormal(0, 0.5 * options.wrist_deg, 2.5);
  const std::string reason =
      ImplausibleBecause(world_.rig, FitRig(world_.rig, joints_mm), options.plausibility);
  if (!reason.empty()) return reason;
  const Joints3 target_mm = MovedTowardsPixels(joints_mm, joints_px, camera_, options.pixel_share);
  const NearestHand nearest =
      FindNearestHand(world_.rig, target_mm, flexion_deg, deviation_deg, options.nearest);
  if (RmsMm(nearest.poses, joints_mm) > options.plausibility.fit_mm) return "far_from_a_hand";
  if (nearest.penetration_mm > options.plausibility.penetration_mm) return "self_collision";
  if (!world_.condition.empty() &&
      !world_.condition.Matches(Measure(world_.rig, nearest.poses).angles_deg)) {
    return "condition";
  }
  *in_crop = nearest.poses;
  return "";
}

std::string HandPlacer::Place(const DecodedJoints& decoded,
                              const DrawIdentity& identity,
                              const BonePoses* known_in_crop,
                              PlacedHand* placed) const {
  const SynthOptions& options = world_.options;
  const VaeInfo& info = world_.model.info();

  // Metric scale: a reference bone as long as those of the training data.
  placed->bone_mm = identity.For(options.seed, Purpose::kScale)
                        .TruncatedNormal(info.bone_mean_mm, info.bone_std_mm, 2);
  const Joints3 joints_mm = decoded.in_bones * placed->bone_mm;

  // Rig: the hand nearest to what 3D and 2D decoder say is the label, if that is near a hand at
  // all.
  if (known_in_crop != nullptr) {
    placed->in_crop = *known_in_crop;
    if (RmsMm(*known_in_crop, joints_mm) > options.plausibility.fit_mm) return "far_from_a_hand";
  } else {
    const std::string reason = FindHand(joints_mm, decoded.px, identity, &placed->in_crop);
    if (!reason.empty()) return reason;
  }

  // Camera: where that hand projects to the decoded pixels.
  const Joints3 joints_in_crop = JointsOf(world_.rig, placed->in_crop);
  const Placement placement = SolveTranslation(joints_in_crop, decoded.px, camera_);
  if (!placement.in_front) return "behind_camera";
  if (placement.residual_px > options.plausibility.residual_px) return "residual_2d";
  placed->in_cam = placed->in_crop.Moved({Eigen::Matrix3d::Identity(), placement.translation_mm});
  placed->decoded_in_cam = joints_mm.rowwise() + placement.translation_mm.transpose();
  placed->decoded_px = decoded.px;

  const Joints3 joints_in_cam = joints_in_crop.rowwise() + placement.translation_mm.transpose();
  int64_t in_frame = 0;
  for (int j = 0; j < kNumJoints; ++j) {
    in_frame += camera_.Contains(camera_.Project(Eigen::Vector3d(joints_in_cam.row(j))));
  }
  if (in_frame < options.plausibility.joints_in_frame) return "out_of_frame";
  if (joints_in_cam.col(2).maxCoeff() > options.plausibility.furthest_mm) return "too_far";
  return "";
}

}  // namespace handforge
