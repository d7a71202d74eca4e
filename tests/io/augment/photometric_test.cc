#include "io/augment/photometric.h"

#include <cmath>

#include <gtest/gtest.h>

namespace handforge {
namespace {

ImageU8 Flat(int size_px, uint8_t r, uint8_t g, uint8_t b) {
  ImageU8 image(size_px, size_px, 3);
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    image.pixels[i] = r;
    image.pixels[i + 1] = g;
    image.pixels[i + 2] = b;
  }
  return image;
}

ImageU8 Random3(int size_px) {
  ImageU8 image(size_px, size_px, 3);
  Random random(1, 0, 0, Purpose::kTest);
  for (uint8_t& byte : image.pixels) byte = static_cast<uint8_t>(random.Integer(256));
  return image;
}

struct Moments {
  double mean = 0;
  double deviation = 0;
};
Moments MomentsOf(const ImageU8& image) {
  Moments m;
  double squares = 0;
  for (const uint8_t byte : image.pixels) {
    m.mean += byte;
    squares += static_cast<double>(byte) * byte;
  }
  const auto count = static_cast<double>(image.pixels.size());
  m.mean /= count;
  m.deviation = std::sqrt(squares / count - m.mean * m.mean);
  return m;
}

TEST(Recolour, DoesNothingByDefault) {
  ImageU8 image = Random3(16);
  const ImageU8 before = image;
  Recolour({}, &image);
  EXPECT_EQ(image.pixels, before.pixels);
}

TEST(Recolour, AppliesEachGain) {
  ImageU8 bright = Flat(4, 100, 50, 20);
  Recolour({1.5f, 1, 1, 0}, &bright);
  EXPECT_EQ(bright.at(1, 1, 0), 150);
  EXPECT_EQ(bright.at(1, 1, 1), 75);
  EXPECT_EQ(bright.at(1, 1, 2), 30);

  ImageU8 grey = Flat(4, 100, 50, 20);
  Recolour({1, 1, 0, 0}, &grey);
  const auto luma = static_cast<uint8_t>(std::lround(0.299 * 100 + 0.587 * 50 + 0.114 * 20));
  for (int c = 0; c < 3; ++c) EXPECT_EQ(grey.at(2, 2, c), luma);

  ImageU8 warm = Flat(4, 100, 100, 100);
  Recolour({1, 1, 1, 0.1f}, &warm);
  EXPECT_EQ(warm.at(0, 0, 0), 110);
  EXPECT_EQ(warm.at(0, 0, 1), 100);
  EXPECT_EQ(warm.at(0, 0, 2), 90);
}

TEST(Recolour, ContrastKeepsTheMean) {
  ImageU8 image = Flat(8, 100, 100, 100);
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 8; ++x) {
      for (int c = 0; c < 3; ++c) image.at(x, y, c) = 140;
    }
  }
  Recolour({1, 0.5f, 1, 0}, &image);
  EXPECT_EQ(image.at(0, 0, 0), 130);
  EXPECT_EQ(image.at(0, 7, 0), 110);
}

TEST(Blur, SpreadsAPointToTheDeviationAsked) {
  ImageU8 image(41, 41, 3);
  for (int c = 0; c < 3; ++c) image.at(20, 20, c) = 255;
  // Wide enough a spot that bytes resolve its tails.
  for (int y = 18; y <= 22; ++y) {
    for (int x = 18; x <= 22; ++x) image.at(x, y, 0) = 255;
  }
  const auto variance = [](const ImageU8& i) {
    double sum = 0, squares = 0;
    for (int y = 0; y < i.height; ++y) {
      for (int x = 0; x < i.width; ++x) {
        sum += i.at(x, y, 0);
        squares += i.at(x, y, 0) * (x - 20.0) * (x - 20.0);
      }
    }
    return squares / sum;
  };
  const double before = variance(image);
  Blur(2, &image);
  EXPECT_NEAR(variance(image) - before, 4, 0.4);  // variances of convolved functions add
}

TEST(AddSensorNoise, HasTheVarianceOfItsModel) {
  for (const int level : {60, 128, 200}) {
    const auto byte = static_cast<uint8_t>(level);
    ImageU8 image = Flat(64, byte, byte, byte);
    Random random(2, static_cast<uint64_t>(level), 0, Purpose::kTest);
    AddSensorNoise(0.002f, 0.004f, &random, &image);
    const double s = level / 255.0;
    const double light = std::pow((s + 0.055) / 1.055, 2.4);
    const double slope = 1.055 / 2.4 * std::pow(light, 1 / 2.4 - 1);  // of sRGB over light
    const double expected = 255 * slope * std::sqrt(0.002 * light + 0.004 * 0.004);
    EXPECT_NEAR(MomentsOf(image).deviation, expected, 0.06 * expected) << "level " << level;
  }
}

TEST(AddPlainNoise, HasTheDeviationAsked) {
  ImageU8 image = Flat(64, 128, 128, 128);
  Random random(3, 0, 0, Purpose::kTest);
  AddPlainNoise(9, &random, &image);
  EXPECT_NEAR(MomentsOf(image).deviation, 9, 0.4);
  EXPECT_NEAR(MomentsOf(image).mean, 128, 0.4);
}

TEST(CompressJpeg, LosesMoreAtLowerQuality) {
  const ImageU8 image = Random3(32);
  const auto loss = [&](int quality) {
    ImageU8 packed = image;
    CompressJpeg(quality, &packed);
    double sum = 0;
    for (size_t i = 0; i < image.pixels.size(); ++i) {
      sum += std::abs(static_cast<double>(packed.pixels[i]) - image.pixels[i]);
    }
    return sum;
  };
  EXPECT_GT(loss(20), loss(60));
  EXPECT_GT(loss(60), loss(95));
}

TEST(CompressJpeg, KeepsTheOrderOfColours) {
  ImageU8 image = Flat(16, 220, 60, 20);
  CompressJpeg(95, &image);
  EXPECT_NEAR(image.at(8, 8, 0), 220, 4);
  EXPECT_NEAR(image.at(8, 8, 2), 20, 4);
}

TEST(CutOut, FillsTheBoxAndNothingElse) {
  ImageU8 image = Flat(8, 1, 1, 1);
  const PixelBox box{-2, 3, 5, 2};
  CutOut(box, {9, 8, 7}, &image);
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) {
      EXPECT_EQ(image.at(x, y, 0), box.Contains(x, y) ? 9 : 1);
      EXPECT_EQ(image.at(x, y, 2), box.Contains(x, y) ? 7 : 1);
    }
  }
  EXPECT_TRUE(box.Contains(2.4, 4.4));
  EXPECT_FALSE(box.Contains(2.6, 4.4));
}

}  // namespace
}  // namespace handforge
