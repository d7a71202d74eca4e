#include "io/hand_box.h"

#include "io/core/skeleton.h"

#include <algorithm>

namespace handforge {
namespace {

bool IsHand(uint8_t part) { return part >= kPartPalm && part <= kPartLastSegment; }

}  // namespace

std::array<float, 4> BoxOfHand(const ImageU8& mask) {
  int x0 = mask.width, y0 = mask.height, x1 = -1, y1 = -1;
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      if (!IsHand(mask.at(x, y))) continue;
      x0 = std::min(x0, x);
      x1 = std::max(x1, x);
      y0 = std::min(y0, y);
      y1 = std::max(y1, y);
    }
  }
  if (x1 < 0) return {0, 0, 0, 0};
  return {x0 - 0.5f, y0 - 0.5f, static_cast<float>(x1 - x0 + 1), static_cast<float>(y1 - y0 + 1)};
}

int CountHandPixels(const ImageU8& mask) {
  return static_cast<int>(std::count_if(mask.pixels.begin(), mask.pixels.end(), IsHand));
}

}  // namespace handforge
