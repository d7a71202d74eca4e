#include "render/depth_sensor.h"

#include "io/core/error.h"
#include "io/core/tuple.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace handforge {
namespace {

constexpr int kSize = 128;

// A camera whose pixels are the sensor's own.
PinholeCamera CameraOf(const DepthSensor& sensor) {
  return PinholeCamera::Centred(kSize, sensor.focal_px);
}

ImageU16 Plane(double z_mm) {
  return ImageU16(kSize, kSize, 1, static_cast<uint16_t>(std::lround(z_mm / kDepthUnitMm)));
}

// A square of the given side, in pixels, before a plane.
ImageU16 Step(double near_mm, double far_mm, int side_px) {
  ImageU16 depth = Plane(far_mm);
  for (int y = (kSize - side_px) / 2; y < (kSize + side_px) / 2; ++y) {
    for (int x = (kSize - side_px) / 2; x < (kSize + side_px) / 2; ++x) {
      depth.at(x, y) = static_cast<uint16_t>(std::lround(near_mm / kDepthUnitMm));
    }
  }
  return depth;
}

ImageU16 Simulate(const std::string& name, const ImageU16& ideal, uint64_t index = 0) {
  const DepthSensor sensor = DepthSensorNamed(name);
  Random random(3, index, 0, Purpose::kSensor);
  return SimulateDepthSensor(ideal, CameraOf(sensor), sensor, random);
}

struct Noise {
  double mean_mm = 0, deviation_mm = 0, lost = 0;
};
Noise NoiseAt(const std::string& name, double z_mm) {
  const ImageU16 seen = Simulate(name, Plane(z_mm));
  double sum = 0, squares = 0;
  int n = 0;
  for (uint16_t d : seen.pixels) {
    if (d == 0) continue;
    const double error = kDepthUnitMm * d - z_mm;
    sum += error;
    squares += error * error;
    ++n;
  }
  const double mean = sum / n;
  return {mean, std::sqrt(squares / n - mean * mean), 1 - n / static_cast<double>(kSize * kSize)};
}

TEST(DepthSensor, IdealIsBitExact) {
  const ImageU16 depth = Step(500, 800, 40);
  const DepthSensor ideal = DepthSensorNamed("ideal");
  Random random(3, 0, 0, Purpose::kSensor);
  const PinholeCamera camera = PinholeCamera::Centred(kSize, 300);
  EXPECT_EQ(SimulateDepthSensor(depth, camera, ideal, random).pixels, depth.pixels);
}

// Khoshelham and Elberink 2012: deviation 1.425e-6 z^2 / mm, and quantisation in steps of 2.85e-6
// z^2 adds the twelfth part of its square.
TEST(DepthSensor, KinectsNoiseIsThePublishedOne) {
  for (const double z : {600.0, 1000.0, 2000.0}) {
    const double random = 1.425e-6 * z * z, step = 2.85e-6 * z * z;
    const double expected = std::sqrt(random * random + step * step / 12);
    const Noise noise = NoiseAt("kinect", z);
    EXPECT_NEAR(noise.deviation_mm, expected, 0.1 * expected) << z;
    EXPECT_NEAR(noise.mean_mm, 0, 0.1 * expected + 0.05) << z;
    EXPECT_LT(noise.lost, 0.01);
  }
}

TEST(DepthSensor, KinectsDepthsAreStepsOfDisparity) {
  std::vector<double> disparity;
  for (uint16_t d : Simulate("kinect", Plane(1500)).pixels) {
    const double units = 1 / (2.85e-6 * kDepthUnitMm * d);
    EXPECT_NEAR(units, std::round(units), 0.02);
  }
}

TEST(DepthSensor, TimeOfFlightNoiseGrowsWithTheSquareOfDistance) {
  EXPECT_NEAR(NoiseAt("intel_creative", 1000).deviation_mm, 14, 0.7);
  EXPECT_NEAR(NoiseAt("intel_creative", 500).deviation_mm, 3.5, 0.2);
  EXPECT_NEAR(NoiseAt("kinect2", 1000).deviation_mm, 1.5, 0.1);
}

// The cosine of 60 degrees is a half.
TEST(DepthSensor, TimeOfFlightNoiseIsTwiceAsGreatAtSixtyDegrees) {
  const double focal_px = DepthSensorNamed("intel_creative").focal_px;
  ImageU16 depth(kSize, kSize);
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      const double z_mm = 600 / (1 - std::sqrt(3.0) * (x - kSize / 2) / focal_px);
      depth.at(x, y) = static_cast<uint16_t>(std::lround(z_mm / kDepthUnitMm));
    }
  }
  const ImageU16 seen = Simulate("intel_creative", depth);
  double squares = 0;
  int n = 0;
  for (int y = 0; y < kSize; ++y) {
    for (int x = kSize / 2 - 10; x <= kSize / 2 + 10; ++x) {
      const double z_m = kDepthUnitMm * depth.at(x, y) / 1000;
      const double error_mm = kDepthUnitMm * (seen.at(x, y) - depth.at(x, y));
      squares += std::pow(error_mm / (14 * z_m * z_m), 2);
      ++n;
    }
  }
  EXPECT_NEAR(std::sqrt(squares / n), 2, 0.1);
}

