#include "render/tuple_renderer.h"

#include "io/assets.h"
#include "io/core/error.h"
#include "render/depth_sensor.h"
#include "tests/io/scoped_variable.h"
#include "tests/io/temporary_folder.h"
#include "tests/render/render_testing.h"

#include <cmath>
#include <set>

#include <Eigen/Cholesky>
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

TEST(TupleRenderer, ADepthSensorSeesTheIdealDepth) {
  RenderOptions options = SmallOptions();
  options.light.shader = "fast";
  options.depth_sensor = "kinect";
  const RenderWorld world = RenderWorld::Load(options);
  TupleRenderer renderer(world);
  std::map<std::string, uint64_t> rejections;
  for (uint64_t i = 0; i < 3; ++i) {
    const Tuple t = renderer.Render(i, &rejections);
    Random random(options.seed, i, t.attempt, Purpose::kSensor);
    EXPECT_EQ(t.depth_sensor.pixels,
              SimulateDepthSensor(t.depth, t.camera, DepthSensorNamed("kinect"), random).pixels);
    EXPECT_NE(t.depth_sensor.pixels, t.depth.pixels);
  }
}

TEST(TupleRenderer, ALampChangesThePictureAlone) {
  RenderOptions options = SmallOptions();
  options.light.lamp = 0;
  const RenderWorld dark_world = RenderWorld::Load(options);
  options.light.lamp = 1;
  const RenderWorld lit_world = RenderWorld::Load(options);
  TupleRenderer dark(dark_world), lit(lit_world);
  std::map<std::string, uint64_t> rejections;
  for (uint64_t i = 0; i < 3; ++i) {
    const Tuple x = dark.Render(i, &rejections), y = lit.Render(i, &rejections);
    EXPECT_NE(x.rgb.pixels, y.rgb.pixels);
    EXPECT_EQ(x.depth.pixels, y.depth.pixels);
    EXPECT_EQ(x.joints_in_cam, y.joints_in_cam);
  }
}

// Pictures whose background is a probe that is brighter the higher it is.
RenderWorld WorldUnderAnEvenSky(RenderOptions options) {
  options.light.shader = "fast";
  options.light.plain_backdrop = 0;
  options.photo.noise = options.photo.jpeg = 0;
  options.left_hands = 0;
  RenderWorld world = RenderWorld::Load(options);
  ImageF32 sky(64, 32, 3);
  for (int y = 0; y < sky.height; ++y) {
    for (int x = 0; x < 3 * sky.width; ++x) {
      sky.pixels[static_cast<size_t>(3 * sky.width * y + x)] =
          1 + 0.4f * static_cast<float>(std::cos(M_PI * (y + 0.5) / sky.height));
    }
  }
  world.environments = {Environment::FromImage(sky, "sky", 16)};
  return world;
}

// Cosine of the angle between the way in which the background grows brighter and `up`; rough where
// the hand leaves a narrow strip of it.
double BrightensTowards(const Tuple& t, const Eigen::Vector2d& up) {
  Eigen::Matrix3d moments = Eigen::Matrix3d::Zero();
  Eigen::Vector3d products = Eigen::Vector3d::Zero();
  for (int y = 0; y < t.rgb.height; ++y) {
    for (int x = 0; x < t.rgb.width; ++x) {
      if (t.mask.at(2 * x, 2 * y) != 0 || t.mask.at(2 * x + 1, 2 * y + 1) != 0) continue;
      const Eigen::Vector3d at(x, y, 1);
      moments += at * at.transpose();
      products += at * t.rgb.at(x, y, 1);
    }
  }
  const Eigen::Vector3d plane = moments.ldlt().solve(products);
  return plane.head<2>().normalized().dot(up.normalized());
}

TEST(TupleRenderer, TheWorldsUpIsThePicturesButForTheTilt) {
  RenderOptions options = SmallOptions();
  options.light.tilt_deg = 10;
  const RenderWorld world = WorldUnderAnEvenSky(options);
  TupleRenderer renderer(world);
  std::map<std::string, uint64_t> rejections;
  for (uint64_t i = 0; i < 12; ++i) {
    const Tuple t = renderer.Render(i, &rejections);
    EXPECT_GT(BrightensTowards(t, {0, -1}), 0.7) << i;
  }
}

TEST(TupleRenderer, LightDoesNotTurnWithTheCamerasOfAScene) {
  RenderOptions options = SmallOptions();
  options.light.tilt_deg = 0;
  options.views = 2;
  const RenderWorld world = WorldUnderAnEvenSky(options);
  TupleRenderer renderer(world);
  std::map<std::string, uint64_t> rejections;
  const auto hand = [](const Tuple& t) { return ToBonePoses(t.rig).rotation[kPalmBone]; };
  int turned = 0;
  for (uint64_t i = 0; i < 40; i += 2) {
    const Tuple first = renderer.Render(i, &rejections),
                second = renderer.Render(i + 1, &rejections);
    if (first.attempt > 0) continue;  // up is that of the first camera drawn
    const Eigen::Vector3d up = hand(second) * hand(first).transpose() * Eigen::Vector3d(0, -1, 0);
    if (std::abs(up.z()) > 0.7 || up.y() < 0) continue;
    ++turned;
    EXPECT_GT(BrightensTowards(second, up.head<2>()), 0.7) << i;
  }
  EXPECT_GT(turned, 2);
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
