#include "render/environment.h"

#include "io/assets.h"
#include "io/byte_stream.h"
#include "io/core/error.h"
#include "io/files.h"
#include "io/isolated.h"
#include "render/srgb.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

namespace handforge {
namespace {

using Eigen::Vector3f;

constexpr int kLightWidth = 96;              // of the blurred probe
constexpr float kBrightestTimesMean = 4000;  // keeps a sun, drops broken pixels

Vector3f PixelOf(const ImageF32& image, int x, int y) {
  return {image.at(x, y, 0), image.at(x, y, 1), image.at(x, y, 2)};
}

Vector3f DirectionOfPixel(double x, double y, int width, int height) {
  const double phi = 2 * M_PI * (x + 0.5) / width;
  const double theta = M_PI * (y + 0.5) / height;
  return Vector3f(static_cast<float>(std::sin(theta) * std::cos(phi)),
                  static_cast<float>(std::cos(theta)),
                  static_cast<float>(std::sin(theta) * std::sin(phi)));
}

double SolidAngle(int y, int width, int height) {
  const double low = M_PI * y / height, high = M_PI * (y + 1) / height;
  return 2 * M_PI / width * (std::cos(low) - std::cos(high));
}

// Mean radiance over the sphere.
Vector3f MeanRadiance(const ImageF32& image) {
  Eigen::Vector3d sum = Eigen::Vector3d::Zero();
  for (int y = 0; y < image.height; ++y) {
    const double weight = SolidAngle(y, image.width, image.height);
    for (int x = 0; x < image.width; ++x) sum += weight * PixelOf(image, x, y).cast<double>();
  }
  return (sum / (4 * M_PI)).cast<float>();
}

// What a pixel that is no light leaves to be guessed: a quartile, by luminance, of the `sound`
// pixels around it (1: darker, 3: brighter ones); nothing where there are none.
std::optional<Vector3f> Neighbour(const ImageF32& image,
                                  const std::vector<uint8_t>& sound,
                                  int x,
                                  int y,
                                  int64_t quartile_number) {
  constexpr int kReach = 2;
  std::vector<Vector3f> around;
  for (int v = std::max(y - kReach, 0); v <= std::min(y + kReach, image.height - 1); ++v) {
    for (int i = x - kReach; i <= x + kReach; ++i) {
      const int u = (i + image.width) % image.width;
      if (sound[static_cast<size_t>(v) * image.width + u]) around.push_back(PixelOf(image, u, v));
    }
  }
  if (around.empty()) return std::nullopt;
  const auto quartile =
      around.begin() + quartile_number * static_cast<int64_t>(around.size() - 1) / 4;
  std::nth_element(around.begin(), quartile, around.end(), [](const auto& a, const auto& b) {
    return Luminance(a) < Luminance(b);
  });
  return *quartile;
}

// A probe made smaller by a sharp filter undershoots beside lamps and windows: clamping alone would
// leave them a black outline.
void FillUndershoots(ImageF32* image) {
  constexpr float kBelowZero = -0.01f;  // of the mean; less is a colour out of the gamut
  const float limit = kBelowZero * std::max(Luminance(MeanRadiance(*image)), 0.0f);
  std::vector<uint8_t> sound;
  for (size_t i = 0; i < image->pixels.size(); i += 3) {
    const float* rgb = &image->pixels[i];
    sound.push_back(*std::min_element(rgb, rgb + 3) >= limit);
  }
  for (int y = 0; y < image->height; ++y) {
    for (int x = 0; x < image->width; ++x) {
      if (sound[static_cast<size_t>(y) * image->width + x]) continue;
      const Vector3f filled = Neighbour(*image, sound, x, y, 1).value_or(Vector3f::Zero());
      for (int c = 0; c < 3; ++c) image->at(x, y, c) = filled[c];
    }
  }
}

// Fills the pixels that have sound ones around them, which makes them sound.
void FillRim(ImageF32* image, std::vector<uint8_t>* sound) {
  const ImageF32 before = *image;
  const std::vector<uint8_t> was_sound = *sound;
  for (int y = 0; y < image->height; ++y) {
    for (int x = 0; x < image->width; ++x) {
      const size_t i = static_cast<size_t>(y) * image->width + x;
      if (was_sound[i]) continue;
      const std::optional<Vector3f> filled = Neighbour(before, was_sound, x, y, 3);
      if (!filled) continue;
      for (int c = 0; c < 3; ++c) image->at(x, y, c) = (*filled)[c];
      (*sound)[i] = 1;
    }
  }
}

// A sun whose red and green overflowed when the probe was made is left with blue alone. Hardly a
// bright light is so saturated: such pixels become as the brighter ones around them, from the rim
// inwards, or grey.
void FillLoneChannels(float mean, ImageF32* image) {
  constexpr float kBright = 12, kShareOfNext = 0.05f;
  std::vector<uint8_t> sound;
  for (size_t i = 0; i < image->pixels.size(); i += 3) {
    std::array<float, 3> sorted;
    std::copy_n(&image->pixels[i], 3, sorted.begin());
    std::sort(sorted.begin(), sorted.end());
    sound.push_back(sorted[2] <= kBright * mean || sorted[1] >= kShareOfNext * sorted[2]);
  }
  const auto left = [&sound] { return std::count(sound.begin(), sound.end(), 0); };
  for (auto before = left() + 1; left() > 0 && left() < before;) {
    before = left();
    FillRim(image, &sound);
  }
  for (size_t i = 0; i < sound.size(); ++i) {
    if (!sound[i]) std::fill_n(&image->pixels[3 * i], 3, mean);
  }
}

void Clean(ImageF32* image) {
  for (float& value : image->pixels) value = std::isfinite(value) ? value : 0.0f;
  FillUndershoots(image);
  for (float& value : image->pixels) value = std::max(value, 0.0f);
  FillLoneChannels(Luminance(MeanRadiance(*image)), image);
  const Vector3f mean = MeanRadiance(*image);
  const float limit = kBrightestTimesMean * std::max(Luminance(mean), 1e-6f);
  for (float& value : image->pixels) value = std::min(value, limit);
  const Vector3f clean_mean = MeanRadiance(*image).cwiseMax(1e-6f);
  const float grey = Luminance(clean_mean);
  for (size_t i = 0; i < image->pixels.size(); ++i) {
    const float cast = clean_mean[static_cast<int>(i % 3)] / grey;
    image->pixels[i] /= std::sqrt(cast) * grey;
  }
}

// A picture's rows are not of one size on the sphere: what a blur moves between them is set right
// by scaling to the same mean.
ImageF32 Blurred(const ImageF32& image) {
  const int width = kLightWidth, height = kLightWidth / 2;
  const cv::Mat source(
      image.height, image.width, CV_32FC3, const_cast<float*>(image.pixels.data()));
  cv::Mat small;
  cv::resize(source, small, cv::Size(width, height), 0, 0, cv::INTER_AREA);
  cv::Mat wrapped, blurred;
  const int margin = 8;
  cv::copyMakeBorder(small, wrapped, 0, 0, margin, margin, cv::BORDER_WRAP);
  cv::GaussianBlur(wrapped, blurred, cv::Size(0, 0), 1.6, 1.6, cv::BORDER_REFLECT);
  ImageF32 out(width, height, 3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) out.at(x, y, c) = blurred.at<cv::Vec3f>(y, x + margin)[c];
    }
  }
  const float scale =
      Luminance(MeanRadiance(image)) / std::max(Luminance(MeanRadiance(out)), 1e-6f);
  for (float& value : out.pixels) value *= scale;
  return out;
}

