#include "render/photo.h"

#include "io/core/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

namespace handforge {
namespace {

constexpr int kBestQuality = 95;
constexpr float kMidGrey = 0.18f;
// d(8-bit sRGB value) / d(linear) at mid grey.
const float kStepsPerLinear = 255 * 1.055f / 2.4f * std::pow(kMidGrey, 1 / 2.4f - 1);

float ToneCurve(float linear) {
  const float x = linear < 0.7f ? linear : 0.7f + 0.3f * std::tanh((linear - 0.7f) / 0.3f);
  return x <= 0.0031308f ? 12.92f * x : 1.055f * std::pow(x, 1 / 2.4f) - 0.055f;
}

// The curve by square root of the signal, where it is nearly straight.
uint8_t ToByte(float linear) {
  constexpr int kEntries = 4096;
  constexpr float kWhite = 3;
  static const auto table = [] {
    std::array<uint8_t, kEntries> t;
    for (int i = 0; i < kEntries; ++i) {
      const float root = static_cast<float>(i) / (kEntries - 1);
      t[i] = static_cast<uint8_t>(
          std::lround(255 * std::clamp(ToneCurve(root * root * kWhite), 0.0f, 1.0f)));
    }
    return t;
  }();
  const float root = std::sqrt(std::clamp(linear / kWhite, 0.0f, 1.0f));
  return table[static_cast<int>(root * (kEntries - 1) + 0.5f)];
}

cv::Mat View(const ImageF32& image) {
  return cv::Mat(image.height, image.width, CV_32FC3, const_cast<float*>(image.pixels.data()));
}

ImageF32 Exposed(const ImageF32& radiance, const PhotoSettings& s) {
  const std::array<float, 3> gains = {
      s.exposure * s.red_gain, s.exposure, s.exposure * s.blue_gain};
  ImageF32 out = radiance;
  for (size_t i = 0; i < out.pixels.size(); ++i) out.pixels[i] *= gains[i % 3];
  return out;
}

void AddNoise(float shot, float read, Random& random, ImageF32* image) {
  if (shot <= 0 && read <= 0) return;
  for (float& x : image->pixels) {
    const float deviation = std::sqrt(shot * shot * std::max(x, 0.0f) + read * read);
    x += deviation * static_cast<float>(random.Normal());
  }
}

void Compress(int quality, ImageU8* picture) {
  cv::Mat rgb(picture->height, picture->width, CV_8UC3, picture->pixels.data());
  cv::Mat bgr;
  cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
  std::vector<uint8_t> file;
  cv::imencode(".jpg", bgr, file, {cv::IMWRITE_JPEG_QUALITY, quality});
  cv::cvtColor(cv::imdecode(file, cv::IMREAD_COLOR), rgb, cv::COLOR_BGR2RGB);
}

}  // namespace

PhotoSettings DrawPhoto(const PhotoOptions& options, float tone, Random& random) {
  const auto uniform = [&random](double low, double high) {
    return static_cast<float>(random.Uniform(low, high));
  };
  PhotoSettings s;
  s.exposure = std::exp(uniform(std::log(options.darkest), std::log(options.brightest)));
  s.exposure *= std::pow(kMeteredTone / tone, static_cast<float>(options.metering));
  const float warm = uniform(-options.warmth, options.warmth);
  const float tint = 0.3f * uniform(-options.warmth, options.warmth);
  s.red_gain = std::exp(warm + tint);
  s.blue_gain = std::exp(-warm + tint);
  s.blur_px = uniform(0, options.blur_px);
  // Most pictures are taken in good light: the square favours little noise.
  const float level = uniform(0, 1);
  const float deviation = level * level * static_cast<float>(options.noise) / kStepsPerLinear;
  const float read_share = uniform(0.1, 0.5);  // of the variance at mid grey
  s.read_noise = deviation * std::sqrt(read_share);
  s.shot_noise = deviation * std::sqrt((1 - read_share) / kMidGrey);
  const bool compressed = random.Chance(options.jpeg);
  const auto quality = static_cast<float>(
      options.lowest_quality + random.Integer(kBestQuality - options.lowest_quality + 1));
  s.jpeg_quality = compressed ? quality : 0;
  return s;
}

ImageU8 TakePhoto(const ImageF32& radiance, const PhotoSettings& settings, Random& random) {
  ImageF32 signal = Exposed(radiance, settings);
  if (settings.blur_px > 0.1f) {
    cv::Mat view = View(signal);
    cv::GaussianBlur(
        view, view, cv::Size(0, 0), settings.blur_px, settings.blur_px, cv::BORDER_REPLICATE);
  }
  AddNoise(settings.shot_noise, settings.read_noise, random, &signal);
  ImageU8 picture(signal.width, signal.height, 3);
  for (size_t i = 0; i < signal.pixels.size(); ++i) picture.pixels[i] = ToByte(signal.pixels[i]);
  if (settings.jpeg_quality > 0) Compress(static_cast<int>(settings.jpeg_quality), &picture);
  return picture;
}

}  // namespace handforge
