#include "render/shading.h"

#include "tests/render/render_testing.h"

#include <cmath>

#include <gtest/gtest.h>

namespace handforge {
namespace {

struct Scene {
  HandScene scene{TestRig()};
  HandShader shader{TestRig()};
  SkinAppearance skin;

  explicit Scene(uint64_t index) {
    const RandomHand hand = DrawHand(40, index);
    Random random(40, index, 0, Purpose::kSkin);
    skin = SampleSkin(random);
    const Joints3 joints = JointsOf(TestRig(), hand.poses_in_cam);
    PinholeCamera camera = PinholeCamera::Centred(96, 96 * joints.col(2).mean() / 280);
    camera.cx -= camera.fx * joints.col(0).mean() / joints.col(2).mean();
    camera.cy -= camera.fy * joints.col(1).mean() / joints.col(2).mean();
    scene.SetPose(ToRigPose(hand.poses_in_cam));
    scene.Trace(camera);
  }
};

Eigen::Vector3d MeanOfHand(const HandScene& scene, const ImageU8& picture) {
  Eigen::Vector3d sum = Eigen::Vector3d::Zero();
  int n = 0;
  for (size_t i = 0; i < scene.hits().triangle.size(); ++i) {
    if (scene.hits().triangle[i] == PrimaryHits::kMiss) continue;
    for (int c = 0; c < 3; ++c) sum[c] += picture.pixels[3 * i + c];
    ++n;
  }
  return sum / n;
}

TEST(HandShader, WhiteFurnaceNeverExceedsTheLight) {
  // In a uniform environment a surface cannot send out more than arrives: albedo plus sheen stay
  // below the background's radiance wherever the hand is.
  const Environment furnace = Environment::FromImage(ImageF32(64, 32, 3, 1.0f), "furnace", 96);
  for (uint64_t i = 0; i < 6; ++i) {
    Scene s(i);
    s.skin.back = s.skin.palm = s.skin.nail = Eigen::Vector3f::Constant(0.8f);
    Lighting lighting;
    lighting.environment = &furnace;
    const ImageU8 picture = s.shader.Shade(s.scene, s.skin, lighting, Backdrop());
    int brighter = 0, hand = 0;
    for (size_t p = 0; p < s.scene.hits().triangle.size(); ++p) {
      if (s.scene.hits().triangle[p] == PrimaryHits::kMiss) {
        EXPECT_NEAR(picture.pixels[3 * p], 196, 3) << "0.55 in sRGB";
        continue;
      }
      ++hand;
      brighter += picture.pixels[3 * p + 1] > 206;
    }
    EXPECT_LE(brighter, 0.02 * hand) << i;
  }
}

TEST(HandShader, LinesUpWithTheHits) {
  const Environment furnace = Environment::FromImage(ImageF32(64, 32, 3, 1.0f), "furnace", 64);
  Scene s(2);
  Backdrop green;
  green.probe = false;
  green.colour = {0, 1, 0};
  Lighting lighting;
  lighting.environment = &furnace;
  const ImageU8 picture = s.shader.Shade(s.scene, s.skin, lighting, green);
  for (size_t p = 0; p < s.scene.hits().triangle.size(); ++p) {
    const bool background = picture.pixels[3 * p] == 0 && picture.pixels[3 * p + 2] == 0;
    EXPECT_EQ(background, s.scene.hits().triangle[p] == PrimaryHits::kMiss);
  }
}

TEST(HandShader, BrighterLightAndPalerSkinAreBrighter) {
  const Environment furnace = Environment::FromImage(ImageF32(64, 32, 3, 1.0f), "furnace", 64);
  Scene s(3);
  Lighting lighting;
  lighting.environment = &furnace;
  s.skin.back = s.skin.palm = Eigen::Vector3f(0.2f, 0.11f, 0.07f);
  const double dark =
      MeanOfHand(s.scene, s.shader.Shade(s.scene, s.skin, lighting, Backdrop())).sum();
  lighting.exposure = 1.8f;
  const double exposed =
      MeanOfHand(s.scene, s.shader.Shade(s.scene, s.skin, lighting, Backdrop())).sum();
  s.skin.back = s.skin.palm = Eigen::Vector3f(0.4f, 0.22f, 0.14f);
  const double pale =
      MeanOfHand(s.scene, s.shader.Shade(s.scene, s.skin, lighting, Backdrop())).sum();
  EXPECT_GT(exposed, 1.15 * dark);
  EXPECT_GT(pale, 1.15 * exposed);
}

TEST(Downsample, TakesMeansOfBlocks) {
  ImageU8 image(4, 2, 1);
  image.pixels = {0, 4, 10, 10, 4, 8, 20, 21};
  const ImageU8 half = Downsample(image, 2);
  ASSERT_EQ(half.width, 2);
  ASSERT_EQ(half.height, 1);
  EXPECT_EQ(half.pixels[0], 4);
  EXPECT_EQ(half.pixels[1], 15);
}

}  // namespace
}  // namespace handforge
