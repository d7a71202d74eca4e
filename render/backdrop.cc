#include "render/backdrop.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/image_file.h"
#include "render/srgb.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <opencv2/imgproc.hpp>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using Eigen::Vector3f;

// All, or kMost that are evenly spread over the sorted names.
std::vector<fs::path> PhotographsIn(const fs::path& folder) {
  const std::vector<fs::path> files = PicturesBelow(folder);
  if (files.size() <= PhotographFolder::kMost) return files;
  std::vector<fs::path> spread;
  for (size_t i = 0; i < PhotographFolder::kMost; ++i) {
    spread.push_back(files[i * files.size() / PhotographFolder::kMost]);
  }
  return spread;
}

// Throws DataError where the picture cannot be used.
ImageU8 ReadSmall(const fs::path& file) {
  constexpr int kLeastSidePx = 32;
  ImageU8 whole = ReadColours(file);
  const int side = std::min(whole.width, whole.height);
  if (side < kLeastSidePx) {
    throw DataError(file.string() + ": " + std::to_string(whole.width) + " x " +
                    std::to_string(whole.height) + " pixels; at least 32 x 32 are needed");
  }
  const double scale = std::min(1.0, static_cast<double>(PhotographFolder::kSidePx) / side);
  const cv::Mat pixels(whole.height, whole.width, CV_8UC3, whole.pixels.data());
  cv::Mat small;
  cv::resize(pixels, small, cv::Size(), scale, scale, cv::INTER_AREA);
  ImageU8 out(small.cols, small.rows, 3);
  small.copyTo(cv::Mat(small.rows, small.cols, CV_8UC3, out.pixels.data()));
  return out;
}

float ToLinear(uint8_t value) {
  static const auto table = [] {
    std::array<float, 256> t;
    for (int i = 0; i < 256; ++i) t[i] = LinearFromSrgb(static_cast<uint8_t>(i));
    return t;
  }();
  return table[value];
}

Eigen::Map<Vector3f> Pixel(ImageF32* image, int x, int y) {
  return Eigen::Map<Vector3f>(&image->at(x, y));
}

void PaintProbe(const Backdrop& backdrop,
                const Environment& environment,
                const Eigen::Matrix3f& environment_from_cam,
                const PinholeCamera& camera,
                ImageF32* out) {
  const PinholeCamera grid = camera.Resized(out->width, out->height);
  const double magnify =
      2 * std::tan(backdrop.field_of_view_deg * M_PI / 360) * grid.fx / grid.width_px;
  for (int y = 0; y < out->height; ++y) {
    for (int x = 0; x < out->width; ++x) {
      const Eigen::Vector3d ray = grid.Ray({static_cast<double>(x), static_cast<double>(y)});
      const Vector3f wide(
          static_cast<float>(ray.x() * magnify), static_cast<float>(ray.y() * magnify), 1);
      Pixel(out, x, y) = environment.Radiance(environment_from_cam * wide);
    }
  }
}

void PaintPhotograph(const Backdrop& backdrop, ImageF32* out) {
  const ImageU8& source = *backdrop.photograph;
  const cv::Mat whole(
      source.height, source.width, CV_8UC3, const_cast<uint8_t*>(source.pixels.data()));
  const int side = std::max(
      16, static_cast<int>(backdrop.cutout * static_cast<float>(std::min(whole.rows, whole.cols))));
  const int x0 = static_cast<int>(backdrop.left * static_cast<float>(whole.cols - side));
  const int y0 = static_cast<int>(backdrop.top * static_cast<float>(whole.rows - side));
  cv::Mat fitted;
  cv::resize(whole(cv::Rect(x0, y0, side, side)),
             fitted,
             cv::Size(out->width, out->height),
             0,
             0,
             side > out->width ? cv::INTER_AREA : cv::INTER_LINEAR);
  if (backdrop.mirrored) cv::flip(fitted, fitted, 1);
  for (int y = 0; y < out->height; ++y) {
    for (int x = 0; x < out->width; ++x) {
      const cv::Vec3b& p = fitted.at<cv::Vec3b>(y, x);
      Pixel(out, x, y) = Vector3f(ToLinear(p[0]), ToLinear(p[1]), ToLinear(p[2]));
    }
  }
}

