#pragma once

#include "io/core/image.h"

#include <cstdint>
#include <vector>

namespace handforge {

// An image with one channel as a NumPy array file, uint16 {H, W}, little-endian: format 1.0 of
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
std::vector<uint8_t> EncodeNpy(const ImageU16& image);

}  // namespace handforge
