#include "vae/crop_square.h"

#include "vae/augment.h"

#include <algorithm>

namespace handforge {

CropSquare WholeImage(int width_px, int height_px) {
  return {(width_px - 1) / 2.0,
          (height_px - 1) / 2.0,
          static_cast<double>(std::max(width_px, height_px))};
}

CropSquare AroundBox(const std::array<double, 4>& box_px) {
  return {box_px[0] + (box_px[2] - 1) / 2,
          box_px[1] + (box_px[3] - 1) / 2,
          std::max(box_px[2], box_px[3]) / kCanonicalFill};
}

}  // namespace handforge
