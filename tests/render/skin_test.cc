#include "render/skin.h"

#include "tests/render/render_testing.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

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

TEST(MonkReflectance, DarkSkinIsBrown) {
  for (float place = 7; place <= 9; place += 0.25f) {
    const Eigen::Vector3f r = MonkReflectance(place, 0);
    EXPECT_GT(r.x(), 1.5f * r.y()) << "tone " << place + 1;
    EXPECT_GT(r.y(), 1.2f * r.z()) << "tone " << place + 1;
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

SkinPoint PointAtVertex(const SkinPattern& pattern, int vertex, uint8_t part) {
  return {TestRig().surface_rest[vertex].cast<float>(), part, pattern.dorsal(vertex)};
}

// Where the palm, the fingers and the forearm meet, both sides of the border look alike.
TEST(SkinPattern, ColoursDoNotJumpBetweenParts) {
  const Rig& rig = TestRig();
  const SkinPattern pattern(rig);
  Random random(5, 0, 0, Purpose::kSkin);
  SkinAppearance skin = SampleSkin(random);
  skin.redness = 1.3f;
  skin.vein = 0;
  skin.crease = 0;  // folds are lines: theirs are to be seen
  std::vector<std::set<uint8_t>> parts(rig.num_surface_vertices());
  for (size_t t = 0; t < rig.triangles.size(); ++t) {
    for (int v : rig.triangles[t]) parts[v].insert(rig.triangle_part[t]);
  }
  int borders = 0;
  for (int v = 0; v < static_cast<int>(rig.num_surface_vertices()); ++v) {
    if (parts[v].size() < 2) continue;
    ++borders;
    const auto colour = [&](uint8_t part) {
      return pattern.Evaluate(skin, HandBend(), PointAtVertex(pattern, v, part)).albedo;
    };
    const Eigen::Vector3f first = colour(*parts[v].begin()), last = colour(*parts[v].rbegin());
    EXPECT_LT((first - last).norm(), 0.04f * first.norm())
        << "vertex " << v << " of parts " << int(*parts[v].begin()) << " and "
        << int(*parts[v].rbegin());
  }
  EXPECT_GT(borders, 200);
}

TEST(SkinPattern, PalmLinesRunOverTheBallOfTheThumb) {
  const Rig& rig = TestRig();
  const SkinPattern pattern(rig);
  Random random(6, 0, 0, Purpose::kSkin);
  SkinAppearance smooth = SampleSkin(random);
  smooth.crease = 0;
  SkinAppearance creased = smooth;
  creased.crease = 1.8f;
  float darkest = 1;
  for (size_t t = 0; t < rig.triangles.size(); ++t) {
    if (rig.triangle_part[t] != kPartFirstSegment) continue;
    for (int v : rig.triangles[t]) {
      const SkinPoint point = PointAtVertex(pattern, v, kPartFirstSegment);
      if (point.dorsal > -0.3f) continue;
      const Eigen::Vector3f with = pattern.Evaluate(creased, HandBend(), point).albedo;
      darkest =
          std::min(darkest, with.y() / pattern.Evaluate(smooth, HandBend(), point).albedo.y());
    }
  }
  EXPECT_LT(darkest, 0.85f);
}

// Blotches have no direction and no period: a skin moved along itself is another skin.
TEST(SkinPattern, BlotchesDoNotRepeat) {
  const SkinPattern pattern(TestRig());
  Random random(7, 0, 0, Purpose::kSkin);
  SkinAppearance skin = SampleSkin(random);
  skin.mottle = 0.12f;
  skin.redness = 0;
  const auto lightness = [&](const Eigen::Vector3f& x_mm) {
    return pattern.Evaluate(skin, HandBend(), {x_mm, kPartForearm, 1.0f}).albedo.y();
  };
  constexpr int kPoints = 4000;
  const auto correlation = [&](const Eigen::Vector3f& moved_mm) {
    double a = 0, b = 0, aa = 0, bb = 0, ab = 0;
    for (int i = 0; i < kPoints; ++i) {
      Random where(8, static_cast<uint64_t>(i), 0, Purpose::kTest);
      Eigen::Vector3f x;
      for (int c = 0; c < 3; ++c) x[c] = static_cast<float>(where.Uniform(-200, 200));
      const double p = lightness(x), q = lightness(x + moved_mm);
      a += p, b += q, aa += p * p, bb += q * q, ab += p * q;
    }
    const double n = kPoints;
    return (ab - a * b / n) / std::sqrt((aa - a * a / n) * (bb - b * b / n));
  };
  EXPECT_GT(correlation({1, 0, 0}), 0.8);
  for (const Eigen::Vector3f& direction :
       {Eigen::Vector3f(1, 0, 0), Eigen::Vector3f(0, 0, 1), Eigen::Vector3f(0.6f, 0.48f, 0.64f)}) {
    for (float step_mm = 48; step_mm < 120; step_mm += 3) {
      EXPECT_LT(std::abs(correlation(step_mm * direction)), 0.12) << step_mm;
    }
  }
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
