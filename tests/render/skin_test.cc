#include "render/skin.h"

#include "tests/render/render_testing.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

namespace handforge {
namespace {

float Luminance(const Eigen::Vector3f& c) {
  return 0.2126f * c.x() + 0.7152f * c.y() + 0.0722f * c.z();
}

TEST(MonkReflectance, FallsAlongTheScaleAndStaysPhysical) {
  for (float flush : {0.0f, 1.0f}) {
    // Tones 1 to 3 differ in hue more than in lightness.
    for (int tone = 3; tone < 10; ++tone) {
      EXPECT_LT(Luminance(MonkReflectance(static_cast<float>(tone), flush)),
                Luminance(MonkReflectance(static_cast<float>(tone - 1), flush)));
    }
    for (float place = 0; place <= 9; place += 0.25f) {
      const Eigen::Vector3f r = MonkReflectance(place, flush);
      EXPECT_GT(r.minCoeff(), 0.01f);
      EXPECT_LT(r.maxCoeff(), 0.75f);
      EXPECT_GE(r.x(), r.y()) << "no skin is greener than red";
    }
  }
}

TEST(SampleSkin, SpansTheScale) {
  float darkest = 1, palest = 0;
  for (uint64_t i = 0; i < 300; ++i) {
    Random random(1, i, 0, Purpose::kSkin);
    const SkinAppearance skin = SampleSkin(random);
    darkest = std::min(darkest, Luminance(skin.back));
    palest = std::max(palest, Luminance(skin.back));
    EXPECT_GE(Luminance(skin.palm), Luminance(skin.back) - 0.15f);
  }
  EXPECT_LT(darkest, 0.05f);
  EXPECT_GT(palest, 0.5f);
}

TEST(SampleSkin, PalmsAndNailsOfPersonsVary) {
  int polished = 0;
  float least = 10, most = 0;
  constexpr int kPersons = 1000;
  for (uint64_t i = 0; i < kPersons; ++i) {
    Random random(2, i, 0, Purpose::kSkin);
    const SkinAppearance skin = SampleSkin(random);
    polished += skin.polished;
    for (const Eigen::Vector3f& colour : {skin.back, skin.palm, skin.nail}) {
      EXPECT_GT(colour.minCoeff(), 0.01f);
      EXPECT_LT(colour.maxCoeff(), 0.85f);
    }
    const float red_over_green = skin.palm.x() / skin.palm.y() / (skin.back.x() / skin.back.y());
    least = std::min(least, red_over_green);
    most = std::max(most, red_over_green);
  }
  EXPECT_NEAR(polished, 0.15 * kPersons, 4 * std::sqrt(0.15 * 0.85 * kPersons));
  EXPECT_LT(least, 0.95f) << "palms less red than the back";
  EXPECT_GT(most, 1.1f) << "and redder";
}

TEST(SkinPattern, VeinsRunAcrossTheBackAlone) {
  const Rig& rig = TestRig();
  const SkinPattern pattern(rig);
  Random random(3, 0, 0, Purpose::kSkin);
  SkinAppearance plain = SampleSkin(random);
  plain.vein = 0;
  SkinAppearance veined = plain;
  veined.vein = 1;
  float highest = 0;
  for (size_t t = 0; t < rig.triangles.size(); ++t) {
    const auto vertex = static_cast<size_t>(rig.triangles[t][0]);
    const SkinPoint point{rig.surface_rest[vertex].cast<float>(),
                          rig.triangle_part[t],
                          pattern.dorsal(static_cast<int>(vertex))};
    const float relief =
        pattern.ReliefMm(veined, HandBend(), point) - pattern.ReliefMm(plain, HandBend(), point);
    const Eigen::Vector3f change = pattern.Evaluate(veined, HandBend(), point).albedo -
                                   pattern.Evaluate(plain, HandBend(), point).albedo;
    if (point.part != kPartPalm || point.dorsal < 0.3f) {
      EXPECT_EQ(relief, 0);
      EXPECT_EQ(change.norm(), 0);
    }
    highest = std::max(highest, relief);
  }
  EXPECT_GT(highest, 0.3f);
  EXPECT_LE(highest, 0.45f + 1e-5f);
}

TEST(BendOf, IsTheAngleOfTheJoints) {
  HandAngles angles{};
  const HandBend straight = BendOf(ToRigPose(ForwardKinematics(TestRig(), HandShape(), angles)));
  angles[FingerAngle(kMiddle, kPipFlexion)] = 40;
  const HandBend bent = BendOf(ToRigPose(ForwardKinematics(TestRig(), HandShape(), angles)));
  EXPECT_NEAR(straight.joint[kMiddle][1], 0, 1e-3);
  EXPECT_NEAR(bent.joint[kMiddle][1], 40 / HandBend::kFullBendDeg, 1e-3);
  EXPECT_NEAR(bent.joint[kRing][1], straight.joint[kRing][1], 1e-6);
}

}  // namespace
}  // namespace handforge
