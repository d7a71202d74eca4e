#include "io/augment/photometric.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

namespace handforge {
namespace {

cv::Mat View(ImageU8* rgb) { return {rgb->height, rgb->width, CV_8UC3, rgb->pixels.data()}; }

uint8_t ToByte(double value) {
  return static_cast<uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
}

// Rec. 601 luma, as JPEG and OpenCV weigh the colours.
double Grey(const uint8_t* p) { return 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]; }

// IEC 61966-2-1.
double LinearFromSrgb(double s) {
  return s <= 0.04045 ? s / 12.92 : std::pow((s + 0.055) / 1.055, 2.4);
}
double SrgbFromLinear(double l) {
  return l <= 0.0031308 ? 12.92 * l : 1.055 * std::pow(l, 1 / 2.4) - 0.055;
}

const std::array<double, 256>& LinearOfByte() {
  static const std::array<double, 256> table = [] {
    std::array<double, 256> t{};
    for (int i = 0; i < 256; ++i) t[i] = LinearFromSrgb(i / 255.0);
    return t;
  }();
  return table;
}

}  // namespace

void Recolour(const Recolouring& change, ImageU8* rgb) {
  const size_t count = rgb->pixels.size() / 3;
  double mean = 0;
  for (size_t i = 0; i < count; ++i) mean += Grey(&rgb->pixels[3 * i]);
  mean /= static_cast<double>(std::max<size_t>(count, 1));
  const std::array<double, 3> tint = {1.0 + change.warmth, 1.0, 1.0 - change.warmth};
  for (size_t i = 0; i < count; ++i) {
    uint8_t* p = &rgb->pixels[3 * i];
    const double grey = Grey(p);
    for (int c = 0; c < 3; ++c) {
      const double saturated = grey + change.saturation * (p[c] - grey);
      const double contrasted = mean + change.contrast * (saturated - mean);
      p[c] = ToByte(change.brightness * tint[c] * contrasted);
    }
  }
}

void Blur(float deviation_px, ImageU8* rgb) {
  if (deviation_px <= 0) return;
  const cv::Mat picture = View(rgb);
  cv::GaussianBlur(picture.clone(), picture, cv::Size(0, 0), deviation_px);
}

void AddSensorNoise(float shot_noise, float read_noise, Random* random, ImageU8* rgb) {
  for (uint8_t& byte : rgb->pixels) {
    const double light = LinearOfByte()[byte];
    const double deviation = std::sqrt(shot_noise * light + read_noise * read_noise);
    const double noisy = std::clamp(random->Normal(light, deviation), 0.0, 1.0);
    byte = ToByte(255 * SrgbFromLinear(noisy));
  }
}

void AddPlainNoise(float deviation_of_255, Random* random, ImageU8* rgb) {
  for (uint8_t& byte : rgb->pixels) byte = ToByte(random->Normal(byte, deviation_of_255));
}

void CompressJpeg(int quality, ImageU8* rgb) {
  const cv::Mat picture = View(rgb);
  cv::Mat bgr;
  cv::cvtColor(picture, bgr, cv::COLOR_RGB2BGR);
  std::vector<uint8_t> bytes;
  cv::imencode(".jpg", bgr, bytes, {cv::IMWRITE_JPEG_QUALITY, quality});
  cv::cvtColor(cv::imdecode(bytes, cv::IMREAD_COLOR), picture, cv::COLOR_BGR2RGB);
}

void CutOut(const PixelBox& box, const std::array<uint8_t, 3>& colour, ImageU8* rgb) {
  for (int y = std::max(0, box.y); y < std::min(rgb->height, box.y + box.height); ++y) {
    for (int x = std::max(0, box.x); x < std::min(rgb->width, box.x + box.width); ++x) {
      for (int c = 0; c < 3; ++c) rgb->at(x, y, c) = colour[c];
    }
  }
}

}  // namespace handforge
