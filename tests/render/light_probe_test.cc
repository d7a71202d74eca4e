#include "render/light_probe.h"

#include "io/core/random.h"

#include <cmath>

#include <gtest/gtest.h>

namespace handforge {
namespace {

using Eigen::Vector2f;
using Eigen::Vector3f;

Vector3f AnyDirection(Random& random) {
  return Vector3f(random.Normal(), random.Normal(), random.Normal()).normalized();
}

ImageF32 SkyWithASun() {
  ImageF32 sky(128, 64, 3, 0.5f);
  for (int y = 14; y < 18; ++y) {
    for (int x = 30; x < 34; ++x) {  // phi = pi/2, theta = pi/4
      for (int c = 0; c < 3; ++c) sky.at(x, y, c) = 200;
    }
  }
  return sky;
}

TEST(Octahedral, GoesThereAndBack) {
  Random random(1, 0, 0, Purpose::kTest);
  for (int i = 0; i < 1000; ++i) {
    const Vector3f d = AnyDirection(random);
    const Vector2f p = OctahedralPoint(d);
    EXPECT_GE(p.minCoeff(), 0);
    EXPECT_LE(p.maxCoeff(), 1);
    EXPECT_LT((OctahedralDirection(p) - d).norm(), 1e-5f);
  }
}

TEST(LightProbe, DensityIntegratesToOne) {
  const LightProbe probe = LightProbe::FromEquirectangular(SkyWithASun());
  Random random(2, 0, 0, Purpose::kTest);
  double sum = 0;
  constexpr int kDirections = 400000;
  for (int i = 0; i < kDirections; ++i) sum += probe.Density(AnyDirection(random));
  EXPECT_NEAR(4 * M_PI * sum / kDirections, 1, 0.05);
}

TEST(LightProbe, SamplesCarryDensityAndRadianceOfTheirDirection) {
  const LightProbe probe = LightProbe::FromEquirectangular(SkyWithASun());
  Random random(3, 0, 0, Purpose::kTest);
  int same = 0;
  for (int i = 0; i < 1000; ++i) {
    const Vector2f u(static_cast<float>(random.Uniform()), static_cast<float>(random.Uniform()));
    const LightProbe::Sample s = probe.Draw(u);
    EXPECT_NEAR(s.direction.norm(), 1, 1e-5);
    EXPECT_GT(s.density, 0);
    // On the border of a cell rounding may name the neighbour.
    same += std::abs(probe.Density(s.direction) / s.density - 1) < 1e-3 &&
            probe.Radiance(s.direction) == s.radiance;
  }
  EXPECT_GE(same, 995);
}

TEST(LightProbe, EstimatesIrradianceWithoutBias) {
  const LightProbe probe = LightProbe::FromEquirectangular(SkyWithASun());
  const Vector3f n = Vector3f(0.3f, 0.8f, 0.4f).normalized();
  Random random(4, 0, 0, Purpose::kTest);
  double by_light = 0, by_sphere = 0;
  constexpr int kSamples = 400000;
  for (int i = 0; i < kSamples; ++i) {
    const Vector2f u(static_cast<float>(random.Uniform()), static_cast<float>(random.Uniform()));
    const LightProbe::Sample s = probe.Draw(u);
    by_light += s.radiance.y() * std::max(0.0f, n.dot(s.direction)) / s.density;
    const Vector3f d = AnyDirection(random);
    by_sphere += 4 * M_PI * probe.Radiance(d).y() * std::max(0.0f, n.dot(d));
  }
  EXPECT_NEAR(by_light / by_sphere, 1, 0.05);
}

TEST(LightProbe, FindsTheSun) {
  const LightProbe probe = LightProbe::FromEquirectangular(SkyWithASun());
  const Vector3f sun = Vector3f(0, 1, 1).normalized();
  EXPECT_GT(probe.Radiance(sun).x(), 50);
  EXPECT_NEAR(probe.Radiance(-sun).x(), 0.5, 1e-3);
  EXPECT_GT(probe.Density(sun), 50 * probe.Density(-sun));
}

}  // namespace
}  // namespace handforge
