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
  HandBend bend;

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
    bend = BendOf(ToRigPose(hand.poses_in_cam));
  }

  ImageF32 Shade(const Lighting& lighting) { return shader.Shade(scene, skin, bend, lighting); }
};

Eigen::Vector3d MeanOfHand(const HandScene& scene, const ImageF32& picture) {
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
    const ImageF32 picture = s.Shade(lighting);
    int brighter = 0, hand = 0;
    for (size_t p = 0; p < s.scene.hits().triangle.size(); ++p) {
      if (s.scene.hits().triangle[p] == PrimaryHits::kMiss) {
        EXPECT_EQ(picture.pixels[3 * p], 0);
        continue;
      }
      ++hand;
      brighter += picture.pixels[3 * p + 1] > 1.1;
    }
    EXPECT_LE(brighter, 0.02 * hand) << i;
  }
}

TEST(HandShader, PalerSkinIsBrighter) {
  const Environment furnace = Environment::FromImage(ImageF32(64, 32, 3, 1.0f), "furnace", 64);
  Scene s(3);
  Lighting lighting;
  lighting.environment = &furnace;
  s.skin.back = s.skin.palm = Eigen::Vector3f(0.2f, 0.11f, 0.07f);
  const double dark = MeanOfHand(s.scene, s.Shade(lighting)).sum();
  s.skin.back = s.skin.palm = Eigen::Vector3f(0.4f, 0.22f, 0.14f);
  EXPECT_GT(MeanOfHand(s.scene, s.Shade(lighting)).sum(), 1.5 * dark);
}

TEST(Composite, PutsTheShareOfHitsBeforeTheBackdrop) {
  PrimaryHits hits;
  hits.width = hits.height = 4;
  hits.triangle.assign(16, PrimaryHits::kMiss);
  for (int at : {0, 1, 4, 5, 2, 3}) hits.triangle[at] = 0;  // one block whole, one half
  const ImageF32 shaded(4, 4, 3, 2.0f);
  ImageF32 picture(2, 2, 3, 0.5f);
  Composite(shaded, hits, 0.5f, &picture);
  EXPECT_FLOAT_EQ(picture.at(0, 0), 1.0f);
  EXPECT_FLOAT_EQ(picture.at(1, 0), 0.75f);
  EXPECT_FLOAT_EQ(picture.at(0, 1), 0.5f);
}

}  // namespace
}  // namespace handforge