// Grunnet-Jepsen et al.: 0.08 px of 425 px and 50 mm, and steps of 1/32 px.
TEST(DepthSensor, StereoNoiseIsThatOfItsDisparity) {
  for (const double z : {500.0, 1000.0}) {
    const double expected = z * z / (425 * 50) * std::sqrt(0.08 * 0.08 + 1 / (32.0 * 32 * 12));
    EXPECT_NEAR(NoiseAt("realsense", z).deviation_mm, expected, 0.1 * expected) << z;
  }
}

// Half of Nguyen's 0.8 px is 1.25 deviations from the next pixel; a tenth lies beyond on each side.
TEST(DepthSensor, KinectsEdgesAreFrayed) {
  ImageU16 depth = Plane(900);
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize / 2; ++x) depth.at(x, y) = static_cast<uint16_t>(600 / 0.1);
  }
  const ImageU16 seen = Simulate("kinect", depth);
  int strayed = 0;
  for (int y = 0; y < kSize; ++y) {
    strayed += kDepthUnitMm * seen.at(kSize / 2 - 1, y) > 750;
    strayed += kDepthUnitMm * seen.at(kSize / 2, y) < 750;
  }
  EXPECT_NEAR(strayed, 2 * kSize * 0.1056, 12);
}

TEST(DepthSensor, StructuredLightLosesTheShadowOnOneSideOnly) {
  const ImageU16 seen = Simulate("kinect", Step(600, 900, 48));
  const int row = kSize / 2, left_edge = (kSize - 48) / 2, right_edge = (kSize + 48) / 2;
  const auto lost = [&](int from, int to) {
    int n = 0;
    for (int x = from; x < to; ++x) n += seen.at(x, row) == 0;
    return n;
  };
  // The band is f b (1 / near - 1 / far) wide, as wide as this picture allows.
  const double expected = 580 * 75.0 * (1.0 / 600 - 1.0 / 900);
  const int on_the_right = lost(right_edge, kSize), on_the_left = lost(0, left_edge);
  // The projector stands at +x.
  EXPECT_GT(on_the_left, std::min(0.8 * expected, 30.0));
  EXPECT_LT(on_the_right, 5);
}

TEST(DepthSensor, FlyingPixelsLieBetweenTheSurfaces) {
  const double near = 400, far = 600;
  int between = 0, sharp = 0;
  // An edge that runs through the middle of a column of sensor pixels.
  const DepthSensor sensor = DepthSensorNamed("intel_creative");
  const PinholeCamera camera = PinholeCamera::Centred(kSize, 2 * sensor.focal_px);
  ImageU16 depth = Plane(far);
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize / 2 + 1; ++x) depth.at(x, y) = static_cast<uint16_t>(near / 0.1);
  }
  Random random(3, 0, 0, Purpose::kSensor);
  const ImageU16 seen = SimulateDepthSensor(depth, camera, sensor, random);
  for (int y = 0; y < kSize; ++y) {
    for (int x = kSize / 2 - 4; x < kSize / 2 + 4; ++x) {
      const double z = kDepthUnitMm * seen.at(x, y);
      if (z > near + 40 && z < far - 40) ++between;
    }
    const double z = kDepthUnitMm * seen.at(10, y);
    sharp += std::abs(z - near) < 20;
  }
  EXPECT_GT(between, kSize / 2);
  EXPECT_GT(sharp, kSize * 9 / 10);
}

TEST(DepthSensor, StereoMakesWhatIsNearGrow) {
  const ImageU16 depth = Step(400, 600, 40);
  const ImageU16 seen = Simulate("realsense", depth);
  int grown = 0;
  for (int y = kSize / 2 - 10; y < kSize / 2 + 10; ++y) {
    const double above = kDepthUnitMm * seen.at(kSize / 2, (kSize - 40) / 2 - 2);
    grown += std::abs(above - 400) < 20;
  }
  EXPECT_EQ(grown, 20);
}

TEST(DepthSensor, GrazingSurfacesAndWhatIsOutOfRangeAreLost) {
  ImageU16 depth(kSize, kSize);
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      depth.at(x, y) = static_cast<uint16_t>((600 + 12.0 * x) / kDepthUnitMm);  // 85 degrees
    }
  }
  int lost = 0;
  for (uint16_t d : Simulate("kinect", depth).pixels) lost += d == 0;
  EXPECT_GT(lost, kSize * kSize * 9 / 10);
  EXPECT_NEAR(NoiseAt("kinect", 1000).lost, 0, 0.01);
  for (uint16_t d : Simulate("kinect", Plane(300)).pixels) ASSERT_EQ(d, 0);
  for (uint16_t d : Simulate("intel_creative", Plane(2000)).pixels) ASSERT_EQ(d, 0);
}

TEST(DepthSensor, SameSeedSameBytesAndOtherSeedOthers) {
  for (const std::string& name : kDepthSensorNames) {
    if (name == "off" || name == "ideal") continue;
    const ImageU16 depth = Step(500, 700, 50);
    EXPECT_EQ(Simulate(name, depth, 1).pixels, Simulate(name, depth, 1).pixels) << name;
    EXPECT_NE(Simulate(name, depth, 1).pixels, Simulate(name, depth, 2).pixels) << name;
  }
  EXPECT_THROW(DepthSensorNamed("sonar"), UsageError);
}

}  // namespace
}  // namespace handforge
