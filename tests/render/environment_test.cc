#include "render/environment.h"

#include "io/assets.h"
#include "io/core/error.h"
#include "io/core/random.h"
#include "io/files.h"
#include "tests/io/error_matchers.h"
#include "tests/io/scoped_variable.h"
#include "tests/io/temporary_folder.h"

#include <array>
#include <cmath>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

using Eigen::Vector3f;

Vector3f Irradiance(const Environment& environment, const Vector3f& normal) {
  Vector3f sum = Vector3f::Zero();
  for (const DistantLight& light : environment.lights()) {
    sum += light.radiance * std::max(0.0f, normal.dot(light.direction));
  }
  return sum;
}

TEST(Environment, UniformProbeLightsEverySideByPi) {
  // Radiance 1 everywhere gives irradiance pi whatever the normal: the white furnace of the shader.
  const Environment furnace = Environment::FromImage(ImageF32(128, 64, 3, 5.0f), "furnace", 96);
  EXPECT_NEAR(furnace.Radiance({0.3f, 0.5f, -0.2f}).x(), 1, 1e-4) << "probes are scaled to mean 1";
  Random random(1, 0, 0, Purpose::kTest);
  for (int i = 0; i < 200; ++i) {
    const Vector3f n = Vector3f(random.Normal(), random.Normal(), random.Normal()).normalized();
    EXPECT_NEAR(Irradiance(furnace, n).y(), M_PI, 0.06 * M_PI);
  }
}

TEST(Environment, LightsCarryTheProbesWholePower) {
  for (const auto& file : HdriFiles()) {
    const Environment e = Environment::Load(file, 96);
    Vector3f sum = Vector3f::Zero();
    for (const DistantLight& light : e.lights()) {
      EXPECT_NEAR(light.direction.norm(), 1, 1e-5);
      EXPECT_TRUE((light.radiance.array() >= 0).all()) << e.name();
      sum += light.radiance;
    }
    const float luminance = 0.2126f * sum.x() + 0.7152f * sum.y() + 0.0722f * sum.z();
    EXPECT_NEAR(luminance, 4 * M_PI, 0.2 * 4 * M_PI) << e.name();
    EXPECT_GE(e.lights().size(), 48u) << e.name();
  }
  EXPECT_GE(HdriFiles().size(), 10u);
}

TEST(Environment, BlurredProbesKeepTheirPower) {
  for (const auto& file : HdriFiles()) {
    const Environment e = Environment::Load(file, 16);
    constexpr int kSide = 64;
    Vector3f mean = Vector3f::Zero();
    for (int i = 0; i < kSide * kSide; ++i) {
      const LightProbe::Sample s = e.probe().Draw({(static_cast<float>(i % kSide) + 0.5f) / kSide,
                                                   (static_cast<float>(i / kSide) + 0.5f) / kSide});
      mean += s.radiance / (s.density * kSide * kSide * static_cast<float>(4 * M_PI));
    }
    EXPECT_NEAR(mean.dot(Vector3f(0.2126f, 0.7152f, 0.0722f)), 1, 0.1) << e.name();
    EXPECT_GE(mean.minCoeff(), 0) << e.name();
  }
}

TEST(Environment, ASunStaysWhereItIs) {
  ImageF32 image(256, 128, 3, 0.1f);
  for (int i = 0; i < 27; ++i) {  // 3 x 3 pixels at phi = pi/2, theta = pi/4
    image.at(63 + i / 3 % 3, 31 + i / 9, i % 3) = 3000;
  }
  const Environment e = Environment::FromImage(image, "sun", 96);
  const Vector3f sun = Vector3f(0, 1, 1).normalized();
  EXPECT_GT(Irradiance(e, sun).x(), 3 * Irradiance(e, -sun).x());
  EXPECT_GT(e.Radiance(sun).x(), 10 * e.Radiance(-sun).x());
}

TEST(Environment, ClampsNegativeAndNonFinitePixels) {
  ImageF32 image(64, 32, 3, 1.0f);
  image.at(5, 5, 0) = -3894;
  image.at(6, 5, 1) = NAN;
  image.at(7, 5, 2) = INFINITY;
  const Environment e = Environment::FromImage(image, "damaged", 32);
  for (const DistantLight& light : e.lights()) {
    EXPECT_TRUE(light.radiance.allFinite());
    EXPECT_GE(light.radiance.minCoeff(), 0);
  }
}

TEST(Environment, LampsHaveNoBlackOutline) {
  ImageF32 image(256, 128, 3, 1.0f);
  for (int y = 60; y < 67; ++y) {
    for (int x = 60; x < 67; ++x) {
      const bool outline = x == 60 || x == 66 || y == 60 || y == 66;
      for (int c = 0; c < 3; ++c) image.at(x, y, c) = outline ? -20.0f : 500.0f;
    }
  }
  const Environment e = Environment::FromImage(image, "lamp", 32);
  const auto radiance = [&](int x, int y) {
    const double phi = 2 * M_PI * (x + 0.5) / 256, theta = M_PI * (y + 0.5) / 128;
    return e.Radiance(Vector3f(static_cast<float>(std::sin(theta) * std::cos(phi)),
                               static_cast<float>(std::cos(theta)),
                               static_cast<float>(std::sin(theta) * std::sin(phi))));
  };
  const float wall = radiance(30, 30).y();
  EXPECT_NEAR(radiance(63, 63).y(), 500 * wall, wall);
  for (int i = 60; i < 67; ++i) {
    EXPECT_NEAR(radiance(i, 60).y(), wall, 0.05f * wall) << i;
    EXPECT_NEAR(radiance(66, i).y(), wall, 0.05f * wall) << i;
  }
}

