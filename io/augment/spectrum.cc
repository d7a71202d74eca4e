#include "io/augment/spectrum.h"

#include "io/core/error.h"
#include "io/files.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>
#include <system_error>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

namespace handforge {
namespace {

namespace fs = std::filesystem;

bool IsPicture(const fs::path& file) {
  std::string ending = file.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

std::set<fs::path> PicturesBelow(const fs::path& folder) {
  std::set<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code no_file;  // such as a link that leads nowhere
    if (entry->is_regular_file(no_file) && IsPicture(entry->path())) files.insert(entry->path());
  }
  if (error) throw EnvironmentError(folder.string() + ": cannot be searched: " + error.message());
  if (files.empty()) throw EnvironmentError(folder.string() + ": holds no .png, .jpg or .jpeg");
  return files;
}

// Empty where the file is no picture.
ImageU8 LoadSquare(const fs::path& file, int size_px) {
  const cv::Mat bgr = cv::imread(file.string(), cv::IMREAD_COLOR);
  if (bgr.empty()) return ImageU8();
  const int side = std::min(bgr.cols, bgr.rows);
  const cv::Rect square((bgr.cols - side) / 2, (bgr.rows - side) / 2, side, side);
  ImageU8 image(size_px, size_px, 3);
  const cv::Mat rgb(size_px, size_px, CV_8UC3, image.pixels.data());
  cv::Mat scaled;
  cv::resize(bgr(square), scaled, rgb.size(), 0, 0, cv::INTER_AREA);
  cv::cvtColor(scaled, rgb, cv::COLOR_BGR2RGB);
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
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) {
    throw EnvironmentError(folder.string() + ": no such folder; give a folder of real pictures");
  }
  ReferenceImages references;
  std::string hashed;
  for (const fs::path& file : PicturesBelow(folder)) {
    if (static_cast<int64_t>(references.size()) == most) break;
    ImageU8 image = LoadSquare(file, size_px);
    if (image.empty()) {
      references.skipped_.push_back(file.string() + ": cannot be read as a picture");
      continue;
    }
    references.images_.push_back(std::move(image));
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
