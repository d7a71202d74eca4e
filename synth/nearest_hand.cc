#include "synth/nearest_hand.h"

#include "io/core/alignment.h"
#include "render/collision.h"
#include "render/pose_prior.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Cholesky>

namespace handforge {
namespace {

constexpr int kNumFingerAngles = kWristFlexion;  // all but the wrist's, which no joint shows
using JointVector = Eigen::Matrix<double, 3 * kNumJoints, 1>;
using AngleVector = Eigen::Matrix<double, kNumFingerAngles, 1>;
using Jacobian = Eigen::Matrix<double, 3 * kNumJoints, kNumFingerAngles>;

HandShape Proportioned(const HandShape& measured, double play) {
  const auto near = [play](double value, double centre) {
    return std::clamp(value, (1 - play) * centre, (1 + play) * centre);
  };
  HandShape shape = measured;
  // Size: what most bones say, so that one bad bone does not resize the hand.
  std::vector<double> sizes = {measured.palm_length, measured.palm_length, measured.palm_length};
  for (const auto& finger : measured.segment_length)
    sizes.insert(sizes.end(), finger.begin(), finger.end());
  std::nth_element(sizes.begin(), sizes.begin() + static_cast<long>(sizes.size() / 2), sizes.end());
  const double size = sizes[sizes.size() / 2];
  shape.palm_length = near(measured.palm_length, size);
  shape.palm_breadth = near(measured.palm_breadth, size);
  shape.girth = near(measured.girth, shape.palm_breadth);
  for (auto& finger : shape.segment_length) {
    for (double& length : finger) length = near(length, size);
  }
  return shape;
}

// The posed hand moved rigidly onto the target.
BonePoses Aligned(const Rig& rig, const BonePoses& in_hand, const Joints3& target) {
  const Similarity3 fit = Align(JointsOf(rig, in_hand), target, /*with_scale=*/false);
  return in_hand.Moved({fit.rotation, fit.translation});
}

JointVector Flat(const Joints3& joints) { return Eigen::Map<const JointVector>(joints.data()); }

double RmsMm(const Joints3& a, const Joints3& b) {
  return std::sqrt((a - b).squaredNorm() / kNumJoints);
}

void Improve(const Rig& rig,
             const HandShape& shape,
             const Joints3& target,
             int64_t steps,
             HandAngles* angles) {
  constexpr double kDeltaDeg = 0.5;
  constexpr double kDampingMm = 0.15;  // per degree: angles that joints hardly show stay
  const auto joints_of = [&](const HandAngles& a) {
    return JointsOf(rig, Aligned(rig, ForwardKinematics(rig, shape, a), target));
  };
  Joints3 joints = joints_of(*angles);
  for (int64_t step = 0; step < steps; ++step) {
    Jacobian jacobian;
    for (int a = 0; a < kNumFingerAngles; ++a) {
      HandAngles moved = *angles;
      moved[a] += kDeltaDeg;
      jacobian.col(a) = (Flat(joints_of(moved)) - Flat(joints)) / kDeltaDeg;
    }
    Eigen::Matrix<double, kNumFingerAngles, kNumFingerAngles> normal =
        jacobian.transpose() * jacobian;
    normal.diagonal().array() += kDampingMm * kDampingMm;
    const AngleVector move = normal.ldlt().solve(jacobian.transpose() * Flat(target - joints));
    HandAngles next = *angles;
    for (int a = 0; a < kNumFingerAngles; ++a) next[a] += move[a];
    next = ClampToLimits(next);
    const Joints3 next_joints = joints_of(next);
    if (RmsMm(next_joints, target) >= RmsMm(joints, target)) return;
    *angles = next;
    joints = next_joints;
  }
}

}  // namespace

NearestHand FindNearestHand(const Rig& rig,
                            const Joints3& joints_mm,
                            double wrist_flexion_deg,
                            double wrist_deviation_deg,
                            const NearestHandOptions& options) {
  // Exact fit, then its angles and proportions brought into their ranges.
  const MeasuredHand measured =
      Measure(rig, FitRig(rig, joints_mm, wrist_flexion_deg, wrist_deviation_deg));
  const HandShape shape = Proportioned(measured.shape, options.proportion_play);
  HandAngles angles = ClampToLimits(measured.angles_deg);

  // Angles that bring the joints nearest, without parts inside each other.
  Improve(rig, shape, joints_mm, options.steps, &angles);
  NearestHand hand;
  hand.penetration_mm = SettlePose(rig, shape, options.max_penetration_mm, &angles);
  hand.poses = Aligned(rig, ForwardKinematics(rig, shape, angles), joints_mm);
  hand.rms_mm = RmsMm(JointsOf(rig, hand.poses), joints_mm);
  return hand;
}

}  // namespace handforge
