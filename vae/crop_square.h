#pragma once

#include <array>

namespace handforge {

// A square of an image, in its pixels (whole coordinates are pixel centres). It may reach beyond
// the image: colours are mirrored at its edges, as in training.
struct CropSquare {
  double centre_x_px = 0;
  double centre_y_px = 0;
  double side_px = 0;
};

// The smallest centred square that holds the image: one that is not square is padded.
CropSquare WholeImage(int width_px, int height_px);

// Around a tight box {x, y, width, height} of a hand, with the margin of training crops.
CropSquare AroundBox(const std::array<double, 4>& box_px);

}  // namespace handforge
