#pragma once

#include "io/core/image.h"

#include <array>

namespace handforge {

// x, y, width, height of the box around the hand's own pixels in a part mask (no forearm, no
// occluders; pixels are unit squares around their centres); zeros where it shows no hand.
std::array<float, 4> BoxOfHand(const ImageU8& mask);

// Pixels of the hand itself.
int CountHandPixels(const ImageU8& mask);

}  // namespace handforge
