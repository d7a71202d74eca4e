#include "io/drawing.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/image_file.h"

#include <algorithm>
#include <array>

#include <opencv2/imgproc.hpp>

namespace handforge {
namespace {

// RGB, one per finger: thumb, index, middle, ring, little; and for the wrist.
const std::array<cv::Scalar, kNumFingers> kFingerColours = {cv::Scalar(255, 70, 60),
                                                            cv::Scalar(255, 190, 40),
                                                            cv::Scalar(70, 215, 80),
                                                            cv::Scalar(60, 170, 255),
                                                            cv::Scalar(200, 100, 255)};
const cv::Scalar kWristColour(240, 240, 240);

cv::Mat View(ImageU8* image) {
  return {image->height, image->width, CV_8UC(image->channels), image->pixels.data()};
}

cv::Mat View(const ImageU8& image) {
  return {
      image.height, image.width, CV_8UC(image.channels), const_cast<uint8_t*>(image.pixels.data())};
}

cv::Scalar ColourOf(int joint) {
  return joint == kWrist ? kWristColour : kFingerColours[FingerOf(joint)];
}

cv::Scalar ColourOfPart(uint8_t part) {
  if (part == kPartBackground) return {0, 0, 0};
  if (part == kPartPalm) return {150, 150, 150};
  if (part == kPartForearm) return {90, 80, 110};
  if (part >= kPartFirstOccluder) return {60, 60, 60};
  const int finger = (part - kPartFirstSegment) / 3, segment = (part - kPartFirstSegment) % 3;
  return kFingerColours[finger] * (0.55 + 0.22 * segment);
}

ImageU8 Grey(const ImageU8& image) {
  ImageU8 out(image.width, image.height, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    for (int c = 0; c < 3; ++c) out.pixels[3 * i + c] = image.pixels[i];
  }
  return out;
}

Joints2 OnGrid(const Joints2& joints_px, int from_px, int to_px) {
  return joints_px.unaryExpr([=](double x) { return RescalePixel(x, from_px, to_px); });
}

// Half the width of a bone: by the crop of the hand, so that a small hand in a large picture is not
// one blob.
int MarkUnit(const Joints2& joints_px, int width_px) {
  constexpr double kHandOfCrop = 0.66, kUnitsOfCrop = 128;
  const double hand_px =
      (joints_px.colwise().maxCoeff() - joints_px.colwise().minCoeff()).maxCoeff();
  const double crop_px = hand_px > 0 ? std::min<double>(width_px, hand_px / kHandOfCrop) : width_px;
  return std::max(1, static_cast<int>(std::lround(crop_px / kUnitsOfCrop)));
}

}  // namespace

ImageU8 ResizeImage(const ImageU8& image, int width_px, int height_px) {
  ImageU8 out(width_px, height_px, image.channels);
  cv::Mat target = View(&out);
  const bool shrink = width_px < image.width;
  cv::resize(View(image), target, target.size(), 0, 0, shrink ? cv::INTER_AREA : cv::INTER_CUBIC);
  return out;
}

void DrawSkeleton(const Joints2& joints_px,
                  const std::array<uint8_t, kNumJoints>& visible,
                  ImageU8* image) {
  constexpr int kShift = 4;  // sub-pixel positions
  cv::Mat canvas = View(image);
  const int unit = MarkUnit(joints_px, image->width);
  const auto at = [&](int j) {
    return cv::Point(static_cast<int>(std::lround(joints_px(j, 0) * (1 << kShift))),
                     static_cast<int>(std::lround(joints_px(j, 1) * (1 << kShift))));
  };
  const auto seen = [&](int j) {
    return visible[j] == kVisible || visible[j] == kVisibilityUnknown;
  };
  for (const auto& [parent, child] : Edges()) {
    const int thickness = seen(parent) && seen(child) ? 2 * unit : unit;
    cv::line(canvas, at(parent), at(child), ColourOf(child), thickness, cv::LINE_AA, kShift);
  }
  for (int j = 0; j < kNumJoints; ++j) {
    const int radius = (2 * unit) << kShift;
    cv::circle(canvas, at(j), radius, {0, 0, 0}, seen(j) ? cv::FILLED : unit, cv::LINE_AA, kShift);
    if (seen(j))
      cv::circle(canvas, at(j), radius * 2 / 3, ColourOf(j), cv::FILLED, cv::LINE_AA, kShift);
  }
}

ImageU8 DepthPicture(const ImageU16& depth) {
  uint16_t nearest = UINT16_MAX, furthest = 0;
  for (uint16_t d : depth.pixels) {
    if (d == 0) continue;
    nearest = std::min(nearest, d);
    furthest = std::max(furthest, d);
  }
  const double range = std::max(1, furthest - nearest);
  ImageU8 out(depth.width, depth.height, 3);
  for (size_t i = 0; i < depth.pixels.size(); ++i) {
    if (depth.pixels[i] == 0) continue;
    const auto grey = static_cast<uint8_t>(255 - 195 * (depth.pixels[i] - nearest) / range);
    for (int c = 0; c < 3; ++c) out.pixels[3 * i + c] = grey;
  }
  return out;
}

ImageU8 MaskPicture(const ImageU8& mask) {
  ImageU8 out(mask.width, mask.height, 3);
  for (size_t i = 0; i < mask.pixels.size(); ++i) {
    const cv::Scalar colour = ColourOfPart(mask.pixels[i]);
    for (int c = 0; c < 3; ++c) out.pixels[3 * i + c] = cv::saturate_cast<uint8_t>(colour[c]);
  }
  return out;
}

ImageU8 TuplePicture(const Tuple& tuple, int cell_px) {
  const int image_px = tuple.camera.width_px;
  const ImageU8 black(cell_px, cell_px, 3);
  std::vector<ImageU8> cells;
  const ImageU8 rgb = tuple.rgb.empty() ? black : ResizeImage(tuple.rgb, cell_px, cell_px);
  cells.push_back(rgb);
  ImageU8 overlay = rgb;
  if ((tuple.present & kHasJoints2) != 0) {
    DrawSkeleton(OnGrid(tuple.joints_px, image_px, cell_px), tuple.visible, &overlay);
  }
  cells.push_back(std::move(overlay));
  cells.push_back(tuple.depth.empty() ? black
                                      : ResizeImage(DepthPicture(tuple.depth), cell_px, cell_px));
  cells.push_back(tuple.mask.empty() ? black
                                     : ResizeImage(MaskPicture(tuple.mask), cell_px, cell_px));
  if (!tuple.alpha.empty()) {
    ImageU8 decoded = ResizeImage(Grey(tuple.alpha), cell_px, cell_px);
    std::array<uint8_t, kNumJoints> unknown;
    unknown.fill(kVisibilityUnknown);
    DrawSkeleton(OnGrid(tuple.decoded_joints_px, image_px, cell_px), unknown, &decoded);
    cells.push_back(std::move(decoded));
  }
  return TileImages(cells, static_cast<int>(cells.size()));
}

ImageU8 TileImages(const std::vector<ImageU8>& images, int columns) {
  constexpr int kGap = 2;
  if (images.empty()) return {};
  const int width = images[0].width, height = images[0].height;
  const int rows = (static_cast<int>(images.size()) + columns - 1) / columns;
  ImageU8 sheet(columns * (width + kGap) - kGap, rows * (height + kGap) - kGap, 3, 32);
  for (size_t i = 0; i < images.size(); ++i) {
    const int x0 = static_cast<int>(i) % columns * (width + kGap);
    const int y0 = static_cast<int>(i) / columns * (height + kGap);
    for (int y = 0; y < height; ++y) {
      std::copy_n(&images[i].at(0, y), 3 * width, &sheet.at(x0, y0 + y));
    }
  }
  return sheet;
}

void WritePng(const ImageU8& image, const std::filesystem::path& file) {
  const std::vector<uint8_t> bytes = EncodePng(image);
  PublishBytes(file, bytes.data(), bytes.size());
}

}  // namespace handforge
