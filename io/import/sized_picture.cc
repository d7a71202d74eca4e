#include "io/import/sized_picture.h"

#include "io/core/error.h"
#include "io/core/tuple.h"
#include "io/image_file.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

namespace handforge {

void RequireSizeOf(const PinholeCamera& camera,
                   int width_px,
                   int height_px,
                   const std::filesystem::path& file) {
  if (width_px == camera.width_px && height_px == camera.height_px) return;
  const auto text = [](int width, int height) {
    return std::to_string(width) + " x " + std::to_string(height);
  };
  throw DataError(file.string() + ": has " + text(width_px, height_px) + " pixels, expected " +
                  text(camera.width_px, camera.height_px));
}

ImageU8 ReadSizedPicture(const std::filesystem::path& file, const PinholeCamera& camera) {
  ImageFile image = ReadImageFile(file);
  if (image.is_depth()) {
    throw DataError(file.string() + ": has one channel of 16 bits, expected three of 8 (RGB)");
  }
  RequireSizeOf(camera, image.rgb.width, image.rgb.height, file);
  return std::move(image.rgb);
}

ImageU8 ReadSizedNumbers(const std::filesystem::path& file, const PinholeCamera& camera) {
  ImageU8 image = ReadRedGreenBlue(file);
  RequireSizeOf(camera, image.width, image.height, file);
  return image;
}

ImageU16 ReadSizedDepth(const std::filesystem::path& file, const PinholeCamera& camera) {
  ImageFile image = ReadImageFile(file);
  if (!image.is_depth()) {
    throw DataError(file.string() + ": has three channels of 8 bits, expected one of 16 (depth)");
  }
  RequireSizeOf(camera, image.depth.width, image.depth.height, file);
  return std::move(image.depth);
}

ImageU16 NumbersOfChannels(const ImageU8& rgb, int low_channel, int high_channel) {
  ImageU16 numbers(rgb.width, rgb.height);
  for (size_t i = 0; i < numbers.pixels.size(); ++i) {
    const uint8_t* pixel = rgb.pixels.data() + 3 * i;
    numbers.pixels[i] = static_cast<uint16_t>(pixel[low_channel] + 256 * pixel[high_channel]);
  }
  return numbers;
}

ImageU16 DepthOfNumbers(const ImageU16& numbers, double mm_per_number) {
  ImageU16 depth(numbers.width, numbers.height);
  for (size_t i = 0; i < depth.pixels.size(); ++i) {
    const double units = std::round(numbers.pixels[i] * mm_per_number / kDepthUnitMm);
    if (units <= std::numeric_limits<uint16_t>::max()) {
      depth.pixels[i] = static_cast<uint16_t>(units);
    }
  }
  return depth;
}

}  // namespace handforge
