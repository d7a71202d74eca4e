#pragma once

#include "io/core/image.h"

#include <filesystem>
#include <vector>

namespace handforge {

// A picture from outside: colours or depth, one of them empty.
struct ImageFile {
  ImageU8 rgb;     // {H, W, 3} sRGB; grey pictures are repeated, transparency is dropped
  ImageU16 depth;  // {H, W}, of a 16-bit picture with one channel; unit as its maker chose

  bool is_depth() const { return !depth.empty(); }
};

// PNG, JPEG, TIFF, BMP or WebP; turned upright where the file says how it was held. Throws
// DataError naming the file: missing, unreadable, empty.
ImageFile ReadImageFile(const std::filesystem::path& file);
// The same in colours, whatever the picture shows.
ImageU8 ReadColours(const std::filesystem::path& file);
// As stored, of a picture with one channel of 8 bits {H, W}, such as a mask, or with three {H, W,
// 3}, such as depth that is coded in red, green and blue. Throw DataError naming the file: missing,
// unreadable, of another kind.
ImageU8 ReadGrey(const std::filesystem::path& file);
ImageU8 ReadRedGreenBlue(const std::filesystem::path& file);

// PNG: {H, W} of 8 or 16 bits, or {H, W, 3} sRGB. Throw EnvironmentError where there is no memory.
std::vector<uint8_t> EncodePng(const ImageU8& image);
std::vector<uint8_t> EncodePng(const ImageU16& image);

// Pictures (.png, .jpg, .jpeg, .bmp) of a folder and of those in it, sorted by path; links to
// folders are not followed. Throws, naming the folder, EnvironmentError where it is missing or
// cannot be searched, DataError where it has no picture.
std::vector<std::filesystem::path> PicturesBelow(const std::filesystem::path& folder);

// The pictures of a folder by their extension, sorted by name, not those of folders in it; a file
// stands for itself. Throws DataError naming the folder: missing, or without a picture.
std::vector<std::filesystem::path> ListImages(const std::filesystem::path& file_or_folder);

}  // namespace handforge
