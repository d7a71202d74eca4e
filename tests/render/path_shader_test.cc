#include "render/path_shader.h"

#include "render/solids.h"
#include "tests/render/render_testing.h"

#include <cmath>

#include <gtest/gtest.h>

namespace handforge {
namespace {

constexpr int kSidePx = 64;

struct Scene {
  HandScene scene{TestRig()};
  PathShader shader{TestRig()};
  SceneMaterials materials;
  LightProbe probe;
  int side_px;
  SceneLights lights;

  Scene(uint64_t index, const LightProbe& light, int picture_px = kSidePx)
      : probe(light), side_px(picture_px) {
    const RandomHand hand = DrawHand(40, index);
    Random random(40, index, 0, Purpose::kSkin);
    materials.hand.skin = SampleSkin(random);
    const Joints3 joints = JointsOf(TestRig(), hand.poses_in_cam);
    PinholeCamera camera =
        PinholeCamera::Centred(2 * side_px, 2 * side_px * joints.col(2).mean() / 280);
    camera.cx -= camera.fx * joints.col(0).mean() / joints.col(2).mean();
    camera.cy -= camera.fy * joints.col(1).mean() / joints.col(2).mean();
    scene.SetPose(ToRigPose(hand.poses_in_cam));
    scene.Trace(camera);
    materials.hand.bend = BendOf(ToRigPose(hand.poses_in_cam));
    lights.probe = &probe;
  }
  Scene(const Scene&) = delete;

