#pragma once

#include "io/core/image.h"
#include "io/core/random.h"

#include <array>

namespace handforge {

// Changes of a picture alone: {H, W, 3} sRGB, in place. The labels stay as they are, except that
// what a cut-out covers is no longer seen (io/augment/augmenter.h).

struct Recolouring {
  float brightness = 1;  // gain of all colours
  float contrast = 1;    // gain about the picture's mean grey
  float saturation = 1;  // gain of each colour about the pixel's grey
  float warmth = 0;      // red times 1 + warmth, blue times 1 - warmth
};
void Recolour(const Recolouring& change, ImageU8* rgb);

// Gaussian of this deviation.
void Blur(float deviation_px, ImageU8* rgb);

// Noise of a camera's sensor, in linear light: variance = shot * light + read^2 (Foi, Trimeche,
// Katkovnik, Egiazarian, "Practical Poissonian-Gaussian noise modeling and fitting for single-image
// raw-data", IEEE Trans. Image Processing 17, 2008), with the Poisson part as a Gaussian.
void AddSensorNoise(float shot_noise, float read_noise, Random* random, ImageU8* rgb);

// White noise of the sRGB values.
void AddPlainNoise(float deviation_of_255, Random* random, ImageU8* rgb);

// Compressed and unpacked again; quality 1 to 100.
void CompressJpeg(int quality, ImageU8* rgb);

// Fills a box with one colour (DeVries and Taylor, "Improved regularization of convolutional neural
// networks with cutout", arXiv 1708.04552, 2017). The box may reach beyond the picture.
struct PixelBox {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
  bool Contains(double u, double v) const {
    return u >= x - 0.5 && v >= y - 0.5 && u < x + width - 0.5 && v < y + height - 0.5;
  }
};
void CutOut(const PixelBox& box, const std::array<uint8_t, 3>& colour, ImageU8* rgb);

}  // namespace handforge
