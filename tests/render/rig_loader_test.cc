#include "render/rig_loader.h"

#include "io/assets.h"
#include "io/core/error.h"
#include "io/files.h"
#include "tests/render/render_testing.h"

#include <cstring>
#include <fstream>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

RigSpec Spec() { return RigSpec::Load(SourcePath("configs/rigs/generic-hand.yaml")); }

std::string LoadError(const fs::path& file, const RigSpec& spec) {
  try {
    LoadRiggedMesh(file, spec);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

fs::path WriteFile(const std::string& name, const std::string& bytes) {
  const fs::path path = fs::path(::testing::TempDir()) / name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

TEST(LoadRiggedMesh, ReadsTheGenericHand) {
  const RiggedMesh mesh = LoadRiggedMesh(FindAsset(Spec().mesh), Spec());
  EXPECT_EQ(mesh.positions_mm.size(), 1159u);
  EXPECT_EQ(mesh.triangles.size(), 2314u);
  for (const auto& weights : mesh.weights) {
    double sum = 0;
    for (const auto& [joint, weight] : weights) sum += weight;
    EXPECT_NEAR(sum, 1, 1e-6);
    EXPECT_LE(weights.size(), 4u);
  }
}

TEST(LoadRiggedMesh, KeepsTheVolumeOfTheMirroredHandPositive) {
  const RiggedMesh mesh = LoadRiggedMesh(FindAsset(Spec().mesh), Spec());
  double volume_mm3 = 0;
  for (const auto& t : mesh.triangles) {
    volume_mm3 +=
        mesh.positions_mm[t[0]].dot(mesh.positions_mm[t[1]].cross(mesh.positions_mm[t[2]])) / 6;
  }
  EXPECT_NEAR(volume_mm3 / 1000, 343.2, 1) << "cm^3; negative: triangles are inside out";
}

TEST(LoadRiggedMesh, SidesAreMirrorImages) {
  RigSpec right = Spec();
  right.side = "right";
  const RiggedMesh as_left = LoadRiggedMesh(FindAsset(Spec().mesh), Spec());
  const RiggedMesh as_right = LoadRiggedMesh(FindAsset(right.mesh), right);
  for (size_t v = 0; v < as_left.positions_mm.size(); ++v) {
    const Eigen::Vector3d m = as_right.positions_mm[v].cwiseProduct(Eigen::Vector3d(-1, 1, 1));
    ASSERT_LE((as_left.positions_mm[v] - m).norm(), 1e-9);
  }
}

TEST(LoadRiggedMesh, NamesAMissingFile) {
  EXPECT_THROW(LoadRiggedMesh("/nowhere/hand.glb", Spec()), EnvironmentError);
  EXPECT_THAT(LoadError("/nowhere/hand.glb", Spec()),
              HasSubstr("/nowhere/hand.glb does not exist"));
}

TEST(LoadRiggedMesh, RefusesATruncatedFileAtEveryLength) {
  const std::string whole = ReadText(FindAsset(Spec().mesh));
  for (const size_t length :
       {size_t{0}, size_t{4}, size_t{19}, size_t{500}, whole.size() / 2, whole.size() - 8}) {
    const fs::path file = WriteFile("truncated.glb", whole.substr(0, length));
    EXPECT_THAT(LoadError(file, Spec()), HasSubstr("truncated.glb: ")) << length << " bytes";
  }
}

TEST(LoadRiggedMesh, RefusesAForeignFile) {
  EXPECT_THAT(LoadError(WriteFile("foreign.glb", "not a mesh at all"), Spec()),
              HasSubstr("foreign.glb: cannot be read"));
}

TEST(LoadRiggedMesh, ListsAllJointsThatAreMissing) {
  RigSpec spec = Spec();
  spec.joints[kXrThumbTip] = "Thumb_Tip";
  spec.joints[XrFingerJoint(kRing, 2)] = "Ring_2";
  const std::string error = LoadError(FindAsset(spec.mesh), spec);
  EXPECT_THAT(error, HasSubstr("lacks the joints Thumb_Tip, Ring_2"));
  EXPECT_THAT(error, HasSubstr("`joints:` map"));
}

TEST(LoadRiggedMesh, NamesABoneThatIsNoKnownJoint) {
  RigSpec spec = Spec();
  // The name of an unskinned node: the joint exists, but the skin of the real one is left over.
  spec.joints[XrFingerJoint(kIndex, 1)] = "xr_standard_trigger_pressed_min";
  EXPECT_THAT(LoadError(FindAsset(spec.mesh), spec),
              HasSubstr("bone index-finger-phalanx-proximal moves the skin but is no known joint"));
}

TEST(LoadRiggedMesh, AsksForTheLengthUnit) {
  RigSpec spec = Spec();
  spec.millimetres_per_unit = 1;
  EXPECT_THAT(LoadError(FindAsset(spec.mesh), spec), HasSubstr("set millimetres_per_unit"));
}

TEST(LoadRiggedMesh, RefusesAMeshWithoutSkin) {
  const fs::path file = WriteFile("plain.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n");
  EXPECT_THAT(LoadError(file, Spec()), HasSubstr("no skinned mesh"));
}

TEST(LoadRiggedMesh, RefusesOneJointUnderTwoNames) {
  RigSpec twice = Spec();
  const int tip = XrFingerJoint(kIndex, 4);
  twice.joints[tip] = twice.joints[tip - 1];
  EXPECT_THAT(LoadError(FindAsset(twice.mesh), twice),
              ::testing::AllOf(HasSubstr(twice.joints[tip]), HasSubstr("0.000000 mm apart")));
}

// The generic hand whose middle metacarpal starts where the index finger's does.
std::string WithOneCarpus() {
  std::string bytes = ReadText(FindAsset(Spec().mesh));
  uint32_t json_bytes = 0;
  std::memcpy(&json_bytes, bytes.data() + 12, sizeof json_bytes);
  const auto json = nlohmann::json::parse(bytes.substr(20, json_bytes));
  const auto& skin = json["skins"][0];
  const auto& accessor = json["accessors"][skin["inverseBindMatrices"].get<size_t>()];
  const auto& view = json["bufferViews"][accessor["bufferView"].get<size_t>()];
  const auto matrix = [&](int finger) {
    const std::string name = Spec().joints[XrFingerJoint(finger, 0)];
    size_t place = 0;
    while (json["nodes"][skin["joints"][place].get<size_t>()]["name"] != name) ++place;
    return bytes.data() + 20 + json_bytes + 8 + view.value("byteOffset", size_t{0}) +
           accessor.value("byteOffset", size_t{0}) + place * 16 * sizeof(float);
  };
  std::memcpy(matrix(kMiddle), matrix(kIndex), 16 * sizeof(float));
  return bytes;
}

// MakeHuman's skeleton is such.
TEST(LoadRiggedMesh, MetacarpalsMayStartFromOnePlace) {
  const RiggedMesh mesh = LoadRiggedMesh(WriteFile("carpus.glb", WithOneCarpus()), Spec());
  EXPECT_LT(
      (mesh.joint_mm[XrFingerJoint(kMiddle, 0)] - mesh.joint_mm[XrFingerJoint(kIndex, 0)]).norm(),
      1e-3);
}

// The generic hand with the first number of its second joint's bind pose replaced, and the number
// that moves it along x.
std::string WithBindPose(float first, float along_x) {
  std::string bytes = ReadText(FindAsset(Spec().mesh));
  uint32_t json_bytes = 0;
  std::memcpy(&json_bytes, bytes.data() + 12, sizeof json_bytes);
  const auto json = nlohmann::json::parse(bytes.substr(20, json_bytes));
  const auto& accessor = json["accessors"][json["skins"][0]["inverseBindMatrices"].get<size_t>()];
  const auto& view = json["bufferViews"][accessor["bufferView"].get<size_t>()];
  const size_t matrix = 20 + json_bytes + 8 + view.value("byteOffset", size_t{0}) +
                        accessor.value("byteOffset", size_t{0}) + 16 * sizeof(float);
  std::memcpy(bytes.data() + matrix, &first, sizeof first);
  std::memcpy(bytes.data() + matrix + 12 * sizeof(float), &along_x, sizeof along_x);
  return bytes;
}

TEST(LoadRiggedMesh, RefusesABindPoseThatIsNotFiniteOrOfAnotherWorld) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(LoadError(WriteFile("nan_bind.glb", WithBindPose(nan, 0)), Spec()),
              ::testing::AllOf(HasSubstr("nan_bind.glb"), HasSubstr("is not finite")));
  EXPECT_THAT(LoadError(WriteFile("far_bind.glb", WithBindPose(1, 1000)), Spec()),
              ::testing::AllOf(HasSubstr("far_bind.glb"), HasSubstr("mm apart")));
}

}  // namespace
}  // namespace handforge
