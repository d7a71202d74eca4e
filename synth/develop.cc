#include "synth/develop.h"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

namespace handforge {
namespace {

// The blur is wide, so it may be coarse: it works on blocks of so many pixels.
constexpr int kBlockPx = 4;
constexpr double kSigmaOverWidth = 1.0 / 16;
constexpr float kLeastWeight = 1e-3F;

cv::Mat Floats(const ImageU8& image) {
  cv::Mat floats;
  cv::Mat(
      image.height, image.width, CV_8UC(image.channels), const_cast<uint8_t*>(image.pixels.data()))
      .convertTo(floats, CV_32F);
  return floats;
}

void Blur(cv::Mat* image) {
  const cv::Size size = image->size();
  const double sigma = kSigmaOverWidth * size.width / kBlockPx;
  cv::Mat blocks;
  const cv::Size small(std::max(1, size.width / kBlockPx), std::max(1, size.height / kBlockPx));
  cv::resize(*image, blocks, small, 0, 0, cv::INTER_AREA);
  cv::GaussianBlur(blocks, blocks, {0, 0}, sigma, 0, cv::BORDER_CONSTANT);
  cv::resize(blocks, *image, size, 0, 0, cv::INTER_LINEAR);
}

}  // namespace

ImageU8 Develop(const ImageU8& rgb, const ImageU8& alpha, const DevelopOptions& options) {
  const auto saturation = static_cast<float>(options.saturation);
  const auto clarity = static_cast<float>(options.clarity);
  cv::Mat colours = Floats(rgb);
  std::for_each(colours.begin<cv::Vec3f>(), colours.end<cv::Vec3f>(), [&](cv::Vec3f& colour) {
    const float grey = (colour[0] + colour[1] + colour[2]) / 3;
    for (int c = 0; c < 3; ++c) colour[c] = grey + saturation * (colour[c] - grey);
  });

  // Weighted by alpha, so that only hand is averaged.
  cv::Mat weight = Floats(alpha) / 255, weights;
  cv::merge(std::vector<cv::Mat>{weight, weight, weight}, weights);
  cv::Mat around = colours.mul(weights);
  Blur(&around);
  Blur(&weight);

  ImageU8 out(rgb.width, rgb.height, 3);
  for (int y = 0; y < rgb.height; ++y) {
    for (int x = 0; x < rgb.width; ++x) {
      const cv::Vec3f colour = colours.at<cv::Vec3f>(y, x);
      const cv::Vec3f mean = around.at<cv::Vec3f>(y, x);
      const float share = std::max(weight.at<float>(y, x), kLeastWeight);
      for (int c = 0; c < 3; ++c) {
        const float value = colour[c] + clarity * (colour[c] - mean[c] / share);
        out.at(x, y, c) = static_cast<uint8_t>(std::lround(std::clamp(value, 0.0F, 255.0F)));
      }
    }
  }
  return out;
}

}  // namespace handforge