  ShadedLayer Shade(const PathShaderOptions& options, uint64_t key = 1) {
    return shader.Shade(scene, materials, lights, options, side_px, key);
  }
};

LightProbe Furnace() { return LightProbe::FromEquirectangular(ImageF32(64, 32, 3, 1.0f)); }

// A dim sky with a bright window.
LightProbe Window() {
  ImageF32 sky(64, 32, 3, 0.3f);
  for (int y = 8; y < 14; ++y) {
    for (int x = 40; x < 48; ++x) {
      for (int c = 0; c < 3; ++c) sky.at(x, y, c) = 20;
    }
  }
  return LightProbe::FromEquirectangular(sky);
}

double RootMeanSquare(const ShadedLayer& a, const ShadedLayer& b) {
  double squares = 0;
  int n = 0;
  for (size_t p = 0; p < a.cover.size(); ++p) {
    if (a.cover[p] <= 0) continue;
    for (size_t c = 3 * p; c < 3 * p + 3; ++c) {
      const double d = a.radiance.pixels[c] - b.radiance.pixels[c];
      squares += d * d;
      ++n;
    }
  }
  return std::sqrt(squares / n);
}

double Mean(const ShadedLayer& hand) {
  double sum = 0, cover = 0;
  for (size_t p = 0; p < hand.cover.size(); ++p) {
    sum += hand.cover[p] * hand.radiance.pixels[3 * p + 1];
    cover += hand.cover[p];
  }
  return sum / cover;
}

TEST(PathShader, SkinSendsOutNoMoreThanArrives) {
  for (uint64_t i = 0; i < 3; ++i) {
    Scene s(i, Furnace());
    SkinAppearance& skin = s.materials.hand.skin;
    skin.back = skin.palm = skin.nail = Eigen::Vector3f::Constant(0.8f);
    const ShadedLayer hand = s.Shade(PathShaderOptions());
    int brighter = 0, pixels = 0;
    for (size_t p = 0; p < hand.cover.size(); ++p) {
      if (hand.cover[p] <= 0) continue;
      ++pixels;
      brighter += hand.radiance.pixels[3 * p + 1] > 1.05;
    }
    EXPECT_LE(brighter, 0.01 * pixels) << i;
    EXPECT_LE(hand.mean_light, 1.05);
    EXPECT_GE(hand.mean_light, 0.6);
  }
}

// A red box stands before the lowest rows of the picture.
TEST(PathShader, PaintsObjects) {
  Scene s(2, Furnace());
  Tuple tuple;
  tuple.objects[0].shape = static_cast<int32_t>(Solid::kBox);
  tuple.objects[0].size_mm = {300, 100, 20};
  const float z = 0.7f * s.scene.surface_in_cam()[0].z();
  const PinholeCamera camera = s.scene.camera();
  const Eigen::Vector3f at = z * camera.Ray({64, 127}).cast<float>();
  tuple.objects[0].origin_in_cam_mm = {at.x(), at.y(), at.z()};
  tuple.objects[0].rotation_xyzw = {0, 0, 0, 1};
  s.scene.SetSurroundings(tuple);
  s.scene.Trace(camera);
  ObjectPaint red;
  red.colour = {0.6f, 0.1f, 0.1f};
  s.materials.paint.assign(kMaxObjects, red);
  const ShadedLayer layer = s.Shade(PathShaderOptions());
  const Eigen::Map<const Eigen::Vector3f> box(
      &layer.radiance.pixels[3 * (kSidePx * (kSidePx - 2) + kSidePx / 2)]);
  // All of the furnace is reflected: paint, and a layer of some 4 % above it.
  EXPECT_NEAR(box.x(), 0.6f, 0.06f);
  EXPECT_NEAR(box.y(), 0.1f, 0.06f);
  EXPECT_EQ(layer.cover[kSidePx * (kSidePx - 2) + kSidePx / 2], 1);
}

TEST(PathShader, CoversWhatTheRaysHit) {
  Scene s(2, Furnace());
  const ShadedLayer hand = s.Shade(PathShaderOptions());
  const PrimaryHits& hits = s.scene.hits();
  for (int y = 0; y < kSidePx; ++y) {
    for (int x = 0; x < kSidePx; ++x) {
      int count = 0;
      for (int i = 0; i < 4; ++i) {
        const size_t at = static_cast<size_t>(2 * y + i / 2) * hits.width + 2 * x + i % 2;
        count += hits.triangle[at] != PrimaryHits::kMiss;
      }
      EXPECT_FLOAT_EQ(hand.cover[y * kSidePx + x], count / 4.0f);
    }
  }
}

TEST(PathShader, PalerSkinIsBrighter) {
  Scene s(3, Furnace());
  SkinAppearance& skin = s.materials.hand.skin;
  skin.back = skin.palm = Eigen::Vector3f(0.2f, 0.11f, 0.07f);
  const double dark = Mean(s.Shade(PathShaderOptions()));
  skin.back = skin.palm = Eigen::Vector3f(0.4f, 0.22f, 0.14f);
  EXPECT_GT(Mean(s.Shade(PathShaderOptions())), 1.4 * dark);
}

TEST(PathShader, SixteenSamplesAreNoNoisierThanAHundredTwentyEightOfPlainPathTracing) {
  // 64 plain samples have sqrt(2) times the noise of 128.
  for (uint64_t i = 0; i < 2; ++i) {
    Scene s(i, Window(), 128);
    PathShaderOptions reference, plain;
    reference.samples = 1024;
    reference.denoise = false;
    plain.samples = 64;
    plain.denoise = false;
    plain.sequence = SampleSequence::Kind::kIndependent;
    const ShadedLayer truth = s.Shade(reference, 9);
    const double of_plain_128 = RootMeanSquare(s.Shade(plain, 10), truth) / std::sqrt(2.0);
    EXPECT_LE(RootMeanSquare(s.Shade(PathShaderOptions(), 11), truth), of_plain_128) << i;
  }
}

TEST(PathShader, IsAPureFunctionOfItsArguments) {
  Scene a(4, Window()), b(4, Window());
  b.Shade(PathShaderOptions(), 77);  // another history
  EXPECT_EQ(a.Shade(PathShaderOptions(), 5).radiance.pixels,
            b.Shade(PathShaderOptions(), 5).radiance.pixels);
}

TEST(CompositeLayer, PutsTheShareOfHitsBeforeTheBackdrop) {
  ShadedLayer hand;
  hand.radiance = ImageF32(3, 1, 3, 2.0f);
  hand.cover = {1, 0.5f, 0};
  ImageF32 picture(3, 1, 3, 0.5f);
  Composite(hand, 0.5f, &picture);
  EXPECT_FLOAT_EQ(picture.at(0, 0), 1.0f);
  EXPECT_FLOAT_EQ(picture.at(1, 0), 0.75f);
  EXPECT_FLOAT_EQ(picture.at(2, 0), 0.5f);
}

}  // namespace
}  // namespace handforge
