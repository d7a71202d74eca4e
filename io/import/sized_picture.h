#pragma once

#include "io/core/camera.h"
#include "io/core/image.h"

#include <filesystem>

namespace handforge {

// Throws DataError naming the file where a picture of it is of another size than the camera's.
void RequireSizeOf(const PinholeCamera& camera,
                   int width_px,
                   int height_px,
                   const std::filesystem::path& file);

// A picture's colours {H, W, 3} in 8 bits. Throws DataError naming the file: missing, unreadable,
// depth in 16 bits, of another size than the camera's.
ImageU8 ReadSizedPicture(const std::filesystem::path& file, const PinholeCamera& camera);

// The same of a picture whose red, green and blue are parts of a number: of three channels of 8
// bits and no other kind.
ImageU8 ReadSizedNumbers(const std::filesystem::path& file, const PinholeCamera& camera);

// The same of a picture of one channel of 16 bits {H, W}, as stored.
ImageU16 ReadSizedDepth(const std::filesystem::path& file, const PinholeCamera& camera);

// {H, W} numbers that are kept in two channels of such a picture (0 red, 1 green, 2 blue): low +
// 256 high.
ImageU16 NumbersOfChannels(const ImageU8& rgb, int low_channel, int high_channel);

// Depth of such numbers: {H, W} in units of kDepthUnitMm; 0 = nothing measured, or beyond what 16
// bits hold (6553.5 mm).
ImageU16 DepthOfNumbers(const ImageU16& numbers, double mm_per_number);

}  // namespace handforge
