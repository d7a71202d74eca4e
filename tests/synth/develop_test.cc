#include "synth/develop.h"

#include "io/core/random.h"

#include <cmath>
#include <cstdlib>

#include <gtest/gtest.h>

namespace handforge {
namespace {

constexpr int kPx = 64;

ImageU8 Filled(int channels, const std::vector<uint8_t>& colour) {
  ImageU8 image(kPx, kPx, channels);
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = colour[i % static_cast<size_t>(channels)];
  }
  return image;
}

ImageU8 Noise(int channels) {
  Random random(1, 0, 0, Purpose::kTest);
  ImageU8 image(kPx, kPx, channels);
  for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(random.NextU32());
  return image;
}

TEST(Develop, ChangesNothingWhereNothingIsAsked) {
  const ImageU8 rgb = Noise(3);
  EXPECT_EQ(Develop(rgb, Noise(1), {1, 0}).pixels, rgb.pixels);
}

TEST(Develop, SetsColoursOffFromTheirGrey) {
  const ImageU8 out = Develop(Filled(3, {120, 90, 60}), Filled(1, {255}), {1.5, 0});
  EXPECT_EQ(out.pixels, Filled(3, {135, 90, 45}).pixels);
}

TEST(Develop, AnEvenHandStaysEvenWhateverIsBehindIt) {
  ImageU8 rgb = Noise(3), alpha(kPx, kPx);
  for (int y = 0; y < kPx; ++y) {
    for (int x = 0; x < kPx; ++x) {
      if (std::hypot(x - 30, y - 34) > 15) continue;
      alpha.at(x, y) = 255;
      for (int c = 0; c < 3; ++c) rgb.at(x, y, c) = static_cast<uint8_t>(100 + 10 * c);
    }
  }
  const ImageU8 out = Develop(rgb, alpha, {1, 2});
  for (int y = 0; y < kPx; ++y) {
    for (int x = 0; x < kPx; ++x) {
      if (alpha.at(x, y) == 0) continue;
      for (int c = 0; c < 3; ++c) EXPECT_NEAR(out.at(x, y, c), 100 + 10 * c, 1) << x << ' ' << y;
    }
  }
}

// A wave along x is damped by a Gaussian of deviation s by exp(-(2 pi s / length)^2 / 2); unsharp
// masking adds `clarity` times what the blur took.
TEST(Develop, ShadingGrowsByWhatTheBlurTakes) {
  constexpr double kAmplitude = 10, kClarity = 2;
  for (const int length_px : {16, 32}) {
    ImageU8 rgb(kPx, kPx, 3);
    for (int y = 0; y < kPx; ++y) {
      for (int x = 0; x < kPx; ++x) {
        for (int c = 0; c < 3; ++c) {
          rgb.at(x, y, c) = static_cast<uint8_t>(
              std::lround(128 + kAmplitude * std::cos(2 * M_PI * x / length_px)));
        }
      }
    }
    const ImageU8 out = Develop(rgb, Filled(1, {255}), {1, kClarity});
    double amplitude = 0;  // away from the borders
    for (int x = 16; x < 48; ++x) {
      amplitude += (out.at(x, 32, 0) - 128) * std::cos(2 * M_PI * x / length_px) / 16;
    }
    const double damped = std::exp(-std::pow(2 * M_PI * (kPx / 16.0) / length_px, 2) / 2);
    const double wanted = kAmplitude * (1 + kClarity * (1 - damped));
    EXPECT_NEAR(amplitude, wanted, 0.1 * wanted) << length_px;
  }
}

}  // namespace
}  // namespace handforge