void PaintPlain(const Backdrop& backdrop, ImageF32* out) {
  for (int y = 0; y < out->height; ++y) {
    for (int x = 0; x < out->width; ++x) {
      const Eigen::Vector2f at((static_cast<float>(x) + 0.5f) / static_cast<float>(out->width),
                               (static_cast<float>(y) + 0.5f) / static_cast<float>(out->height));
      const float shade = 1 + backdrop.gradient.dot(2 * at - Eigen::Vector2f::Ones());
      Pixel(out, x, y) = shade * backdrop.colour;
    }
  }
}

}  // namespace

PhotographFolder PhotographFolder::Load(const fs::path& folder, std::vector<std::string>* skipped) {
  PhotographFolder out;
  std::string text;
  for (const fs::path& file : PhotographsIn(folder)) {
    try {
      out.photographs_.push_back(ReadSmall(file));
    } catch (const DataError& error) {
      skipped->push_back(error.what());
      continue;
    }
    const auto& pixels = out.photographs_.back().pixels;
    text += fs::relative(file, folder).string() + " " + Sha256(pixels.data(), pixels.size()) + "\n";
  }
  if (out.empty()) {
    throw DataError("no usable photograph (.jpg, .jpeg, .png, .bmp) in " + folder.string() + "; " +
                    std::to_string(skipped->size()) + " could not be read");
  }
  out.sha256_ = Sha256(text.data(), text.size());
  return out;
}

Backdrop DrawBackdrop(const BackdropOptions& options,
                      const PhotographFolder& photographs,
                      Random& random) {
  const auto uniform = [&random](double low, double high) {
    return static_cast<float>(random.Uniform(low, high));
  };
  Backdrop b;
  const double kind = random.Uniform();
  if (kind < options.plain) {
    b.kind = Backdrop::Kind::kPlain;
  } else if (!photographs.empty() &&
             kind < options.plain + (1 - options.plain) * options.photograph) {
    b.kind = Backdrop::Kind::kPhotograph;
    b.photograph = &photographs.at(random.Integer(static_cast<int64_t>(photographs.size())));
  } else {
    b.kind = Backdrop::Kind::kProbe;
  }
  // A camera that is close to a hand has the distance out of focus, more or less.
  b.defocus = random.Chance(0.5) ? uniform(0, 0.025) : 0;
  b.gain = uniform(0.5, 1.3);
  b.field_of_view_deg = uniform(45, 90);
  b.cutout = uniform(0.5, 1);
  b.left = uniform(0, 1);
  b.top = uniform(0, 1);
  b.mirrored = random.Chance(0.5);
  for (int c = 0; c < 3; ++c) b.colour[c] = uniform(0.02, 0.8);
  b.colour = 0.5f * b.colour + Vector3f::Constant(0.5f * b.colour.mean());
  b.gradient = {uniform(-0.25, 0.25), uniform(-0.25, 0.25)};
  return b;
}

ImageF32 PaintBackdrop(const Backdrop& backdrop,
                       const Environment& environment,
                       const Eigen::Matrix3f& environment_from_cam,
                       const PinholeCamera& camera,
                       int side_px) {
  ImageF32 out(side_px, side_px, 3);
  switch (backdrop.kind) {
    case Backdrop::Kind::kProbe:
      PaintProbe(backdrop, environment, environment_from_cam, camera, &out);
      break;
    case Backdrop::Kind::kPhotograph:
      PaintPhotograph(backdrop, &out);
      break;
    case Backdrop::Kind::kPlain:
      PaintPlain(backdrop, &out);
      break;
  }
  cv::Mat view(side_px, side_px, CV_32FC3, out.pixels.data());
  view *= backdrop.gain;
  const float deviation_px = backdrop.defocus * static_cast<float>(side_px);
  if (deviation_px > 0.3f) {
    cv::GaussianBlur(view, view, cv::Size(0, 0), deviation_px, deviation_px, cv::BORDER_REPLICATE);
  }
  view = cv::min(view, backdrop.brightest);
  return out;
}

}  // namespace handforge