// Walks the pixels along a serpentine over 4 x 4 blocks, cuts the walk into pieces of equal
// luminance, and puts one light at the centre of each piece: near pixels share a light.
std::vector<DistantLight> DrawLights(const ImageF32& probe, int count) {
  constexpr int kBlock = 4;
  std::vector<std::pair<int, int>> order;
  for (int by = 0; by < probe.height; by += kBlock) {
    for (int i = 0; i < probe.width; i += kBlock) {
      const int bx = (by / kBlock) % 2 == 0 ? i : probe.width - kBlock - i;
      for (int y = by; y < std::min(by + kBlock, probe.height); ++y) {
        for (int x = bx; x < bx + kBlock; ++x) order.emplace_back(x, y);
      }
    }
  }
  double total = 0;
  for (const auto& [x, y] : order) {
    total += SolidAngle(y, probe.width, probe.height) * Luminance(PixelOf(probe, x, y));
  }
  std::vector<DistantLight> lights;
  Vector3f direction = Vector3f::Zero(), radiance = Vector3f::Zero();
  double piece = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const auto [x, y] = order[i];
    const auto omega = static_cast<float>(SolidAngle(y, probe.width, probe.height));
    const Vector3f pixel = omega * PixelOf(probe, x, y);
    direction += (Luminance(pixel) + 1e-9f) * DirectionOfPixel(x, y, probe.width, probe.height);
    radiance += pixel;
    piece += Luminance(pixel);
    if (piece < total / count && i + 1 < order.size()) continue;
    if (direction.norm() > 1e-9f) lights.push_back({direction.normalized(), radiance});
    direction.setZero();
    radiance.setZero();
    piece = 0;
  }
  return lights;
}

