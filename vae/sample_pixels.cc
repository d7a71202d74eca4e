#include "vae/sample_pixels.h"

#include "io/core/error.h"
#include "io/core/tuple.h"
#include "vae/targets.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include <opencv2/imgproc.hpp>

namespace handforge {
namespace {

// Side of the square images of a column.
int ImageSide(const ShardReader& shard, const std::string& column) {
  const std::vector<uint64_t>& shape = shard.Find(column).row_shape;
  if (shape.size() < 2 || shape[0] != shape[1]) {
    throw DataError(shard.file().string() + ": column " + column + " holds images that are not " +
                    "square; training needs square crops");
  }
  return static_cast<int>(shape[0]);
}

}  // namespace

size_t SamplePixelBytes(const SampleForm& form) {
  return size_t{5} * static_cast<size_t>(form.rgb_px) * static_cast<size_t>(form.rgb_px);
}

PixelMaker::PixelMaker(const ShardReader& shard, const SampleForm& form)
    : form_(form), stored_rgb_px_(ImageSide(shard, "rgb")), image_px_(ImageSide(shard, "mask")) {
  const int smallest = std::min(stored_rgb_px_, image_px_);
  if (smallest >= form.rgb_px) return;
  const char* columns = smallest == stored_rgb_px_ ? "rgb" : "depth and mask";
  throw DataError(shard.file().string() + ": " + columns + " of " + std::to_string(smallest) +
                  " px are smaller than the model's rgb_px = " + std::to_string(form.rgb_px) +
                  ", the side of all its pictures; render larger ones or lower model.rgb_px");
}

SamplePixels PixelMaker::Make(const uint8_t* rgb,
                              const uint8_t* mask,
                              const uint16_t* depth,
                              Handedness stored) const {
  const bool mirror = form_.mirror_left && stored == Handedness::kLeft;
  SamplePixels pixels;
  if (rgb != nullptr) pixels.rgb = Image(rgb, stored_rgb_px_, 3, mirror);
  if (mask != nullptr) pixels.alpha = Alpha(mask, mirror);
  if (depth != nullptr) pixels.depth = Depth(depth, mirror);
  return pixels;
}

// Area average of an interleaved image.
std::vector<uint8_t> PixelMaker::Image(const uint8_t* pixels,
                                       int side_px,
                                       int channels,
                                       bool mirror) const {
  const int type = CV_MAKETYPE(CV_8U, channels);
  const cv::Mat source(side_px, side_px, type, const_cast<uint8_t*>(pixels));
  ImageU8 image(form_.rgb_px, form_.rgb_px, channels);
  cv::Mat target(form_.rgb_px, form_.rgb_px, type, image.pixels.data());
  if (side_px == form_.rgb_px) {
    source.copyTo(target);
  } else {
    cv::resize(source, target, target.size(), 0, 0, cv::INTER_AREA);
  }
  if (mirror) MirrorImage(&image);
  return std::move(image.pixels);
}

std::vector<uint8_t> PixelMaker::Alpha(const uint8_t* mask, bool mirror) const {
  std::vector<uint8_t> alpha(static_cast<size_t>(image_px_) * image_px_);
  std::transform(mask, mask + alpha.size(), alpha.begin(), [](uint8_t part) {
    return static_cast<uint8_t>(part != kPartBackground && part < kPartFirstOccluder ? 255 : 0);
  });
  return Image(alpha.data(), image_px_, 1, mirror);
}

// Depth is not averaged, or edges would float between hand and background.
std::vector<int8_t> PixelMaker::Depth(const uint16_t* stored, bool mirror) const {
  const size_t px = static_cast<size_t>(form_.rgb_px), side = static_cast<size_t>(image_px_);
  std::vector<float> depth_mm(px * px);
  for (size_t y = 0; y < px; ++y) {
    for (size_t x = 0; x < px; ++x) {
      const size_t column = SourcePixel(x);
      const size_t from_x = mirror ? side - 1 - column : column;
      depth_mm[y * px + x] =
          static_cast<float>(stored[SourcePixel(y) * side + from_x] * kDepthUnitMm);
    }
  }
  std::vector<float> relative(px * px);
  NormaliseDepth(depth_mm.data(), static_cast<int>(px * px), relative.data());
  std::vector<int8_t> levels(px * px);
  std::transform(relative.begin(), relative.end(), levels.begin(), [](float value) {
    return static_cast<int8_t>(std::lround(value * kDepthLevels));
  });
  return levels;
}

size_t PixelMaker::SourcePixel(size_t pixel) const {
  return (2 * pixel + 1) * static_cast<size_t>(image_px_) / (2 * static_cast<size_t>(form_.rgb_px));
}

uint32_t StoredPixels::AddShard(const ShardReader& shard, const PixelMaker& maker) {
  shards_.push_back({shard.Rows({"rgb", "mask", "depth"}), maker});
  return static_cast<uint32_t>(shards_.size() - 1);
}

std::shared_ptr<const SamplePixels> StoredPixels::Read(const PixelPlace& place,
                                                       const PixelKinds& kinds) const {
  const Shard& shard = shards_.at(place.shard);
  std::vector<uint8_t> rgb, mask;
  std::vector<uint16_t> depth;
  if (kinds.rgb) rgb = shard.file.Read(0, place.row);
  if (kinds.alpha) mask = shard.file.Read(1, place.row);
  if (kinds.depth) {
    const std::vector<uint8_t> bytes = shard.file.Read(2, place.row);
    depth.resize(bytes.size() / sizeof(uint16_t));
    std::memcpy(depth.data(), bytes.data(), bytes.size());
  }
  return std::make_shared<SamplePixels>(shard.maker.Make(kinds.rgb ? rgb.data() : nullptr,
                                                         kinds.alpha ? mask.data() : nullptr,
                                                         kinds.depth ? depth.data() : nullptr,
                                                         place.side));
}

}  // namespace handforge
