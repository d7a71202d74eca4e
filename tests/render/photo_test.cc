#include "render/photo.h"

#include "io/core/error.h"

#include <cmath>

#include <gtest/gtest.h>

namespace handforge {
namespace {

PhotoSettings Clean() { return PhotoSettings(); }

ImageU8 Take(const ImageF32& radiance, const PhotoSettings& settings, uint64_t index = 0) {
  Random random(3, index, 0, Purpose::kPhotoNoise);
  return TakePhoto(radiance, settings, random);
}

TEST(TakePhoto, FollowsTheSrgbCurve) {
  // IEC 61966-2-1: linear 0.18 is 118, 0.5 is 188, 0.002 is 0.002 * 12.92 * 255.
  EXPECT_EQ(Take(ImageF32(4, 4, 3, 0.18f), Clean()).pixels[0], 118);
  EXPECT_EQ(Take(ImageF32(4, 4, 3, 0.5f), Clean()).pixels[0], 188);
  EXPECT_EQ(Take(ImageF32(4, 4, 3, 0.002f), Clean()).pixels[0], 7);
  EXPECT_GE(Take(ImageF32(4, 4, 3, 50.0f), Clean()).pixels[0], 254);
}

TEST(TakePhoto, ExposesAndBalances) {
  PhotoSettings s;
  s.exposure = 0.5f;
  s.red_gain = 2;
  s.blue_gain = 0.36f;
  const ImageU8 picture = Take(ImageF32(4, 4, 3, 0.36f), s);
  EXPECT_EQ(picture.pixels[1], 118);
  EXPECT_GT(picture.pixels[0], picture.pixels[1]);
  EXPECT_LT(picture.pixels[2], picture.pixels[1]);
}

TEST(TakePhoto, NoiseHasTheStatedVariance) {
  PhotoSettings s;
  s.shot_noise = 0.03f;
  s.read_noise = 0.01f;
  for (const float signal : {0.1f, 0.3f, 0.5f}) {
    const ImageU8 picture = Take(ImageF32(128, 128, 3, signal), s);
    double sum = 0, squares = 0;
    for (uint8_t value : picture.pixels) {
      const double c = value / 255.0;
      const double linear = c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
      sum += linear;
      squares += linear * linear;
    }
    const double n = static_cast<double>(picture.pixels.size());
    const double variance = squares / n - sum / n * sum / n;
    EXPECT_NEAR(sum / n, signal, 0.003);
    EXPECT_NEAR(variance, 9e-4 * signal + 1e-4, 0.06 * (9e-4 * signal + 1e-4));
  }
}

TEST(TakePhoto, BlursByTheStatedDeviation) {
  ImageF32 edge(64, 8, 3);
  for (int y = 0; y < 8; ++y) {
    for (int x = 32; x < 64; ++x) {
      for (int c = 0; c < 3; ++c) edge.at(x, y, c) = 0.5f;
    }
  }
  PhotoSettings s;
  s.blur_px = 3;
  const ImageU8 picture = Take(edge, s);
  // One deviation into the bright side, at pixel centre 34.5 = edge + 3, the normal distribution
  // has reached 0.841: between the sRGB values of its neighbours.
  EXPECT_LE(picture.at(34, 4, 1), 174);  // sRGB of 0.841 * 0.5 is 174
  EXPECT_GE(picture.at(35, 4, 1), 174);
}

TEST(TakePhoto, CompressionCostsDetailByQuality) {
  ImageF32 texture(64, 64, 3);
  Random random(1, 0, 0, Purpose::kTest);
  for (size_t i = 0; i < texture.pixels.size(); i += 3) {
    const auto grey = static_cast<float>(random.Uniform(0.1, 0.4));
    for (int c = 0; c < 3; ++c) texture.pixels[i + c] = grey;
  }
  const auto distance = [](const ImageU8& a, const ImageU8& b) {
    double sum = 0;
    for (size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
    return sum / static_cast<double>(a.pixels.size());
  };
  PhotoSettings good, bad;
  good.jpeg_quality = 95;
  bad.jpeg_quality = 30;
  const ImageU8 clean = Take(texture, Clean());
  EXPECT_GT(distance(clean, Take(texture, good)), 0.5);
  EXPECT_GT(distance(clean, Take(texture, bad)), 1.5 * distance(clean, Take(texture, good)));
}

TEST(DrawPhoto, StaysWithinTheOptions) {
  PhotoOptions options;
  options.noise = 8;
  int compressed = 0;
  for (uint64_t i = 0; i < 400; ++i) {
    Random random(1, i, 0, Purpose::kPhoto);
    const PhotoSettings s = DrawPhoto(options, kMeteredTone, random);
    EXPECT_GE(s.exposure, options.darkest);
    EXPECT_LE(s.exposure, options.brightest);
    EXPECT_LE(std::abs(std::log(s.red_gain)), 1.31 * options.warmth);
    EXPECT_LE(s.blur_px, options.blur_px);
    const double grey = std::sqrt(0.18 * s.shot_noise * s.shot_noise + s.read_noise * s.read_noise);
    EXPECT_LE(grey * 304.9, options.noise + 0.01) << "sRGB has 304.8 steps per unit at mid grey";
    compressed += s.jpeg_quality > 0;
    if (s.jpeg_quality > 0) {
      EXPECT_GE(s.jpeg_quality, options.lowest_quality);
    }
  }
  EXPECT_NEAR(compressed, 200, 50);
}

TEST(DrawPhoto, MetersOnTheHandAsFarAsAsked) {
  const auto exposure = [](double metering, float tone) {
    PhotoOptions options;
    options.metering = metering;
    Random random(1, 0, 0, Purpose::kPhoto);
    return DrawPhoto(options, tone, random).exposure;
  };
  EXPECT_EQ(exposure(0, 0.05f), exposure(0, 0.5f));
  EXPECT_NEAR(exposure(1, 0.05f) * 0.05f, exposure(1, 0.5f) * 0.5f, 1e-6);
  EXPECT_NEAR(exposure(0.5, 0.05f) / exposure(0.5, 0.5f), std::sqrt(10), 1e-4);
}

TEST(PhotoOptions, RefusesRangesThatAreUpsideDown) {
  PhotoOptions options;
  options.darkest = 2;
  EXPECT_THROW(options.Check(), UsageError);
}

}  // namespace
}  // namespace handforge
