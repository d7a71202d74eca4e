#pragma once

#include "io/core/tuple.h"

#include <filesystem>
#include <vector>

namespace handforge {

// Pictures of tuples for people to look at. All images are {H, W, 3} sRGB.

ImageU8 ResizeImage(const ImageU8& image, int width_px, int height_px);

// Joints and bones over a picture, one colour per finger, thin bones and hollow dots where a joint
// is not visible. `joints_px` are on the picture's own grid.
void DrawSkeleton(const Joints2& joints_px,
                  const std::array<uint8_t, kNumJoints>& visible,
                  ImageU8* image);

// Near is bright, background black; stretched over the hand's own range.
ImageU8 DepthPicture(const ImageU16& depth);
// One colour per part.
ImageU8 MaskPicture(const ImageU8& mask);

// One row of cells: rgb, skeleton over rgb, depth, mask; decoded tuples also show the 2D decoder's
// skeleton over the mask. Every cell is `cell_px` square.
ImageU8 TuplePicture(const Tuple& tuple, int cell_px);

// Pictures of one size on a grid with `columns` columns, a thin line between them.
ImageU8 TileImages(const std::vector<ImageU8>& images, int columns);

// Throws EnvironmentError naming the file. Published whole.
void WritePng(const ImageU8& image, const std::filesystem::path& file);

}  // namespace handforge
