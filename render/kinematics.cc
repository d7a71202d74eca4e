#include "render/kinematics.h"

#include "io/core/alignment.h"
#include "io/core/error.h"
#include "render/smooth_step.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <Eigen/Geometry>

namespace handforge {
namespace {

using Eigen::Matrix3d;
using Eigen::Vector3d;

constexpr double kDegree = M_PI / 180;

Matrix3d RotateX(double rad) {
  return Eigen::AngleAxisd(rad, Vector3d::UnitX()).toRotationMatrix();
}
Matrix3d RotateY(double rad) {
  return Eigen::AngleAxisd(rad, Vector3d::UnitY()).toRotationMatrix();
}
Matrix3d RotateZ(double rad) {
  return Eigen::AngleAxisd(rad, Vector3d::UnitZ()).toRotationMatrix();
}

// Flexion and abduction (rad) that point a bone (-z) in a direction of its `straight` frame.
struct Swing {
  double flexion;
  double abduction;

  Matrix3d Rotation() const { return RotateX(-flexion) * RotateY(abduction); }
};
Swing SwingTo(const Vector3d& direction) {
  const Vector3d d = direction.normalized();
  return {std::atan2(-d.y(), -d.z()), std::asin(std::clamp(-d.x(), -1.0, 1.0))};
}

bool StartsAtRestAngle(int bone) { return bone < 5 || bone == SegmentBone(kThumb, 0); }

// Rotation from a bone's parent to the bone at zero angles.
Matrix3d StraightRotation(const Rig& rig, int bone) {
  const Matrix3d rest = rig.rest_rotation[ParentBone(bone)].transpose() * rig.rest_rotation[bone];
  if (StartsAtRestAngle(bone)) return rest;
  const double rest_flexion = SwingTo(-rest.col(2)).flexion;
  return rest * RotateX(rest_flexion);
}

Vector3d PalmScale(const HandShape& shape) {
  return {shape.palm_breadth, shape.girth, shape.palm_length};
}

// Where a point fixed to the palm goes.
Vector3d OnPalm(const Rig& rig, const BonePoses& poses, const Vector3d& rest) {
  return poses.origin_mm[kPalmBone] +
         poses.rotation[kPalmBone] *
             poses.scale[kPalmBone].cwiseProduct(rest - rig.rest_origin[kPalmBone]);
}

void SetBone(const Rig& rig,
             int bone,
             const Vector3d& origin,
             const Matrix3d& rotation,
             double length_mm,
             double girth,
             BonePoses* poses) {
  poses->origin_mm[bone] = origin;
  poses->rotation[bone] = rotation;
  poses->scale[bone] = {girth, girth, length_mm / rig.rest_length_mm[bone]};
}

Vector3d EndOfBone(const Rig& rig, const BonePoses& poses, int bone) {
  return poses.origin_mm[bone] -
         rig.rest_length_mm[bone] * poses.scale[bone].z() * poses.rotation[bone].col(2);
}

void SetForearm(const Rig& rig, double flexion, double deviation, double girth, BonePoses* poses) {
  // The hand turns about the forearm; seen from the hand the forearm turns the other way.
  const Matrix3d forearm_from_hand = RotateX(-flexion) * RotateY(deviation);
  poses->origin_mm[kForearmBone] = OnPalm(rig, *poses, rig.rest_origin[kForearmBone]);
  poses->rotation[kForearmBone] = poses->rotation[kPalmBone] * forearm_from_hand.transpose();
  poses->scale[kForearmBone] = {girth, girth, girth};
}

struct PalmFit {
  Matrix3d rotation;
  Vector3d scale;
};

// Alternates the rotation and the scales of the rest palm (thumb CMC and MCPs, the wrist pinned) to
// the target. The ring and little metacarpals move in the palm, so their knuckles hardly count for
// the rotation and the thickness; thickness is seen by the CMC alone and held near the breadth.
PalmFit FitPalm(const Rig& rig, const Joints3& joints) {
  constexpr int kPoints = 5;
  constexpr int kIterations = 12;
  constexpr double kLowScale = 0.4, kHighScale = 2.5;
  constexpr double kThicknessPriorMm2 = 25;  // against the square of the CMC's height, about 150
  constexpr double kThicknessRange = 0.12;
  const std::array<int, kPoints> points = {kThumbCmc, kIndexMcp, kMiddleMcp, kRingMcp, kLittleMcp};
  const Eigen::Matrix<double, kPoints, 1> rigid_weight(1, 1, 1, 0.02, 0.005);
  const Eigen::Matrix<double, kPoints, 1> in_plane_weight(1, 1, 1, 0.7, 0.5);
  Eigen::MatrixX3d rest(kPoints, 3), target(kPoints, 3);
  for (int i = 0; i < kPoints; ++i) {
    rest.row(i) = rig.rest_joints.row(points[i]);
    target.row(i) = joints.row(points[i]) - joints.row(kWrist);
  }
  PalmFit fit{Matrix3d::Identity(), Vector3d::Ones()};
  for (int iteration = 0; iteration < kIterations; ++iteration) {
    fit.rotation = BestRotation(rest * fit.scale.asDiagonal(), target, rigid_weight);
    const Eigen::MatrixX3d in_palm = target * fit.rotation;
    const auto solve = [&](int axis, const auto& weight, double prior, double prior_weight) {
      const auto r = rest.col(axis).array();
      const auto w = weight.array();
      return ((w * r * in_palm.col(axis).array()).sum() + prior_weight * prior) /
             ((w * r.square()).sum() + prior_weight);
    };
    const double breadth = std::clamp(solve(0, in_plane_weight, 1, 0), kLowScale, kHighScale);
    const double length = std::clamp(solve(2, in_plane_weight, 1, 0), kLowScale, kHighScale);
    const double thickness = solve(1, rigid_weight, breadth, kThicknessPriorMm2);
    fit.scale = {
        breadth,
        std::clamp(thickness, (1 - kThicknessRange) * breadth, (1 + kThicknessRange) * breadth),
        length};
  }
  return fit;
}

void CheckTargets(const Joints3& joints) {
  constexpr double kShortestBoneMm = 0.1;
  if (!joints.allFinite()) throw DataError("target joints are not finite");
  for (const auto& [parent, child] : Edges()) {
    const double length = (joints.row(child) - joints.row(parent)).norm();
    if (length >= kShortestBoneMm) continue;
    throw DataError("bone " + std::string(kJointNames[parent]) + " - " +
                    std::string(kJointNames[child]) + " of the target is " +
                    std::to_string(length) + " mm long; at least 0.1 mm is needed");
  }
}

struct TwistSighting {
  double twist;
  double certainty;  // 0 .. 1
};

// Twist of a bone (rad) about its z seen from a bone beyond it that points along `next` and turns
// about `hinge`, given in the frame of the twisted bone: with d = `next` in the untwisted frame, a
// root of  hinge . Rz(-t) d = 0. Of its two roots the one nearer to `usual` counts; the flatter the
// crossing, the less it says.
TwistSighting SeeTwist(const Matrix3d& untwisted,
                       const Vector3d& next,
                       const Vector3d& hinge,
                       double usual) {
  const Vector3d d = untwisted.transpose() * next.normalized();
  const double a = hinge.x() * d.x() + hinge.y() * d.y();  // of cos t
  const double b = hinge.x() * d.y() - hinge.y() * d.x();  // of sin t
  const double c = hinge.z() * d.z();
  const double slope_squared = a * a + b * b - c * c;
  if (slope_squared <= 0) return {usual, 0};
  const double phase = std::atan2(b, a);
  const double swing = std::acos(std::clamp(-c / std::hypot(a, b), -1.0, 1.0));
  const double t1 = std::remainder(phase + swing - usual, 2 * M_PI);
  const double t2 = std::remainder(phase - swing - usual, 2 * M_PI);
  return {usual + (std::abs(t1) < std::abs(t2) ? t1 : t2),
          SmoothStep(std::sin(4 * kDegree), std::sin(13 * kDegree), std::sqrt(slope_squared))};
}

// Twist that goes with the swing where no hinge shows it; fingers hardly twist.
double UsualTwist(int finger, const Swing& swing) {
  if (finger != kThumb) return 0;
  return kDegree * UsualThumbTwist(swing.flexion / kDegree, swing.abduction / kDegree);
}

// Twist of a finger's first bone: from the joint at its end where that is bent, else from the one
// beyond, else the usual one.
double InferTwist(const Rig& rig,
                  int finger,
                  const Joints3& joints,
                  const Matrix3d& untwisted,
                  const Swing& swing) {
  const double limit = (finger == kThumb ? 45 : 35) * kDegree;
  const int bone = SegmentBone(finger, 0);
  const auto direction = [&](int level) {
    return Vector3d(
        (joints.row(FingerJoint(finger, level + 1)) - joints.row(FingerJoint(finger, level)))
            .transpose());
  };
  const double usual = UsualTwist(finger, swing);
  const Matrix3d second = StraightRotation(rig, bone + 1);
  const TwistSighting near = SeeTwist(untwisted, direction(1), second.col(0), usual);
  const TwistSighting far =
      SeeTwist(untwisted, direction(2), (second * StraightRotation(rig, bone + 2)).col(0), usual);
  const double beyond = usual + far.certainty * (std::clamp(far.twist, -limit, limit) - usual);
  return beyond + near.certainty * (std::clamp(near.twist, -limit, limit) - beyond);
}

}  // namespace

double UsualThumbTwist(double flexion_deg, double abduction_deg) {
  return 10 + 0.15 * flexion_deg + 0.5 * abduction_deg;
}

BonePoses ForwardKinematics(const Rig& rig, const HandShape& shape, const HandAngles& angles_deg) {
  BonePoses poses;
  const auto rad = [&](int angle) { return angles_deg[angle] * kDegree; };
  poses.origin_mm[kPalmBone].setZero();
  poses.rotation[kPalmBone].setIdentity();
  poses.scale[kPalmBone] = PalmScale(shape);

  for (int finger = kIndex; finger <= kLittle; ++finger) {
    const int bone = MetacarpalBone(finger);
    const Vector3d base = OnPalm(rig, poses, rig.rest_origin[bone]);
    const Vector3d knuckle = OnPalm(rig, poses, rig.rest_joints.row(FingerJoint(finger, 0)));
    const Matrix3d straight = StraightRotation(rig, bone);
    Swing swing = SwingTo(straight.transpose() * (knuckle - base));
    if (finger == kRing) swing.flexion += rad(kRingCup);
    if (finger == kLittle) swing.flexion += rad(kLittleCup);
    SetBone(
        rig, bone, base, straight * swing.Rotation(), (knuckle - base).norm(), shape.girth, &poses);
  }
  for (int finger = kThumb; finger <= kLittle; ++finger) {
    for (int segment = 0; segment < 3; ++segment) {
      const int bone = SegmentBone(finger, segment);
      const int parent = ParentBone(bone);
      const Vector3d origin = finger == kThumb && segment == 0
                                  ? OnPalm(rig, poses, rig.rest_joints.row(kThumbCmc))
                                  : EndOfBone(rig, poses, parent);
      Matrix3d local;
      if (finger == kThumb) {
        local = segment == 0
                    ? Matrix3d(RotateX(-rad(kThumbCmcFlexion)) * RotateY(rad(kThumbCmcAbduction)) *
                               RotateZ(rad(kThumbCmcTwist)))
                    : RotateX(-rad(segment == 1 ? kThumbMcpFlexion : kThumbIpFlexion));
      } else if (segment == 0) {
        local = RotateX(-rad(FingerAngle(finger, kMcpFlexion))) *
                RotateY(rad(FingerAngle(finger, kMcpAbduction))) *
                RotateZ(rad(FingerAngle(finger, kMcpTwist)));
      } else {
        local = RotateX(-rad(FingerAngle(finger, segment == 1 ? kPipFlexion : kDipFlexion)));
      }
      SetBone(rig,
              bone,
              origin,
              poses.rotation[parent] * StraightRotation(rig, bone) * local,
              rig.rest_length_mm[bone] * shape.segment_length[finger][segment],
              shape.girth * shape.segment_girth[finger][segment],
              &poses);
    }
  }
  SetForearm(rig, rad(kWristFlexion), rad(kWristDeviation), shape.girth, &poses);
  return poses;
}

BonePoses FitRig(const Rig& rig,
                 const Joints3& joints,
                 double wrist_flexion_deg,
                 double wrist_deviation_deg) {
  CheckTargets(joints);
  const auto at = [&](int joint) { return Vector3d(joints.row(joint).transpose()); };

  // Palm: rigid motion and scales; the girth of all bones is the palm's thickness.
  const PalmFit palm = FitPalm(rig, joints);
  const double girth = palm.scale.y();
  BonePoses poses;
  poses.origin_mm[kPalmBone] = at(kWrist);
  poses.rotation[kPalmBone] = palm.rotation;
  poses.scale[kPalmBone] = palm.scale;

  // Metacarpals: swung and stretched to their knuckles.
  for (int finger = kIndex; finger <= kLittle; ++finger) {
    const int bone = MetacarpalBone(finger);
    const Vector3d base = OnPalm(rig, poses, rig.rest_origin[bone]);
    const Matrix3d straight = palm.rotation * StraightRotation(rig, bone);
    const Vector3d reach = at(FingerJoint(finger, 0)) - base;
    SetBone(rig,
            bone,
            base,
            straight * SwingTo(straight.transpose() * reach).Rotation(),
            reach.norm(),
            girth,
            &poses);
  }

  // Fingers: swing to the target, then twist to the hinge beyond.
  for (int finger = kThumb; finger <= kLittle; ++finger) {
    for (int segment = 0; segment < 3; ++segment) {
      const int bone = SegmentBone(finger, segment);
      const Vector3d origin = at(FingerJoint(finger, segment));
      const Vector3d reach = at(FingerJoint(finger, segment + 1)) - origin;
      const Matrix3d straight = poses.rotation[ParentBone(bone)] * StraightRotation(rig, bone);
      const Swing swing = SwingTo(straight.transpose() * reach);
      Matrix3d rotation = straight * swing.Rotation();
      if (segment == 0)
        rotation = rotation * RotateZ(InferTwist(rig, finger, joints, rotation, swing));
      SetBone(rig, bone, origin, rotation, reach.norm(), girth, &poses);
    }
  }
  SetForearm(rig, wrist_flexion_deg * kDegree, wrist_deviation_deg * kDegree, girth, &poses);
  return poses;
}

MeasuredHand Measure(const Rig& rig, const BonePoses& poses) {
  MeasuredHand hand;
  hand.shape.palm_breadth = poses.scale[kPalmBone].x();
  hand.shape.girth = poses.scale[kPalmBone].y();
  hand.shape.palm_length = poses.scale[kPalmBone].z();
  const auto local_swing = [&](int bone, Matrix3d* rest_of_rotation) {
    const Matrix3d local =
        (poses.rotation[ParentBone(bone)] * StraightRotation(rig, bone)).transpose() *
        poses.rotation[bone];
    const Swing swing = SwingTo(-local.col(2));
    *rest_of_rotation = swing.Rotation().transpose() * local;
    return swing;
  };
  Matrix3d remainder;
  for (int finger = kThumb; finger <= kLittle; ++finger) {
    for (int segment = 0; segment < 3; ++segment) {
      const int bone = SegmentBone(finger, segment);
      hand.shape.segment_length[finger][segment] = poses.scale[bone].z();
      hand.shape.segment_girth[finger][segment] = poses.scale[bone].x() / hand.shape.girth;
      const Swing swing = local_swing(bone, &remainder);
      const double flexion = swing.flexion / kDegree, abduction = swing.abduction / kDegree;
      if (segment > 0) {
        hand.off_hinge_deg[finger][segment - 1] = abduction;
        const int angle =
            finger == kThumb ? kThumbCmcTwist + segment : FingerAngle(finger, kMcpTwist + segment);
        hand.angles_deg[angle] = flexion;
        continue;
      }
      const int first =
          finger == kThumb ? static_cast<int>(kThumbCmcFlexion) : FingerAngle(finger, kMcpFlexion);
      hand.angles_deg[first] = flexion;
      hand.angles_deg[first + 1] = abduction;
      hand.angles_deg[first + 2] = std::atan2(remainder(1, 0), remainder(0, 0)) / kDegree;
    }
  }
  for (int finger : {kRing, kLittle}) {
    const int bone = MetacarpalBone(finger);
    const Matrix3d straight = StraightRotation(rig, bone);
    const Vector3d flat = poses.scale[kPalmBone].cwiseProduct(
        Vector3d(rig.rest_joints.row(FingerJoint(finger, 0))) - rig.rest_origin[bone]);
    const double rest_flexion = SwingTo(straight.transpose() * flat).flexion;
    hand.angles_deg[finger == kRing ? kRingCup : kLittleCup] =
        (local_swing(bone, &remainder).flexion - rest_flexion) / kDegree;
  }
  const Matrix3d hand_in_forearm =
      poses.rotation[kForearmBone].transpose() * poses.rotation[kPalmBone];
  const Swing wrist = SwingTo(-hand_in_forearm.col(2));
  hand.angles_deg[kWristFlexion] = wrist.flexion / kDegree;
  hand.angles_deg[kWristDeviation] = wrist.abduction / kDegree;
  return hand;
}

}  // namespace handforge
