#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace handforge {

// Dense image, row-major, channels interleaved: {height, width, channels}.
template <typename T>
struct Image {
  int width = 0;
  int height = 0;
  int channels = 1;
  std::vector<T> pixels;

  Image() = default;
  Image(int width_px, int height_px, int num_channels = 1, T fill = T())
      : width(width_px),
        height(height_px),
        channels(num_channels),
        pixels(static_cast<size_t>(width_px) * height_px * num_channels, fill) {}

  bool empty() const { return pixels.empty(); }
  size_t Offset(int x, int y, int c = 0) const {
    return (static_cast<size_t>(y) * width + x) * channels + c;
  }
  T& at(int x, int y, int c = 0) { return pixels[Offset(x, y, c)]; }
  const T& at(int x, int y, int c = 0) const { return pixels[Offset(x, y, c)]; }
  bool Contains(int x, int y) const { return x >= 0 && y >= 0 && x < width && y < height; }
};

// Left and right change places.
template <typename T>
void MirrorImage(Image<T>* image) {
  for (int y = 0; y < image->height; ++y) {
    for (int x = 0; x < image->width / 2; ++x) {
      for (int c = 0; c < image->channels; ++c) {
        std::swap(image->at(x, y, c), image->at(image->width - 1 - x, y, c));
      }
    }
  }
}

using ImageU8 = Image<uint8_t>;
using ImageU16 = Image<uint16_t>;
using ImageF32 = Image<float>;

}  // namespace handforge