// Runs in a child process: OpenEXR can crash on damaged files.
std::vector<uint8_t> DecodedPicture(const std::filesystem::path& file) {
  // OpenCV reads OpenEXR only when asked to.
  setenv("OPENCV_IO_ENABLE_OPENEXR", "1", 1);
  cv::setNumThreads(1);  // a child has none of its parent's workers
  cv::Mat bgr;
  try {
    bgr = cv::imread(file.string(), cv::IMREAD_ANYDEPTH | cv::IMREAD_COLOR);
  } catch (const cv::Exception& e) {
    throw DataError(file.string() + ": cannot be read as an image: " + e.what());
  }
  if (bgr.empty()) throw DataError(file.string() + ": cannot be read as an image");
  cv::Mat rgb;
  cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
  rgb.convertTo(rgb, CV_32FC3);
  ByteWriter writer;
  writer.Put<int32_t>(rgb.cols);
  writer.Put<int32_t>(rgb.rows);
  writer.PutVector(std::vector<float>(rgb.ptr<float>(), rgb.ptr<float>() + 3 * rgb.total()));
  return writer.Take();
}

ImageF32 ReadPicture(const std::filesystem::path& file) {
  const std::vector<uint8_t> bytes =
      RunIsolated(file.string(), IsolationLimits(), [&] { return DecodedPicture(file); });
  ByteReader reader(bytes, file.string());
  ImageF32 image;
  image.width = reader.Get<int32_t>();
  image.height = reader.Get<int32_t>();
  image.channels = 3;
  image.pixels = reader.GetVector<float>();
  const int64_t pixels = int64_t{image.width} * image.height;
  if (image.width < 1 || image.height < 1 ||
      image.pixels.size() != 3 * static_cast<uint64_t>(pixels)) {
    throw DataError(file.string() + ": was read to a picture without its pixels");
  }
  return image;
}

}  // namespace

Environment Environment::Load(const std::filesystem::path& file, int lights) {
  if (!std::filesystem::exists(file)) {
    throw EnvironmentError("light probe " + file.string() + " does not exist");
  }
  Environment out = FromImage(ReadPicture(file), file.stem().string(), lights);
  out.sha256_ = Sha256OfFile(file);
  return out;
}

Environment Environment::FromImage(ImageF32 rgb, const std::string& name, int lights) {
  if (rgb.width < 8 || rgb.height < 4 || rgb.channels != 3) {
    throw DataError("light probe " + name + " is " + std::to_string(rgb.width) + " x " +
                    std::to_string(rgb.height) + "; at least 8 x 4 pixels are needed");
  }
  Environment out;
  out.name_ = name;
  out.sha256_ = Sha256(rgb.pixels.data(), rgb.pixels.size() * sizeof(float));
  out.rgb_ = std::move(rgb);
  Clean(&out.rgb_);
  const ImageF32 blurred = Blurred(out.rgb_);
  out.lights_ = DrawLights(blurred, lights);
  out.probe_ = LightProbe::FromEquirectangular(blurred);
  return out;
}

Vector3f Environment::Radiance(const Vector3f& direction) const {
  const Vector3f d = direction.normalized();
  double phi = std::atan2(d.z(), d.x());
  if (phi < 0) phi += 2 * M_PI;
  const double x = phi / (2 * M_PI) * rgb_.width - 0.5;
  const double y = std::acos(std::clamp(d.y(), -1.0f, 1.0f)) / M_PI * rgb_.height - 0.5;
  const int x0 = static_cast<int>(std::floor(x)), y0 = static_cast<int>(std::floor(y));
  const auto fx = static_cast<float>(x - x0), fy = static_cast<float>(y - y0);
  const auto wrap = [&](int i) { return (i % rgb_.width + rgb_.width) % rgb_.width; };
  const auto hold = [&](int i) { return std::clamp(i, 0, rgb_.height - 1); };
  return (1 - fy) * ((1 - fx) * PixelOf(rgb_, wrap(x0), hold(y0)) +
                     fx * PixelOf(rgb_, wrap(x0 + 1), hold(y0))) +
         fy * ((1 - fx) * PixelOf(rgb_, wrap(x0), hold(y0 + 1)) +
               fx * PixelOf(rgb_, wrap(x0 + 1), hold(y0 + 1)));
}

std::vector<Environment> LoadEnvironments(int lights,
                                          const std::function<bool(const std::string&)>& wanted,
                                          std::vector<std::string>* skipped) {
  std::vector<Environment> environments;
  size_t unwanted = 0;
  for (const auto& file : HdriFiles()) {
    if (!wanted(file.stem().string())) {
      ++unwanted;
      continue;
    }
    try {
      environments.push_back(Environment::Load(file, lights));
    } catch (const DataError& error) {
      skipped->push_back(error.what());
    }
  }
  if (!environments.empty()) return environments;
  throw EnvironmentError(
      "no usable light probe (hdri/*.exr) in " + AssetFolder().string() +
      (unwanted == 0 ? "" : " but " + std::to_string(unwanted) + " that hold_out keeps back") +
      "; run tools/setup.sh" + (skipped->empty() ? "" : "; the last: " + skipped->back()));
}

}  // namespace handforge
