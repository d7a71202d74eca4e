#pragma once

#include "io/core/image.h"

#include <filesystem>
#include <vector>

namespace handforge {

// An MP4 (H.264 where OpenCV's FFmpeg can encode it, else MPEG-4 part 2) of {H, W, 3} sRGB pictures
// of one size with even sides. Published whole. Throws UsageError for no pictures, mixed or odd
// sizes, EnvironmentError where no encoder works or the file cannot be written.
void WriteVideo(const std::vector<ImageU8>& frames,
                double frames_per_second,
                const std::filesystem::path& file);

}  // namespace handforge
