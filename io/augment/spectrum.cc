#include "io/augment/spectrum.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/image_file.h"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

namespace handforge {
namespace {

namespace fs = std::filesystem;

ImageU8 LoadSquare(const fs::path& file, int size_px) {
  ImageU8 whole = ReadColours(file);
  const cv::Mat pixels(whole.height, whole.width, CV_8UC3, whole.pixels.data());
  const int side = std::min(whole.width, whole.height);
  const cv::Rect square((whole.width - side) / 2, (whole.height - side) / 2, side, side);
  ImageU8 image(size_px, size_px, 3);
  cv::Mat scaled(size_px, size_px, CV_8UC3, image.pixels.data());
  cv::resize(pixels(square), scaled, scaled.size(), 0, 0, cv::INTER_AREA);
  return image;
}

cv::Mat Spectrum(const ImageU8& image, int channel) {
  cv::Mat values(image.height, image.width, CV_64F);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) values.at<double>(y, x) = image.at(x, y, channel);
  }
  cv::Mat spectrum;
  cv::dft(values, spectrum, cv::DFT_COMPLEX_OUTPUT);
  return spectrum;
}

// 0, 1, 2 ... -2, -1 for a position in a spectrum.
int Frequency(int position, int size) { return position <= size / 2 ? position : position - size; }

void MixAmplitudes(const cv::Mat& other, int reach, double mix, cv::Mat* spectrum) {
  for (int y = 0; y < spectrum->rows; ++y) {
    if (std::abs(Frequency(y, spectrum->rows)) > reach) continue;
    for (int x = 0; x < spectrum->cols; ++x) {
      if (std::abs(Frequency(x, spectrum->cols)) > reach) continue;
      auto& own = spectrum->at<cv::Vec2d>(y, x);
      const auto& foreign = other.at<cv::Vec2d>(y, x);
      const double amplitude = std::hypot(own[0], own[1]);
      const double wanted = (1 - mix) * amplitude + mix * std::hypot(foreign[0], foreign[1]);
      // A frequency without amplitude has no phase: 0.
      own = amplitude > 0 ? own * (wanted / amplitude) : cv::Vec2d(wanted, 0);
    }
  }
}

}  // namespace

ReferenceImages ReferenceImages::Load(const fs::path& folder, int size_px, int64_t most) {
  ReferenceImages references;
  std::string hashed;
  for (const fs::path& file : PicturesBelow(folder)) {
    if (static_cast<int64_t>(references.size()) == most) break;
    try {
      references.images_.push_back(LoadSquare(file, size_px));
    } catch (const DataError& error) {
      references.skipped_.push_back(error.what());
      continue;
    }
    references.names_.push_back(fs::relative(file, folder).generic_string());
    const auto& pixels = references.images_.back().pixels;
    hashed += references.names_.back() + "\n" + Sha256(pixels.data(), pixels.size()) + "\n";
  }
  if (references.size() == 0) {
    throw DataError("none of the " + std::to_string(references.skipped_.size()) + " pictures in " +
                    folder.string() + " can be used, such as " + references.skipped_[0]);
  }
  references.sha256_ = Sha256(hashed.data(), hashed.size());
  return references;
}

void MixSpectrum(const ImageU8& other, double band, double mix, ImageU8* rgb) {
  if (other.width != rgb->width || other.height != rgb->height || other.channels != 3 ||
      rgb->channels != 3) {
    throw DataError("spectra of pictures of different sizes cannot be mixed: " +
                    std::to_string(other.width) + " and " + std::to_string(rgb->width) + " px");
  }
  const int reach = static_cast<int>(std::floor(band * std::min(rgb->width, rgb->height)));
  for (int c = 0; c < 3; ++c) {
    cv::Mat spectrum = Spectrum(*rgb, c);
    MixAmplitudes(Spectrum(other, c), reach, mix, &spectrum);
    cv::Mat values;
    cv::dft(spectrum, values, cv::DFT_INVERSE | cv::DFT_SCALE | cv::DFT_REAL_OUTPUT);
    for (int y = 0; y < rgb->height; ++y) {
      for (int x = 0; x < rgb->width; ++x) {
        rgb->at(x, y, c) =
            static_cast<uint8_t>(std::lround(std::clamp(values.at<double>(y, x), 0.0, 255.0)));
      }
    }
  }
}

}  // namespace handforge
