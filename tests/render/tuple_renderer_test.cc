#include "render/tuple_renderer.h"

#include "io/assets.h"
#include "io/core/error.h"
#include "tests/io/scoped_variable.h"
#include "tests/io/temporary_folder.h"
#include "tests/render/render_testing.h"

#include <cmath>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

RenderOptions SmallOptions() {
  RenderOptions options;
  options.seed = 5;
  options.image_px = 128;
  options.rgb_px = 64;
  options.rig = SourcePath("configs/rigs/generic-hand.yaml");
  options.pose.gestures = SourcePath("configs/poses/gestures.yaml");
  return options;
}

const RenderWorld& World() {
  static const RenderWorld world = RenderWorld::Load(SmallOptions());
  return world;
}

TEST(TupleRenderer, IsAPureFunctionOfSeedAndIndex) {
  TupleRenderer a(World()), b(World());
  std::map<std::string, uint64_t> rejected_a, rejected_b;
  for (uint64_t i = 0; i < 3; ++i) b.Render(100 + i, &rejected_b);  // another history
  rejected_b.clear();
  for (uint64_t i = 0; i < 6; ++i) {
    const Tuple x = a.Render(i, &rejected_a), y = b.Render(i, &rejected_b);
    EXPECT_EQ(x.rgb.pixels, y.rgb.pixels) << i;
    EXPECT_EQ(x.depth.pixels, y.depth.pixels) << i;
    EXPECT_EQ(x.joints_in_cam, y.joints_in_cam) << i;
    EXPECT_EQ(x.attempt, y.attempt);
  }
  EXPECT_EQ(rejected_a, rejected_b);
}

TEST(TupleRenderer, LabelsAreThoseOfTheMeshWhateverTheShader) {
  RenderOptions options = SmallOptions();
  options.light.shader = "fast";
  const RenderWorld fast_world = RenderWorld::Load(options);
  TupleRenderer fast(fast_world), path(World());
  std::map<std::string, uint64_t> rejections;
  for (uint64_t i = 0; i < 4; ++i) {
    const Tuple x = fast.Render(i, &rejections), y = path.Render(i, &rejections);
    EXPECT_EQ(x.depth.pixels, y.depth.pixels);
    EXPECT_EQ(x.visible, y.visible);
    EXPECT_NE(x.rgb.pixels, y.rgb.pixels);
  }
}

TEST(TupleRenderer, LabelsAreConsistent) {
  TupleRenderer renderer(World());
  std::map<std::string, uint64_t> rejections;
  int left = 0, visible = 0;
  std::set<int64_t> subjects;
  constexpr int kTuples = 60;
  for (uint64_t i = 0; i < kTuples; ++i) {
    const Tuple t = renderer.Render(i, &rejections);
    left += t.handedness == Handedness::kLeft;
    subjects.insert(t.subject);
    EXPECT_LE((t.camera.Project(t.joints_in_cam) - t.joints_px).cwiseAbs().maxCoeff(), 0.01) << i;
    for (int j = 0; j < kNumJoints; ++j) {
      EXPECT_TRUE(t.camera.Contains(t.joints_px.row(j).transpose()))
          << "tuple " << i << ", joint " << j;
      visible += t.visible[j] == kVisible;
    }
    EXPECT_GT(t.bbox_px[2], 20);
    EXPECT_EQ(t.rgb.width, 64);
  }
  EXPECT_GT(left, kTuples / 4);
  EXPECT_LT(left, 3 * kTuples / 4);
  EXPECT_GT(visible, kTuples * kNumJoints / 3);
  EXPECT_GT(subjects.size(), kTuples / 2u);
}

