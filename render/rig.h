#pragma once

#include "io/core/tuple.h"
#include "render/rig_loader.h"
#include "render/rig_spec.h"

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include <Eigen/Core>
#include <Eigen/Geometry>
#include <Eigen/SparseCore>

namespace handforge {

// Working form of `RigPose`, in double precision and any frame.
struct BonePoses {
  std::array<Eigen::Vector3d, kNumBones> origin_mm;
  std::array<Eigen::Matrix3d, kNumBones> rotation;
  std::array<Eigen::Vector3d, kNumBones> scale;

  // x_in_a for poses given in b.
  BonePoses Moved(const Rigid3& a_from_b) const;
};
RigPose ToRigPose(const BonePoses& poses);
BonePoses ToBonePoses(const RigPose& pose);

// One vertex's share in up to four bones; unused entries have weight 0.
struct SkinWeights {
  std::array<uint8_t, 4> bone{};
  std::array<float, 4> weight{};
};

// A bone's joint with its parent: an extra bone that turns half-way between the two, bone >= 1.
constexpr int kNumSkinBones = 2 * kNumBones - 1;
constexpr int HalfwayBone(int bone) { return kNumBones + bone - 1; }

// Row of the sparse matrix that makes a subdivided vertex from the skinned ones.
struct Stencil {
  std::vector<std::pair<int, float>> terms;
};

// Tapered capsule around a bone, in the bone's own frame at rest, mm; radius 0 where there is none.
struct FleshCapsule {
  Eigen::Vector3d start_mm = Eigen::Vector3d::Zero();
  Eigen::Vector3d end_mm = Eigen::Vector3d::Zero();
  double start_radius_mm = 0;
  double end_radius_mm = 0;
};

// A hand ready to be posed: right hand at rest in the hand frame (origin at the labelled wrist, x
// towards the little finger, y out of the back of the hand, -z towards the middle MCP; mm).
struct Rig {
  // Bone frames at rest: -z along the bone, +y dorsal, x the hinge axis.
  std::array<Eigen::Vector3d, kNumBones> rest_origin;
  std::array<Eigen::Matrix3d, kNumBones> rest_rotation;
  std::array<double, kNumBones> rest_length_mm;
  Joints3 rest_joints = Joints3::Zero();  // the 21 labelled joints

  std::vector<Eigen::Vector3d> positions;  // skinned vertices at rest
  std::vector<SkinWeights> weights;        // same size
  // Surface: vertices are `stencils` applied to the skinned vertices.
  std::vector<Stencil> stencils;
  // Skinning and stencils in one: {num_surface_vertices, 4 kNumSkinBones}, row v holds the weighted
  // homogeneous rest positions that surface vertex v has in each bone. See PoseSurface.
  Eigen::SparseMatrix<float, Eigen::RowMajor> skin;
  std::vector<std::array<int, 3>> triangles;
  std::vector<uint8_t> triangle_part;             // `Part`
  std::vector<Eigen::Vector3f> surface_rest;      // rest position of surface vertices
  std::array<double, kNumBones> flesh_radius_mm;  // median distance of a bone's skin from its axis
  std::array<FleshCapsule, kNumBones> flesh;      // see FitFlesh
  bool has_forearm = false;
  bool halfway_bones = false;
  std::string sha256;   // of the mesh file
  std::string licence;  // of the mesh file, as the spec states it

  double rest_hand_length_mm = 0;   // rig's wrist joint to the skin's end at the middle finger
  double rest_hand_breadth_mm = 0;  // labelled index MCP to little MCP

  size_t num_surface_vertices() const { return stencils.size(); }
};

// Loads the spec's mesh and prepares it. See `LoadRiggedMesh` for errors.
Rig LoadRig(const RigSpec& spec);
Rig BuildRig(const RiggedMesh& mesh, const RigSpec& spec);

// Bone that carries a labelled joint.
int BoneAtJoint(int joint);
// Parent in the kinematic tree; -1 for the palm.
int ParentBone(int bone);
Part PartOfBone(int bone);

// The labelled joints of a posed rig: origins of the bones and ends of the last ones.
Joints3 JointsOf(const Rig& rig, const BonePoses& poses);

// Linear blend skinning, then the stencils: both are linear in the bones' affine maps, so the
// surface is one sparse matrix times those. `surface_mm` is resized to num_surface_vertices().
// With `halfway_bones` skin that a bone and its parent share equally follows a third bone that
// turns half-way about their joint instead of the mean of the two, which would thin it (Mohr and
// Gleicher, Building efficient, accurate character skins from examples, SIGGRAPH 2003).
void PoseSurface(const Rig& rig, const BonePoses& poses, std::vector<Eigen::Vector3f>* surface_mm);

}  // namespace handforge