TEST(Environment, ASunOfOneChannelAloneIsNoLight) {
  ImageF32 image(256, 128, 3, 1.0f);
  image.at(64, 32, 2) = 12000;   // what is left of a sun whose red and green overflowed
  for (int i = 0; i < 9; ++i) {  // at its rim, in a bright sky, less of it
    for (int c = 0; c < 3; ++c) image.at(20 + i % 3, 60 + i / 3, c) = 30;
  }
  image.at(21, 61, 0) = image.at(21, 61, 1) = 0;
  image.at(21, 61, 2) = 40;
  for (int y = 20; y < 34; ++y) {  // a wide one
    for (int x = 120; x < 134; ++x) {
      const double away = std::hypot(x - 126.5, y - 26.5);
      for (int c = 0; c < 3; ++c) image.at(x, y, c) = away < 4 ? (c == 2 ? 900.0f : 0.0f) : 25.0f;
    }
  }
  for (int i = 0; i < 4; ++i) {
    for (int c = 0; c < 3; ++c) {  // dusk
      image.at(191 + i % 2, 31 + i / 2, c) = std::array{800.0f, 100.0f, 3.0f}[c];
    }
  }
  const Environment e = Environment::FromImage(image, "overflow", 96);
  const Vector3f lone = Vector3f(0, 1, 1).normalized(), dusk = Vector3f(0, 1, -1).normalized();
  EXPECT_NEAR(e.Radiance(lone).z() / e.Radiance(lone).y(), 1, 0.1);
  EXPECT_GT(e.Radiance(dusk).x() / e.Radiance(dusk).y(), 2);
  for (const auto& [x, y] : {std::pair{21.5, 61.5}, {127.0, 27.0}}) {
    const double phi = 2 * M_PI * x / 256, theta = M_PI * y / 128;
    const Vector3f sun(static_cast<float>(std::sin(theta) * std::cos(phi)),
                       static_cast<float>(std::cos(theta)),
                       static_cast<float>(std::sin(theta) * std::sin(phi)));
    EXPECT_NEAR(e.Radiance(sun).z() / e.Radiance(sun).y(), 1, 0.1);
    EXPECT_GT(e.Radiance(sun).y(), 15) << "as the sky around it";
  }
}

TEST(Environment, NamesFilesThatCannotBeRead) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "broken.exr";
  std::ofstream(path) << "no picture";
  try {
    Environment::Load(path, 32);
    FAIL() << "no error";
  } catch (const DataError& e) {
    EXPECT_THAT(e.what(), ::testing::HasSubstr("broken.exr: cannot be read"));
  }
  EXPECT_THROW(Environment::Load("/nowhere/x.exr", 32), EnvironmentError);
  EXPECT_THROW(Environment::FromImage(ImageF32(2, 2, 3), "tiny", 8), DataError);
}

TEST(LoadEnvironments, TakesTheWantedAndNamesWhatItCannotRead) {
  const std::vector<std::filesystem::path> probes = HdriFiles();
  ASSERT_GE(probes.size(), 2u);
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "hdri");
  std::filesystem::copy_file(probes[0], folder / "hdri/a.exr");
  std::filesystem::copy_file(probes[1], folder / "hdri/b.exr");
  std::ofstream(folder / "hdri/c.exr") << "no picture";
  const ScopedVariable assets("HANDFORGE_ASSETS", folder.path());
  const auto all = [](const std::string&) { return true; };

  std::vector<std::string> skipped;
  std::vector<Environment> loaded = LoadEnvironments(8, all, &skipped);
  ASSERT_EQ(loaded.size(), 2u);
  EXPECT_EQ(loaded[0].name(), "a");
  EXPECT_EQ(loaded[0].sha256(), Sha256OfFile(probes[0]));
  EXPECT_THAT(skipped, ::testing::ElementsAre(::testing::HasSubstr("c.exr: cannot be read")));

  const auto not_a = [](const std::string& name) { return name != "a"; };
  loaded = LoadEnvironments(8, not_a, &skipped);
  ASSERT_EQ(loaded.size(), 1u);
  EXPECT_EQ(loaded[0].name(), "b");
  EXPECT_NE(loaded[0].sha256(), Sha256OfFile(probes[0]));
  const auto none = [](const std::string&) { return false; };
  EXPECT_THAT(MessageOf<EnvironmentError>([&] { LoadEnvironments(8, none, &skipped); }),
              ::testing::HasSubstr("but 3 that hold_out keeps back"));
}

}  // namespace
}  // namespace handforge
