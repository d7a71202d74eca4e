#include "render/object_library.h"

#include "io/core/error.h"
#include "io/files.h"
#include "render/mesh_file.h"
#include "render/solids.h"
#include "tests/io/temporary_folder.h"
#include "tests/render/render_testing.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

double Volume(const TriangleMesh& mesh) {
  double six = 0;
  for (const auto& t : mesh.triangles) {
    six += mesh.vertices_mm[t[0]].cast<double>().dot(
        mesh.vertices_mm[t[1]].cast<double>().cross(mesh.vertices_mm[t[2]].cast<double>()));
  }
  return six / 6;
}

Eigen::AlignedBox3f Bounds(const TriangleMesh& mesh) {
  Eigen::AlignedBox3f box;
  for (const Eigen::Vector3f& v : mesh.vertices_mm) box.extend(v);
  return box;
}

fs::path Written(const std::string& name, const std::string& text) {
  const fs::path file = fs::path(::testing::TempDir()) / name;
  std::ofstream(file) << text;
  return file;
}

template <typename Make>
std::string ErrorOf(const Make& make) {
  try {
    make();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

std::set<std::string> NamesIn(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

template <typename Action>
void WithFilesOfAtMost(rlim_t bytes, const Action& action) {
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{bytes, before.rlim_max};
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  action();
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
}

TEST(Solids, AreClosedAndFillTheirBox) {
  const Eigen::Vector3d size(40, 40, 60);
  for (int s = 0; s < kNumSolids; ++s) {
    const TriangleMesh mesh = MakeSolid(static_cast<Solid>(s), size);
    std::map<std::pair<int, int>, int> directed;
    for (const auto& t : mesh.triangles) {
      for (int e = 0; e < 3; ++e) ++directed[{t[e], t[(e + 1) % 3]}];
    }
    for (const auto& [edge, count] : directed) {
      ASSERT_EQ(count, 1) << kSolidNames[s];
      ASSERT_EQ(directed.count({edge.second, edge.first}), 1u) << kSolidNames[s];
    }
    EXPECT_GT(Volume(mesh), 0) << kSolidNames[s] << " is turned inside out";
    EXPECT_NEAR(Bounds(mesh).sizes().x(), 40, 0.2) << kSolidNames[s];
  }
}

TEST(Solids, HaveTheVolumesOfTheirFormulas) {
  const auto volume = [](Solid solid, const Eigen::Vector3d& size) {
    return Volume(MakeSolid(solid, size));
  };
  EXPECT_NEAR(volume(Solid::kBox, {10, 20, 30}), 6000, 1e-2);
  EXPECT_NEAR(volume(Solid::kCylinder, {20, 20, 50}), M_PI * 100 * 50, 0.01 * M_PI * 5000);
  EXPECT_NEAR(volume(Solid::kSphere, {20, 20, 20}), 4.0 / 3 * M_PI * 1000, 70);
  EXPECT_NEAR(volume(Solid::kCapsule, {20, 20, 50}), M_PI * 100 * 30 + 4.0 / 3 * M_PI * 1000, 180);
  // 2 pi^2 R r^2 with R = 15, r = 5.
  EXPECT_NEAR(volume(Solid::kTorus, {40, 40, 10}), 2 * M_PI * M_PI * 15 * 25, 250);
  EXPECT_THROW(volume(Solid::kBox, {10, 0, 10}), UsageError);
}

TEST(ObjectLibrary, PlacesAndMirrors) {
  const ObjectLibrary library;
  SceneObject object;
  object.shape = library.Find("mug");
  object.size_mm = {80, 80, 100};
  object.rotation_xyzw = {0.2f, 0.1f, -0.3f, 0.927f};
  object.origin_in_cam_mm = {30, -20, 400};
  const TriangleMesh mesh = library.Place(object);
  SceneObject mirrored = object;
  mirrored.size_mm[0] *= -1;
  mirrored.rotation_xyzw[1] *= -1;
  mirrored.rotation_xyzw[2] *= -1;
  mirrored.origin_in_cam_mm[0] *= -1;
  const TriangleMesh other = library.Place(mirrored);
  for (size_t v = 0; v < mesh.vertices_mm.size(); ++v) {
    const Eigen::Vector3f expected = mesh.vertices_mm[v].cwiseProduct(Eigen::Vector3f(-1, 1, 1));
    ASSERT_LE((other.vertices_mm[v] - expected).norm(), 1e-3f);
  }
  EXPECT_NEAR(Volume(other), Volume(mesh), 1e-3 * Volume(mesh)) << "still the right way out";

  const TriangleMesh own = MakeSolid(Solid::kMug, {80, 80, 100});
  for (size_t v = 0; v < own.vertices_mm.size(); ++v) {
    const Eigen::Vector3f x = own.vertices_mm[v];
    ASSERT_LE((ObjectLibrary::InObject(object, mesh.vertices_mm[v]) - x).norm(), 1e-3f);
    ASSERT_LE((ObjectLibrary::InObject(mirrored, other.vertices_mm[v]) - x).norm(), 1e-3f);
  }
  object.shape = 99;
  EXPECT_THROW(library.Place(object), DataError);
}

TEST(MeshFile, SurvivesAllFormats) {
  const TriangleMesh torus = MakeSolid(Solid::kTorus, {60, 60, 20});
  for (const char* extension : {".glb", ".gltf", ".obj", ".ply", ".stl"}) {
    const fs::path file = fs::path(::testing::TempDir()) / (std::string("torus") + extension);
    WriteMeshFile({{"torus", torus}}, file);
    const TriangleMesh back = LoadMeshFile(file);
    EXPECT_EQ(back.triangles.size(), torus.triangles.size()) << extension;
    EXPECT_NEAR(Volume(back) * 1e9, Volume(torus), 0.01 * Volume(torus)) << extension << ", metres";
  }
  EXPECT_THAT(ErrorOf([&] { WriteMeshFile({{"torus", torus}}, "torus.max"); }), HasSubstr(".glb"));
}

TEST(MeshFile, IsWrittenWholeOrNotAtAll) {
  const TriangleMesh torus = MakeSolid(Solid::kTorus, {60, 60, 20});
  for (const char* extension : {".glb", ".gltf", ".obj", ".ply", ".stl"}) {
    const TemporaryFolder folder;
    const fs::path file = folder / (std::string("ring") + extension);
    WriteMeshFile({{"torus", torus}}, file);
    const std::set<std::string> names = std::string(extension) == ".gltf"
                                            ? std::set<std::string>{"ring.gltf", "ring.bin"}
                                            : std::set<std::string>{file.filename().string()};
    EXPECT_EQ(NamesIn(folder.path()), names);
    // As on a full disk, writing ends in the middle.
    const std::string before = Sha256OfFile(file);
    WithFilesOfAtMost(1000, [&] {
      EXPECT_THROW(WriteMeshFile({{"torus", torus}, {"more", torus}}, file), EnvironmentError)
          << extension;
    });
    EXPECT_EQ(Sha256OfFile(file), before);
    EXPECT_EQ(NamesIn(folder.path()), names);
  }
}

TEST(ObjectLibrary, IsRestoredFromTheSameFilesOnly) {
  const TemporaryFolder folder;
  const fs::path file = folder / "box.obj";
  WriteMeshFile({{"box", MakeSolid(Solid::kBox, {10, 20, 30})}}, file);
  ObjectLibrary library;
  library.AddFile(file.string());
  EXPECT_EQ(ObjectLibrary::Restore(library.names(), library.sha256()).names(), library.names());
  WriteMeshFile({{"box", MakeSolid(Solid::kBox, {10, 20, 40})}}, file);
  EXPECT_THAT(ErrorOf([&] { ObjectLibrary::Restore(library.names(), library.sha256()); }),
              HasSubstr("box.obj is another file than the dataset was made with"));
}

TEST(MeshFile, RefusesDamageByName) {
  const auto load = [](const fs::path& file) { return ErrorOf([&] { LoadMeshFile(file); }); };
  EXPECT_THAT(load("/nowhere/spoon.obj"), HasSubstr("/nowhere/spoon.obj does not exist"));
  EXPECT_THAT(load(Written("empty.obj", "# nothing\n")), HasSubstr("empty.obj"));
  EXPECT_THAT(load(Written("point.obj", "v 0 0 0\np 1\n")), HasSubstr("point.obj"));
  EXPECT_THAT(load(Written("noise.glb", "this is no 3D file")), HasSubstr("noise.glb"));
  EXPECT_THAT(load(Written("nan.ply",
                           "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty "
                           "float y\nproperty float z\nelement face 1\nproperty list uchar int "
                           "vertex_indices\nend_header\nnan 0 0\n1 0 0\n0 1 0\n3 0 1 2\n")),
              HasSubstr("nan.ply"));
  EXPECT_THAT(load(Written("fan.obj",
                           "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nv 0 -1 0\n"
                           "f 1 2 3\nf 1 2 4\nf 1 2 5\n")),
              HasSubstr("not manifold: 1 edges"));
}

TEST(ObjectLibrary, SkipsBadFilesByName) {
  ObjectLibrary library;
  const fs::path good = fs::path(::testing::TempDir()) / "good.obj";
  WriteMeshFile({{"box", MakeSolid(Solid::kBox, {10, 20, 30})}}, good);
  const auto skipped = library.AddFiles(
      {good.string(), "/nowhere/cup.obj", Written("bad.obj", "v 0 0 0\n").string()});
  ASSERT_EQ(skipped.size(), 2u);
  EXPECT_THAT(skipped[0], HasSubstr("cup.obj"));
  EXPECT_THAT(skipped[1], HasSubstr("bad.obj"));
  ASSERT_EQ(library.Find(good.string()), kNumSolids);
  const Eigen::Vector3d sides = library.Proportions(kNumSolids);
  EXPECT_NEAR(sides.x(), 1.0 / 3, 1e-3);
  EXPECT_NEAR(sides.z(), 1, 1e-6);
  EXPECT_EQ(library.sha256().back().size(), 64u);
}

std::string PlyWithCorner(const std::string& corner) {
  return "ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty "
         "float "
         "z\nelement face 4\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0 0\n0 1 "
         "0\n"
         "0 0 1\n3 0 2 1\n3 0 1 3\n3 1 2 3\n3 0 3 " +
         corner + "\n";
}

// Assimp passes on what the file says, or crashes over it.
TEST(ObjectLibrary, FilesThatNameVerticesTheyLackAreRefused) {
  ObjectLibrary library;
  library.AddFile(Written("whole.ply", PlyWithCorner("2")).string());
  for (const std::string corner : {"4", "99", "-1", "100000000"}) {
    const fs::path file = Written("corner.ply", PlyWithCorner(corner));
    EXPECT_THAT(ErrorOf([&] { library.AddFile(file.string()); }), HasSubstr("corner.ply"))
        << corner;
  }
  EXPECT_EQ(library.names().size(), static_cast<size_t>(kNumSolids) + 1);
}

TEST(ObjectLibrary, AFileThatIsNoLongerThatOfTheDatasetIsNotParsed) {
  const fs::path file = Written("replaced.ply", PlyWithCorner("2"));
  ObjectLibrary library;
  library.AddFile(file.string());
  Written("replaced.ply", PlyWithCorner("-1"));
  EXPECT_THAT(ErrorOf([&] { ObjectLibrary::Restore(library.names(), library.sha256()); }),
              HasSubstr("another file than the dataset was made with"));
}

TEST(ObjectLibrary, TheHashOfAGltfIsThatOfItsNumbersToo) {
  const TriangleMesh box = MakeSolid(Solid::kBox, {10, 20, 30});
  const fs::path folder = fs::path(::testing::TempDir()) / "gltf_hash";
  fs::create_directories(folder);
  const fs::path file = folder / "box.gltf";
  WriteMeshFile({{"solid", box}}, file);
  const std::string before = MeshFileSha256(file);
  EXPECT_EQ(MeshFileSha256(file), before);
  std::string numbers = ReadText(folder / "box.bin");
  ++numbers[8];
  std::ofstream(folder / "box.bin", std::ios::binary) << numbers;
  EXPECT_NE(MeshFileSha256(file), before);
  const fs::path whole = folder / "box.glb";
  WriteMeshFile({{"solid", box}}, whole);
  EXPECT_EQ(MeshFileSha256(whole), Sha256OfFile(whole));
}

}  // namespace
}  // namespace handforge
