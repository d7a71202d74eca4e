#include "render/rig.h"

#include "render/kinematics.h"
#include "render/subdivision.h"
#include "tests/render/render_testing.h"

#include <cmath>
#include <map>
#include <string>

#include <gtest/gtest.h>

namespace handforge {
namespace {

std::vector<Eigen::Vector3f> RestSurface() {
  BonePoses rest;
  for (int b = 0; b < kNumBones; ++b) {
    rest.origin_mm[b] = TestRig().rest_origin[b];
    rest.rotation[b] = TestRig().rest_rotation[b];
    rest.scale[b].setOnes();
  }
  std::vector<Eigen::Vector3f> surface;
  PoseSurface(TestRig(), rest, &surface);
  return surface;
}

const Rig& RigSkinned(const std::string& skinning);

// The definition in `RigPose`, vertex by vertex and in double precision, then the stencils.
std::vector<Eigen::Vector3d> SurfaceByDefinition(const BonePoses& poses) {
  const Rig& rig = TestRig();
  std::vector<Eigen::Vector3d> skinned(rig.positions.size(), Eigen::Vector3d::Zero());
  for (size_t v = 0; v < skinned.size(); ++v) {
    for (int i = 0; i < 4; ++i) {
      const int b = rig.weights[v].bone[i];
      skinned[v] +=
          rig.weights[v].weight[i] *
          (poses.origin_mm[b] + poses.rotation[b] * poses.scale[b].cwiseProduct(
                                                        rig.rest_rotation[b].transpose() *
                                                        (rig.positions[v] - rig.rest_origin[b])));
    }
  }
  std::vector<Eigen::Vector3d> surface;
  for (const Stencil& stencil : rig.stencils) {
    surface.push_back(Eigen::Vector3d::Zero());
    for (const auto& [v, weight] : stencil.terms) surface.back() += weight * skinned[v];
  }
  return surface;
}

TEST(PoseSurface, IsWhatTheDefinitionSays) {
  for (int i = 0; i < 20; ++i) {
    const BonePoses poses = DrawHand(41, i).poses_in_cam;
    std::vector<Eigen::Vector3f> surface;
    PoseSurface(RigSkinned("linear"), poses, &surface);
    const auto expected = SurfaceByDefinition(poses);
    ASSERT_EQ(surface.size(), expected.size());
    for (size_t v = 0; v < surface.size(); ++v) {
      ASSERT_LE((surface[v].cast<double>() - expected[v]).norm(), 1e-3) << "vertex " << v;
    }
  }
}

// A rig with the given skinning, loaded once.
const Rig& RigSkinned(const std::string& skinning) {
  static std::map<std::string, Rig> rigs;
  const auto it = rigs.find(skinning);
  if (it != rigs.end()) return it->second;
  RigSpec spec = RigSpec::Load(SourcePath("configs/rigs/generic-hand.yaml"));
  spec.skinning = skinning;
  return rigs.emplace(skinning, LoadRig(spec)).first->second;
}

BonePoses Fist(const Rig& rig, double pip_deg) {
  HandAngles angles{};
  for (int finger = kIndex; finger <= kLittle; ++finger) {
    angles[FingerAngle(finger, kMcpFlexion)] = 0.6 * pip_deg;
    angles[FingerAngle(finger, kPipFlexion)] = pip_deg;
    angles[FingerAngle(finger, kDipFlexion)] = 2.0 / 3 * pip_deg;
  }
  return ForwardKinematics(rig, HandShape(), angles);
}

// Mean distance from the PIP of the skin that at rest lies within 2 mm of the joint's plane.
double PipRadius(const Rig& rig, const BonePoses& poses, int finger) {
  const int bone = SegmentBone(finger, 1);
  std::vector<Eigen::Vector3f> surface;
  PoseSurface(rig, poses, &surface);
  double sum = 0;
  int n = 0;
  for (size_t v = 0; v < surface.size(); ++v) {
    const Eigen::Vector3d in_bone = rig.rest_rotation[bone].transpose() *
                                    (rig.surface_rest[v].cast<double>() - rig.rest_origin[bone]);
    if (std::abs(in_bone.z()) > 2 || in_bone.head<2>().norm() > 14) continue;
    sum += (surface[v].cast<double>() - poses.origin_mm[bone]).norm();
    ++n;
  }
  return sum / n;
}

double Volume(const Rig& rig, const BonePoses& poses) {
  std::vector<Eigen::Vector3f> x;
  PoseSurface(rig, poses, &x);
  double six = 0;
  for (const auto& t : rig.triangles) six += x[t[0]].dot(x[t[1]].cross(x[t[2]]));
  return six / 6;
}

TEST(PoseSurface, HalfwayBonesKeepTheGirthOfBentJoints) {
  double thinnest_linear = 1, thinnest_halfway = 1;
  for (int finger = kIndex; finger <= kLittle; ++finger) {
    for (const double flexion : {60.0, 90.0, 105.0}) {
      const auto ratio = [&](const Rig& rig) {
        return PipRadius(rig, Fist(rig, flexion), finger) / PipRadius(rig, Fist(rig, 0), finger);
      };
      thinnest_linear = std::min(thinnest_linear, ratio(RigSkinned("linear")));
      thinnest_halfway = std::min(thinnest_halfway, ratio(RigSkinned("halfway")));
    }
  }
  const auto loss = [](const Rig& rig) {
    return 1 - Volume(rig, Fist(rig, 105)) / Volume(rig, Fist(rig, 0));
  };
  RecordProperty("thinnest_linear", std::to_string(thinnest_linear));
  RecordProperty("thinnest_halfway", std::to_string(thinnest_halfway));
  RecordProperty("loss_linear", std::to_string(loss(RigSkinned("linear"))));
  RecordProperty("loss_halfway", std::to_string(loss(RigSkinned("halfway"))));
  EXPECT_GE(thinnest_halfway, 0.9);
  EXPECT_GT(thinnest_halfway, thinnest_linear + 0.04);
  EXPECT_LT(std::abs(loss(RigSkinned("halfway"))), loss(RigSkinned("linear")));
}

TEST(Rig, IsARightHandInTheHandFrame) {
  const Joints3& j = TestRig().rest_joints;
  EXPECT_LE(j.row(kWrist).norm(), 1e-9);
  EXPECT_LT(j(kMiddleMcp, 2), -60) << "-z points to the fingers";
  EXPECT_NEAR(j(kMiddleMcp, 0), 0, 1e-9);
  EXPECT_GT(j(kLittleMcp, 0), 15) << "x points to the little finger";
  EXPECT_LT(j(kThumbTip, 0), -30);
  EXPECT_LT(j(kThumbTip, 1), 0) << "the relaxed thumb lies on the palm side";
}

TEST(Rig, BoneFramesAreRotationsAlongTheirBones) {
  for (int b = 0; b < kNumBones; ++b) {
    const Eigen::Matrix3d r = TestRig().rest_rotation[b];
    EXPECT_NEAR(r.determinant(), 1, 1e-9) << b;
    EXPECT_LE((r * r.transpose() - Eigen::Matrix3d::Identity()).norm(), 1e-9) << b;
  }
  for (int finger = kIndex; finger <= kLittle; ++finger) {
    for (int s = 0; s < 3; ++s) {
      EXPECT_GT(TestRig().rest_rotation[SegmentBone(finger, s)](1, 1), 0.8) << "+y is dorsal";
    }
  }
}

TEST(Rig, TipAnchorsLieUnderTheSkin) {
  const auto surface = RestSurface();
  for (int finger = kThumb; finger <= kLittle; ++finger) {
    const Eigen::Vector3f tip =
        TestRig().rest_joints.row(FingerJoint(finger, 3)).transpose().cast<float>();
    const Eigen::Vector3f along =
        -TestRig().rest_rotation[SegmentBone(finger, 2)].col(2).cast<float>();
    float beyond = -1e9f;
    for (const auto& x : surface) {
      if ((x - tip).norm() < 12) beyond = std::max(beyond, along.dot(x - tip));
    }
    EXPECT_NEAR(beyond, 3, 0.8) << kFingerNames[finger];
  }
}

TEST(Rig, SurfaceIsClosedAndEveryPartIsThere) {
  std::map<std::pair<int, int>, int> edges;
  std::map<int, int> parts;
  for (size_t t = 0; t < TestRig().triangles.size(); ++t) {
    ++parts[TestRig().triangle_part[t]];
    for (int e = 0; e < 3; ++e) {
      ++edges[{TestRig().triangles[t][e], TestRig().triangles[t][(e + 1) % 3]}];
    }
  }
  for (const auto& [edge, count] : edges) {
    ASSERT_EQ(count, 1);
    ASSERT_EQ(edges.count({edge.second, edge.first}), 1u);
  }
  for (int part = kPartPalm; part <= kPartForearm; ++part) EXPECT_GT(parts[part], 20) << part;
  EXPECT_EQ(parts.count(kPartBackground), 0u);
}

TEST(Rig, RestPoseGivesTheRestSurface) {
  const auto surface = RestSurface();
  ASSERT_EQ(surface.size(), TestRig().surface_rest.size());
  for (size_t v = 0; v < surface.size(); ++v) {
    ASSERT_LE((surface[v] - TestRig().surface_rest[v]).norm(), 1e-3f) << v;
  }
}

TEST(Rig, PoseSurvivesItsRecord) {
  for (int i = 0; i < 200; ++i) {
    const BonePoses poses = DrawHand(3, i).poses_in_cam;
    const BonePoses back = ToBonePoses(ToRigPose(poses));
    EXPECT_LE((JointsOf(TestRig(), poses) - JointsOf(TestRig(), back)).cwiseAbs().maxCoeff(), 1e-3);
    const RigPose once = ToRigPose(poses);
    for (const auto& q : once.rotation_xyzw) {
      EXPECT_NEAR(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3], 1, 1e-5);
    }
  }
}

TEST(LoopSubdivide, ReproducesPlanesAndSumsToOne) {
  // An octahedron: every stencil is an affine combination, so affine functions are reproduced.
  const std::vector<std::array<int, 3>> octahedron = {
      {0, 2, 4}, {2, 1, 4}, {1, 3, 4}, {3, 0, 4}, {2, 0, 5}, {1, 2, 5}, {3, 1, 5}, {0, 3, 5}};
  for (int steps = 0; steps <= 2; ++steps) {
    const Subdivision s = LoopSubdivide(6, octahedron, steps);
    EXPECT_EQ(s.triangles.size(), 8u << (2 * steps));
    EXPECT_EQ(s.stencils.size(), 2 + s.triangles.size() / 2) << "Euler's formula";
    for (const Stencil& stencil : s.stencils) {
      float sum = 0;
      for (const auto& [v, weight] : stencil.terms) sum += weight;
      EXPECT_NEAR(sum, 1, 1e-6);
    }
  }
}

// The forearm replaces the cap that a hand file ends in, and with it the vertices inside the cap.
TEST(LoopSubdivide, KeepsVerticesOfNoTriangle) {
  const std::vector<std::array<int, 3>> tetrahedron = {{0, 2, 1}, {0, 1, 3}, {1, 2, 3}, {2, 0, 3}};
  for (int steps = 0; steps <= 2; ++steps) {
    const Subdivision s = LoopSubdivide(5, tetrahedron, steps);
    ASSERT_EQ(s.stencils[4].terms.size(), 1U) << steps;
    EXPECT_EQ(s.stencils[4].terms[0], std::make_pair(4, 1.0F)) << steps;
  }
}

TEST(LoopSubdivide, CompensationKeepsTheHandsVolume) {
  // The loaded mesh holds 343 cm^3 before its cap gives way to the forearm; compare without one.
  RigSpec spec = RigSpec::Load(SourcePath("configs/rigs/generic-hand.yaml"));
  spec.forearm = false;
  const Rig rig = LoadRig(spec);
  EXPECT_FALSE(rig.has_forearm);
  double volume_mm3 = 0;
  for (const auto& t : rig.triangles) {
    volume_mm3 +=
        rig.surface_rest[t[0]].dot(rig.surface_rest[t[1]].cross(rig.surface_rest[t[2]])) / 6;
  }
  // A smooth surface through the corners of a convex polyhedron holds a little more.
  EXPECT_NEAR(volume_mm3 / 1000, 1.02 * 343.2, 0.015 * 343.2);
}

}  // namespace
}  // namespace handforge