TEST(TupleRenderer, OnePersonHasOneShapeAndSplit) {
  RenderOptions options = SmallOptions();
  options.subjects = 2;
  options.left_hands = 0;
  const RenderWorld world = RenderWorld::Load(options);
  TupleRenderer renderer(world);
  std::map<std::string, uint64_t> rejections;
  std::map<int64_t, double> bone_mm;
  std::map<int64_t, Split> split;
  for (uint64_t i = 0; i < 10; ++i) {
    const Tuple t = renderer.Render(i, &rejections);
    const double length = ReferenceBoneLength(t.joints_in_cam);
    const auto [it, fresh] = bone_mm.emplace(t.subject, length);
    if (!fresh) {
      EXPECT_NEAR(it->second, length, 1e-3);
    }
    EXPECT_EQ(split.emplace(t.subject, t.split).first->second, t.split);
  }
  EXPECT_EQ(bone_mm.size(), 2u);
}

TEST(TupleRenderer, GivesUpWithAReason) {
  RenderOptions options = SmallOptions();
  options.pose.max_penetration_mm = 0;
  options.max_attempts = 1;
  const RenderWorld world = RenderWorld::Load(options);
  TupleRenderer renderer(world);
  std::map<std::string, uint64_t> rejections;
  try {
    for (uint64_t i = 0; i < 50; ++i) renderer.Render(i, &rejections);
    FAIL() << "no error";
  } catch (const DataError& e) {
    EXPECT_THAT(e.what(), ::testing::HasSubstr("self_collision"));
    EXPECT_THAT(e.what(), ::testing::HasSubstr("max_penetration_mm"));
  }
}

TEST(TupleRenderer, NoCameraIsInTheArm) {
  RenderOptions options = SmallOptions();
  options.light.shader = "fast";
  options.camera.nearest_mm = 150;
  options.camera.furthest_mm = 200;
  const RenderWorld world = RenderWorld::Load(options);
  TupleRenderer renderer(world);
  std::map<std::string, uint64_t> rejections;
  for (uint64_t i = 0; i < 150; ++i) {
    const Tuple t = renderer.Render(i, &rejections);
    for (const uint16_t steps : t.depth.pixels) {
      ASSERT_TRUE(steps == 0 || steps * kDepthUnitMm >= 50) << i;
    }
  }
  EXPECT_GT(rejections["camera_too_near"], 0u);
}

TEST(RenderWorld, RefusesOptionsThatContradict) {
  RenderOptions options = SmallOptions();
  options.rgb_px = 100;
  EXPECT_THROW(RenderWorld::Load(options), UsageError);
  options = SmallOptions();
  options.light.samples = 20;
  EXPECT_THROW(RenderWorld::Load(options), UsageError);
  options = SmallOptions();
  options.camera.nearest_mm = 900;
  EXPECT_THROW(RenderWorld::Load(options), UsageError);
  options = SmallOptions();
  options.camera.sphere = options.camera.egocentric = options.camera.tabletop = 0;
  EXPECT_THROW(RenderWorld::Load(options), UsageError);
}

TEST(RenderWorld, NeedsLightProbes) {
  const auto folder = std::filesystem::path(::testing::TempDir()) / "no_probes";
  std::filesystem::create_directories(folder / "meshes");
  RenderOptions options = SmallOptions();
  const ScopedVariable assets("HANDFORGE_ASSETS", folder);
  EXPECT_THROW(RenderWorld::Load(options), EnvironmentError);
}

// Shards of two assets must not be mixed as if one run had made them.
TEST(RenderWorld, LightProbesCountByTheirContent) {
  const std::vector<std::filesystem::path> probes = HdriFiles();
  ASSERT_GE(probes.size(), 2u);
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "hdri");
  std::filesystem::create_symlink(AssetFolder() / "meshes", folder / "meshes");
  const auto inputs = [&](const std::filesystem::path& probe) {
    std::filesystem::copy_file(
        probe, folder / "hdri/a.exr", std::filesystem::copy_options::overwrite_existing);
    const ScopedVariable assets("HANDFORGE_ASSETS", folder.path());
    return RenderWorld::Load(SmallOptions()).inputs_text;
  };
  const std::string first = inputs(probes[0]);
  EXPECT_EQ(inputs(probes[0]), first);
  EXPECT_NE(inputs(probes[1]), first);
}

}  // namespace
}  // namespace handforge
