#include "vae/degrade.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

namespace handforge {
namespace {

constexpr double kPi = 3.14159265358979323846;

cv::Vec3f RandomColour(Random* random) {
  const double level = random->Uniform(0.02, 0.98);
  const double cast = random->Uniform(0, 0.25);
  cv::Vec3f colour;
  for (int c = 0; c < 3; ++c) {
    colour[c] = static_cast<float>(std::clamp(level + random->Uniform(-cast, cast), 0.0, 1.0));
  }
  return colour;
}

// Colours that vary at several sizes: a coarse grid of random ones, enlarged, plus finer ones.
cv::Mat Cloud(int px, Random* random) {
  cv::Mat cloud(px, px, CV_32FC3, cv::Scalar::all(0));
  const cv::Vec3f base = RandomColour(random);
  cloud.setTo(cv::Scalar(base[0], base[1], base[2]));
  double strength = random->Uniform(0.05, 0.5);
  const double decay = random->Uniform(0.35, 0.95);
  for (int cells = 2; cells <= px / 2; cells *= 2, strength *= decay) {
    cv::Mat grid(cells, cells, CV_32FC3);
    for (int y = 0; y < cells; ++y) {
      for (int x = 0; x < cells; ++x) {
        const double shared = random->Uniform(-1, 1);
        for (int c = 0; c < 3; ++c) {
          const double own = random->Uniform(-1, 1);
          grid.at<cv::Vec3f>(y, x)[c] = static_cast<float>(strength * (0.7 * shared + 0.3 * own));
        }
      }
    }
    cv::Mat large;
    cv::resize(grid,
               large,
               cloud.size(),
               0,
               0,
               random->Chance(0.3) ? cv::INTER_NEAREST : cv::INTER_LINEAR);
    cloud += large;
  }
  return cloud;
}

// Bars and boxes of plain colour, the edges of furniture.
void AddEdges(Random* random, cv::Mat* image) {
  const int px = image->cols;
  const int64_t count = random->Integer(6);
  for (int64_t i = 0; i < count; ++i) {
    const cv::Point2f centre(static_cast<float>(random->Uniform(0, px)),
                             static_cast<float>(random->Uniform(0, px)));
    const cv::Size2f size(static_cast<float>(random->Uniform(0.03, 0.9) * px),
                          static_cast<float>(random->Uniform(0.03, 0.9) * px));
    cv::Point2f corners[4];
    cv::RotatedRect(centre, size, static_cast<float>(random->Uniform(0, 180))).points(corners);
    cv::Point polygon[4];
    std::copy(corners, corners + 4, polygon);
    const cv::Vec3f colour = RandomColour(random);
    cv::fillConvexPoly(*image, polygon, 4, cv::Scalar(colour[0], colour[1], colour[2]), cv::LINE_8);
  }
}

// Part of another picture, enlarged and turned.
cv::Mat Elsewhere(const BackgroundSource& source, int px, Random* random) {
  const cv::Mat image(px, px, CV_8UC3, const_cast<uint8_t*>(source.rgb));
  const int side = static_cast<int>(random->Uniform(0.35, 0.9) * px);
  const cv::Rect window(static_cast<int>(random->Integer(px - side + 1)),
                        static_cast<int>(random->Integer(px - side + 1)),
                        side,
                        side);
  cv::Mat large;
  cv::resize(image(window), large, cv::Size(px, px), 0, 0, cv::INTER_LINEAR);
  if (random->Chance(0.5)) cv::flip(large, large, static_cast<int>(random->Integer(3)) - 1);
  if (random->Chance(0.5)) cv::rotate(large, large, cv::ROTATE_90_CLOCKWISE);
  cv::Mat colours;
  large.convertTo(colours, CV_32FC3, random->Uniform(0.6, 1.3) / 255);
  return colours;
}

cv::Mat Background(const BackgroundSource& source, int px, Random* random) {
  cv::Mat image = random->Chance(0.5) ? Elsewhere(source, px, random) : Cloud(px, random);
  if (random->Chance(0.4)) AddEdges(random, &image);
  return image;
}

// A stick or a blob from somewhere over the edge of the picture to near the hand, or across it.
cv::Mat OccluderMask(int px, Random* random) {
  cv::Mat mask(px, px, CV_8U, cv::Scalar(0));
  const double angle = random->Uniform(0, 2 * kPi);
  const double reach = random->Uniform(0.1, 0.5) * px;
  const cv::Point centre(static_cast<int>(px / 2.0 + reach * std::cos(angle)),
                         static_cast<int>(px / 2.0 + reach * std::sin(angle)));
  const cv::Size axes(static_cast<int>(random->Uniform(0.03, 0.13) * px),
                      static_cast<int>(random->Uniform(0.05, 0.5) * px));
  cv::ellipse(mask, centre, axes, random->Uniform(0, 180), 0, 360, cv::Scalar(255), cv::FILLED);
  return mask;
}

void Occlude(int px, Random* random, cv::Mat* image) {
  cv::Mat texture = Cloud(px, random);
  texture.copyTo(*image, OccluderMask(px, random));
}

void ChangeContrast(double largest, Random* random, cv::Mat* image) {
  const double contrast = 1 + random->Uniform(-largest, largest);
  const double gamma = std::exp(random->Uniform(-largest, largest));
  const double middle = 0.45 + random->Uniform(-0.5, 0.5) * largest * 0.4;
  *image = cv::max(
      cv::min((*image - cv::Scalar::all(middle)) * contrast + cv::Scalar::all(middle), 1.0), 0.0);
  cv::pow(*image, gamma, *image);
}

void Blur(int px, Random* random, cv::Mat* image) {
  if (random->Chance(0.5)) {  // a small picture enlarged
    const int small = static_cast<int>(random->Uniform(0.2, 0.8) * px);
    cv::Mat reduced;
    cv::resize(*image, reduced, cv::Size(small, small), 0, 0, cv::INTER_AREA);
    cv::resize(reduced, *image, cv::Size(px, px), 0, 0, cv::INTER_LINEAR);
  } else {
    cv::GaussianBlur(*image, *image, cv::Size(0, 0), random->Uniform(0.4, 1.6));
  }
}

// Light that falls unevenly and in several colours: smooth gains from a coarse grid.
void Shade(Random* random, cv::Mat* image) {
  const int cells = 2 + static_cast<int>(random->Integer(4));
  const double strength = random->Uniform(0.1, 0.6), cast = random->Uniform(0, 0.3);
  cv::Mat grid(cells, cells, CV_32FC3);
  for (int i = 0; i < cells * cells; ++i) {
    const double shared = random->Uniform(-1, 1);
    for (int c = 0; c < 3; ++c) {
      const double stops = strength * (shared + cast * random->Uniform(-1, 1));
      grid.at<cv::Vec3f>(i / cells, i % cells)[c] = static_cast<float>(std::exp(stops));
    }
  }
  cv::Mat gains;
  cv::resize(grid, gains, image->size(), 0, 0, cv::INTER_CUBIC);
  cv::multiply(*image, gains, *image);
}

// A fine pattern over everything: hairs, wrinkles, weave, which renderings show too little of.
void AddTexture(Random* random, cv::Mat* image) {
  cv::RNG generator(random->NextU64());
  cv::Mat pattern(image->size(), CV_32F);
  generator.fill(pattern, cv::RNG::NORMAL, 0, 1);
  const double grain_x = random->Uniform(0.3, 2);
  const double grain_y = random->Uniform(0.3, 2);
  cv::GaussianBlur(pattern, pattern, cv::Size(0, 0), grain_x, grain_y);
  const double strength =
      random->Uniform(0.02, 0.1) / std::max(1e-6, cv::norm(pattern)) * image->cols;
  pattern = pattern * strength + cv::Scalar::all(1);
  cv::Mat channels[] = {pattern, pattern, pattern};
  cv::Mat coloured;
  cv::merge(channels, 3, coloured);
  cv::multiply(*image, coloured, *image);
}

// Another style: every channel becomes a sum of the three, each filtered by a random kernel, and is
// mixed with what it was (random convolutions of Xu et al., "Robust and generalizable visual
// representation learning via random convolutions", ICLR 2021). Level and contrast are kept: the
// picture of a hand goes on looking like a picture.
void Convolve(Random* random, cv::Mat* image) {
  const int size = 1 + 2 * static_cast<int>(random->Integer(4));
  const double kept = random->Uniform(0, 1);
  cv::RNG generator(random->NextU64());
  cv::Scalar level, contrast, filtered_level, filtered_contrast;
  cv::meanStdDev(*image, level, contrast);
  cv::Mat channels[3], filtered[3];
  cv::split(*image, channels);
  for (cv::Mat& out : filtered) {
    out.create(image->size(), CV_32F);
    out.setTo(0);
    for (int c = 0; c < 3; ++c) {
      cv::Mat kernel(size, size, CV_32F), part;
      generator.fill(kernel, cv::RNG::NORMAL, 0, 1);
      cv::filter2D(channels[c] - level[c], part, -1, kernel);
      out += part;
    }
  }
  cv::Mat style;
  cv::merge(filtered, 3, style);
  cv::meanStdDev(style, filtered_level, filtered_contrast);
  const double scale = cv::norm(contrast) / std::max(1e-6, cv::norm(filtered_contrast));
  *image = kept * *image + (1 - kept) * ((style - filtered_level) * scale + level);
}

// Unsharp masking, as cameras do to their pictures.
void Sharpen(Random* random, cv::Mat* image) {
  cv::Mat smooth;
  cv::GaussianBlur(*image, smooth, cv::Size(0, 0), random->Uniform(0.6, 1.6));
  *image += random->Uniform(0.3, 2) * (*image - smooth);
}

void AddNoise(Random* random, cv::Mat* image) {
  const double deviation = random->Uniform(0.005, 0.05);
  cv::RNG generator(random->NextU64());
  cv::Mat noise(image->size(), image->type());
  generator.fill(noise, cv::RNG::NORMAL, 0, deviation);
  *image += noise;
}

void Compress(Random* random, cv::Mat* image) {
  cv::Mat bytes;
  image->convertTo(bytes, CV_8UC3, 255);
  std::vector<uchar> file;
  const int quality = 25 + static_cast<int>(random->Integer(65));
  cv::imencode(".jpg", bytes, file, {cv::IMWRITE_JPEG_QUALITY, quality});
  cv::imdecode(file, cv::IMREAD_COLOR).convertTo(*image, CV_32FC3, 1 / 255.0);
}

std::vector<cv::Mat> Channels(int px, float* planes) {
  std::vector<cv::Mat> channels;
  for (int c = 0; c < 3; ++c) {
    channels.emplace_back(px, px, CV_32F, planes + static_cast<ptrdiff_t>(c) * px * px);
  }
  return channels;
}

}  // namespace

void PaintBackground(const BackgroundSource& source, int px, Random* random, float* planes) {
  std::vector<cv::Mat> channels = Channels(px, planes);
  cv::split(Background(source, px, random), channels);
}

void DegradeImage(const AugmentOptions& options,
                  const BackgroundSource& background,
                  int px,
                  Random* random,
                  float* planes) {
  std::vector<cv::Mat> channels = Channels(px, planes);
  cv::Mat image;
  cv::merge(channels, image);
  if (random->Chance(options.background)) {
    const cv::Mat behind = Background(background, px, random);
    const float* alpha = planes + static_cast<ptrdiff_t>(3) * px * px;
    for (int i = 0; i < px * px; ++i) {
      cv::Vec3f& pixel = image.at<cv::Vec3f>(i / px, i % px);
      pixel = alpha[i] * pixel + (1 - alpha[i]) * behind.at<cv::Vec3f>(i / px, i % px);
    }
  }
  if (random->Chance(options.occluder)) Occlude(px, random, &image);
  if (options.convolve > 0 && random->Chance(options.convolve)) Convolve(random, &image);
  if (random->Chance(options.shade)) Shade(random, &image);
  if (options.contrast > 0) ChangeContrast(options.contrast, random, &image);
  if (random->Chance(options.texture)) AddTexture(random, &image);
  if (random->Chance(options.blur)) Blur(px, random, &image);
  if (random->Chance(options.sharpen)) Sharpen(random, &image);
  if (random->Chance(options.noise)) AddNoise(random, &image);
  image = cv::max(cv::min(image, 1.0), 0.0);
  if (random->Chance(options.jpeg)) Compress(random, &image);
  cv::split(image, channels);
}

void DegradeDepth(const AugmentOptions& options, int px, Random* random, float* depth) {
  if (!random->Chance(options.noise)) return;
  const double jitter = random->Uniform(0, 0.03);
  const double lost = random->Uniform(0, 0.05);
  for (int i = 0; i < px * px; ++i) {
    if (random->Chance(lost)) {
      depth[i] = 1;
    } else if (depth[i] < 1) {
      const double value = depth[i] + random->Normal(0, jitter);
      depth[i] = static_cast<float>(std::clamp(value, -1.0, 1.0));
    }
  }
}

}  // namespace handforge
