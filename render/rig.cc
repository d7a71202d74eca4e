#include "render/rig.h"

#include "io/assets.h"
#include "io/core/error.h"
#include "render/flesh.h"
#include "render/forearm.h"
#include "render/mesh_file.h"
#include "render/smooth_step.h"
#include "render/subdivision.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

namespace handforge {
namespace {

using Eigen::Matrix3d;
using Eigen::Vector3d;

int BoneOfXrJoint(int joint) {
  if (joint == kXrWrist) return kPalmBone;
  if (joint <= kXrThumbTip) return SegmentBone(kThumb, std::min(joint - kXrThumbMetacarpal, 2));
  const int finger = 1 + (joint - kXrFirstFinger) / 5;
  const int level = (joint - kXrFirstFinger) % 5;
  return level == 0 ? MetacarpalBone(finger) : SegmentBone(finger, std::min(level - 1, 2));
}

// XR joint at which a bone (not palm, not forearm) starts.
int XrStartOfBone(int bone) {
  if (bone < 5) return XrFingerJoint(bone, 0);
  const int finger = (bone - 5) / 3, segment = (bone - 5) % 3;
  return finger == kThumb ? kXrThumbMetacarpal + segment : XrFingerJoint(finger, segment + 1);
}

Vector3d Along(const Vector3d& from, const Vector3d& towards, double distance_mm) {
  return from + distance_mm * (towards - from).normalized();
}

// Labelled joints of the rig in the mesh's frame.
Joints3 AnchorJoints(const RiggedMesh& mesh, const RigSpec& spec) {
  Joints3 anchors;
  const auto at = [&](int xr) { return mesh.joint_mm[xr]; };
  anchors.row(kWrist) =
      Along(at(kXrWrist), at(XrFingerJoint(kMiddle, 1)), spec.wrist_towards_middle_mcp_mm);
  for (int finger = kThumb; finger <= kLittle; ++finger) {
    const int first = XrStartOfBone(SegmentBone(finger, 0));
    const std::array<double, 3> shift =
        finger == kThumb ? std::array<double, 3>{spec.thumb_cmc_mm, spec.thumb_mcp_mm, 0}
                         : std::array<double, 3>{spec.finger_mcp_mm, 0, 0};
    for (int level = 0; level < 3; ++level) {
      anchors.row(FingerJoint(finger, level)) =
          Along(at(first + level), at(first + level + 1), shift[level]);
    }
    const Vector3d dip = at(first + 2);
    const Vector3d direction = (at(first + 3) - dip).normalized();
    double skin_end_mm = 0;
    for (size_t v = 0; v < mesh.positions_mm.size(); ++v) {
      for (const auto& [joint, weight] : mesh.weights[v]) {
        if (BoneOfXrJoint(joint) != SegmentBone(finger, 2) || weight < 0.5) continue;
        skin_end_mm = std::max(skin_end_mm, direction.dot(mesh.positions_mm[v] - dip));
      }
    }
    anchors.row(FingerJoint(finger, 3)) =
        dip + (skin_end_mm - spec.tip_below_surface_mm) * direction;
  }
  return anchors;
}

Rigid3 HandFromMesh(const Joints3& anchors) {
  const Vector3d wrist = anchors.row(kWrist);
  const Vector3d z = (wrist - anchors.row(kMiddleMcp).transpose()).normalized();
  Vector3d x = (anchors.row(kLittleMcp) - anchors.row(kIndexMcp)).transpose();
  x = (x - x.dot(z) * z).normalized();
  Rigid3 hand_from_mesh;
  hand_from_mesh.rotation.row(0) = x;
  hand_from_mesh.rotation.row(1) = z.cross(x);
  hand_from_mesh.rotation.row(2) = z;
  hand_from_mesh.translation = -(hand_from_mesh.rotation * wrist);
  return hand_from_mesh;
}

// Frame with -z along the bone and x as near to the hinge as that allows.
Matrix3d BoneFrame(const Vector3d& start, const Vector3d& end, const Vector3d& hinge) {
  const Vector3d z = (start - end).normalized();
  const Vector3d x = (hinge - hinge.dot(z) * z).normalized();
  Matrix3d frame;
  frame.col(0) = x;
  frame.col(1) = z.cross(x);
  frame.col(2) = z;
  return frame;
}

void SetRestBones(const RiggedMesh& mesh, const Rigid3& hand_from_mesh, Rig* rig) {
  std::array<Vector3d, kNumXrJoints> hinge;
  double ulnar = 0;
  for (int j = 0; j < kNumXrJoints; ++j) {
    hinge[j] = hand_from_mesh.rotation * mesh.hinge_axis[j];
    if (j >= kXrFirstFinger) ulnar += hinge[j].x();
  }
  const double sign = ulnar < 0 ? -1 : 1;

  rig->rest_origin[kPalmBone].setZero();
  rig->rest_rotation[kPalmBone].setIdentity();
  rig->rest_length_mm[kPalmBone] = rig->rest_joints.row(kMiddleMcp).norm();
  rig->rest_origin[kForearmBone] = hand_from_mesh * mesh.joint_mm[kXrWrist];
  rig->rest_rotation[kForearmBone].setIdentity();
  rig->rest_length_mm[kForearmBone] = 1;
  for (int bone = 1; bone < kForearmBone; ++bone) {
    const bool metacarpal = bone < 5;
    const int finger = metacarpal ? bone : (bone - 5) / 3;
    const int segment = metacarpal ? -1 : (bone - 5) % 3;
    const Vector3d end = rig->rest_joints.row(FingerJoint(finger, segment + 1));
    const Vector3d start = metacarpal
                               ? hand_from_mesh * mesh.joint_mm[XrFingerJoint(finger, 0)]
                               : Vector3d(rig->rest_joints.row(FingerJoint(finger, segment)));
    rig->rest_origin[bone] = start;
    rig->rest_rotation[bone] = BoneFrame(start, end, sign * hinge[XrStartOfBone(bone)]);
    rig->rest_length_mm[bone] = (end - start).norm();
  }
}

SkinWeights FourLargest(std::map<int, double> by_bone) {
  std::vector<std::pair<double, int>> order;
  for (const auto& [bone, weight] : by_bone) order.emplace_back(-weight, bone);
  std::sort(order.begin(), order.end());
  if (order.size() > 4) order.resize(4);
  double sum = 0;
  for (const auto& [negative, bone] : order) sum -= negative;
  SkinWeights out;
  for (size_t i = 0; i < order.size(); ++i) {
    out.bone[i] = static_cast<uint8_t>(order[i].second);
    out.weight[i] = static_cast<float>(-order[i].first / sum);
  }
  return out;
}

// The skin behind the wrist follows the forearm.
void SetWeights(const RiggedMesh& mesh, Rig* rig) {
  const double wrist_z_mm = rig->rest_origin[kForearmBone].z();
  for (size_t v = 0; v < mesh.positions_mm.size(); ++v) {
    std::map<int, double> by_bone;
    for (const auto& [joint, weight] : mesh.weights[v]) by_bone[BoneOfXrJoint(joint)] += weight;
    if (rig->has_forearm) {
      const double share = SmoothStep(wrist_z_mm - 16, wrist_z_mm + 16, rig->positions[v].z());
      const double moved = share * by_bone[kPalmBone];
      by_bone[kPalmBone] -= moved;
      by_bone[kForearmBone] += moved;
    }
    rig->weights.push_back(FourLargest(std::move(by_bone)));
  }
}

void SetSurface(const std::vector<std::array<int, 3>>& triangles, int steps, Rig* rig) {
  Subdivision surface = LoopSubdivide(rig->positions.size(), triangles, steps);
  if (steps > 0) rig->positions = CompensateShrinkage(rig->positions, surface);
  rig->stencils = std::move(surface.stencils);
  rig->triangles = std::move(surface.triangles);

  for (const Stencil& stencil : rig->stencils) {
    Vector3d at = Vector3d::Zero();
    for (const auto& [v, weight] : stencil.terms) at += weight * rig->positions[v];
    rig->surface_rest.push_back(at.cast<float>());
  }
  for (const auto& t : rig->triangles) {
    std::array<double, 32> share{};
    for (int corner : t) {
      for (const auto& [v, weight] : rig->stencils[corner].terms) {
        for (int i = 0; i < 4; ++i) {
          const SkinWeights& w = rig->weights[v];
          share[PartOfBone(w.bone[i])] += weight * w.weight[i];
        }
      }
    }
    rig->triangle_part.push_back(
        static_cast<uint8_t>(std::max_element(share.begin(), share.end()) - share.begin()));
  }
}

// Weights of a skinned vertex over kNumSkinBones: of what a bone and its parent share, twice the
// smaller part goes to the bone half-way between them.
std::map<int, double> SkinBoneWeights(const SkinWeights& weights, bool halfway_bones) {
  std::map<int, double> by_bone;
  for (int i = 0; i < 4 && weights.weight[i] > 0; ++i)
    by_bone[weights.bone[i]] += weights.weight[i];
  for (int bone = 1; halfway_bones && bone < kNumBones; ++bone) {
    const auto child = by_bone.find(bone), parent = by_bone.find(ParentBone(bone));
    if (child == by_bone.end() || parent == by_bone.end()) continue;
    const double shared = std::min(child->second, parent->second);
    child->second -= shared;
    parent->second -= shared;
    by_bone[HalfwayBone(bone)] += 2 * shared;
  }
  return by_bone;
}

void SetSkin(Rig* rig) {
  std::vector<Eigen::Triplet<double>> terms;
  for (size_t v = 0; v < rig->stencils.size(); ++v) {
    for (const auto& [skinned, share] : rig->stencils[v].terms) {
      const Eigen::Vector4d rest = rig->positions[skinned].homogeneous();
      for (const auto& [bone, weight] :
           SkinBoneWeights(rig->weights[skinned], rig->halfway_bones)) {
        if (weight <= 0) continue;
        for (int c = 0; c < 4; ++c) {
          terms.emplace_back(static_cast<int>(v), 4 * bone + c, share * weight * rest[c]);
        }
      }
    }
  }
  Eigen::SparseMatrix<double, Eigen::RowMajor> skin(rig->stencils.size(), 4 * kNumSkinBones);
  skin.setFromTriplets(terms.begin(), terms.end());
  rig->skin = skin.cast<float>();
}

double DistanceToSegment(const Vector3d& p, const Vector3d& a, const Vector3d& b) {
  const Vector3d ab = b - a;
  const double t = std::clamp((p - a).dot(ab) / ab.squaredNorm(), 0.0, 1.0);
  return (p - a - t * ab).norm();
}

void SetFleshRadii(Rig* rig) {
  std::array<std::vector<double>, kNumBones> distances;
  for (size_t v = 0; v < rig->positions.size(); ++v) {
    const int bone = rig->weights[v].bone[0];
    if (rig->weights[v].weight[0] < 0.7f) continue;
    const Vector3d start = rig->rest_origin[bone];
    const Vector3d end = start - rig->rest_length_mm[bone] * rig->rest_rotation[bone].col(2);
    distances[bone].push_back(DistanceToSegment(rig->positions[v], start, end));
  }
  for (int b = 0; b < kNumBones; ++b) {
    auto& d = distances[b];
    if (d.empty()) continue;
    std::nth_element(d.begin(), d.begin() + d.size() / 2, d.end());
    rig->flesh_radius_mm[b] = d[d.size() / 2];
  }
}

}  // namespace

BonePoses BonePoses::Moved(const Rigid3& a_from_b) const {
  BonePoses out = *this;
  for (int b = 0; b < kNumBones; ++b) {
    out.origin_mm[b] = a_from_b * origin_mm[b];
    out.rotation[b] = a_from_b.rotation * rotation[b];
  }
  return out;
}

RigPose ToRigPose(const BonePoses& poses) {
  RigPose pose;
  for (int b = 0; b < kNumBones; ++b) {
    Eigen::Quaterniond q(poses.rotation[b]);
    q.normalize();
    if (q.w() < 0) q.coeffs() = -q.coeffs();
    for (int i = 0; i < 4; ++i) pose.rotation_xyzw[b][i] = static_cast<float>(q.coeffs()[i]);
    for (int i = 0; i < 3; ++i) {
      pose.origin_in_cam_mm[b][i] = static_cast<float>(poses.origin_mm[b][i]);
      pose.scale[b][i] = static_cast<float>(poses.scale[b][i]);
    }
  }
  return pose;
}

BonePoses ToBonePoses(const RigPose& pose) {
  BonePoses poses;
  for (int b = 0; b < kNumBones; ++b) {
    const auto& q = pose.rotation_xyzw[b];
    poses.rotation[b] = Eigen::Quaterniond(q[3], q[0], q[1], q[2]).normalized().toRotationMatrix();
    for (int i = 0; i < 3; ++i) {
      poses.origin_mm[b][i] = pose.origin_in_cam_mm[b][i];
      poses.scale[b][i] = pose.scale[b][i];
    }
  }
  return poses;
}

Rig LoadRig(const RigSpec& spec) {
  const std::filesystem::path file = FindAsset(spec.mesh);
  Rig rig = BuildRig(LoadRiggedMesh(file, spec), spec);
  rig.sha256 = MeshFileSha256(file);
  rig.licence = spec.licence;
  return rig;
}

Rig BuildRig(const RiggedMesh& mesh, const RigSpec& spec) {
  Rig rig;
  const Joints3 anchors = AnchorJoints(mesh, spec);
  const Rigid3 hand_from_mesh = HandFromMesh(anchors);
  rig.rest_joints = hand_from_mesh.Apply(anchors);
  SetRestBones(mesh, hand_from_mesh, &rig);
  for (const Vector3d& x : mesh.positions_mm) rig.positions.push_back(hand_from_mesh * x);
  rig.rest_hand_length_mm =
      (rig.rest_joints.row(kMiddleTip).transpose() - rig.rest_origin[kForearmBone]).norm() +
      spec.tip_below_surface_mm;
  rig.rest_hand_breadth_mm =
      (rig.rest_joints.row(kLittleMcp) - rig.rest_joints.row(kIndexMcp)).norm();

  std::vector<std::array<int, 3>> triangles = mesh.triangles;
  ForearmGrowth forearm;
  if (spec.forearm) {
    forearm = GrowForearm(
        rig.positions, triangles, rig.rest_origin[kForearmBone].z(), spec.forearm_length_mm);
    rig.has_forearm = !forearm.positions.empty();
  }
  SetWeights(mesh, &rig);
  if (rig.has_forearm) {
    triangles = forearm.triangles;
    for (const Vector3d& x : forearm.positions) {
      rig.positions.push_back(x);
      rig.weights.push_back(FourLargest({{kForearmBone, 1.0}}));
    }
  }
  rig.halfway_bones = spec.skinning == "halfway";
  SetFleshRadii(&rig);
  SetSurface(triangles, static_cast<int>(spec.subdivision), &rig);
  SetSkin(&rig);
  rig.flesh = FitFlesh(rig);
  return rig;
}

int BoneAtJoint(int joint) {
  if (joint == kWrist) return kPalmBone;
  return SegmentBone(FingerOf(joint), std::min(LevelOf(joint), 2));
}

int ParentBone(int bone) {
  if (bone == kPalmBone) return -1;
  if (bone < 5 || bone == kForearmBone) return kPalmBone;
  const int finger = (bone - 5) / 3, segment = (bone - 5) % 3;
  if (segment > 0) return bone - 1;
  return finger == kThumb ? kPalmBone : MetacarpalBone(finger);
}

Part PartOfBone(int bone) {
  if (bone < 5) return kPartPalm;
  if (bone == kForearmBone) return kPartForearm;
  return static_cast<Part>(SegmentPart((bone - 5) / 3, (bone - 5) % 3));
}

Joints3 JointsOf(const Rig& rig, const BonePoses& poses) {
  Joints3 joints;
  for (int j = 0; j < kNumJoints; ++j) {
    const int bone = BoneAtJoint(j);
    const bool tip = j != kWrist && LevelOf(j) == 3;
    Vector3d x = poses.origin_mm[bone];
    if (tip) x -= rig.rest_length_mm[bone] * poses.scale[bone].z() * poses.rotation[bone].col(2);
    joints.row(j) = x;
  }
  return joints;
}

void PoseSurface(const Rig& rig, const BonePoses& poses, std::vector<Eigen::Vector3f>* surface_mm) {
  // Row 4 b + c is column c of bone b's affine map x -> A x + t; the fourth number only pads.
  Eigen::Matrix<float, 4 * kNumSkinBones, 4, Eigen::RowMajor> maps;
  maps.setZero();
  const auto set_map = [&maps](
                           int bone, const Matrix3d& a, const Vector3d& rest, const Vector3d& at) {
    maps.block<3, 3>(4 * bone, 0) = a.transpose().cast<float>();
    maps.block<1, 3>(4 * bone + 3, 0) = (at - a * rest).transpose().cast<float>();
  };
  std::array<Eigen::Quaterniond, kNumBones> turn;  // from rest
  std::array<Matrix3d, kNumBones> stretch;         // before it, in the rest frame
  for (int b = 0; b < kNumBones; ++b) {
    const Matrix3d& rest = rig.rest_rotation[b];
    const Matrix3d a = poses.rotation[b] * poses.scale[b].asDiagonal() * rest.transpose();
    set_map(b, a, rig.rest_origin[b], poses.origin_mm[b]);
    turn[b] = Eigen::Quaterniond(Matrix3d(poses.rotation[b] * rest.transpose()));
    stretch[b] = rest * poses.scale[b].asDiagonal() * rest.transpose();
  }
  for (int b = 1; rig.halfway_bones && b < kNumBones; ++b) {
    const int parent = ParentBone(b);
    const Matrix3d a = turn[parent].slerp(0.5, turn[b]).toRotationMatrix() *
                       (0.5 * (stretch[parent] + stretch[b]));
    set_map(HalfwayBone(b), a, rig.rest_origin[b], poses.origin_mm[b]);
  }
  surface_mm->resize(rig.num_surface_vertices());
  for (Eigen::Index v = 0; v < rig.skin.rows(); ++v) {
    Eigen::RowVector4f x = Eigen::RowVector4f::Zero();
    for (decltype(rig.skin)::InnerIterator term(rig.skin, v); term; ++term) {
      x += term.value() * maps.row(term.index());
    }
    (*surface_mm)[v] = x.head<3>();
  }
}

}  // namespace handforge
