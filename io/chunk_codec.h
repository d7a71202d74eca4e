#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace handforge {

// Exactly what HDF5's shuffle and gzip filters store for one chunk (byte k of every element first,
// then byte k + 1; then a zlib stream), made without the HDF5 library so that many threads can
// compress at once. `element_bytes` 1 leaves bytes in place, as HDF5's shuffle does.
// `deflate_level` 0 (stored) .. 9 (smallest).
std::vector<uint8_t> EncodeChunk(const void* data,
                                 size_t size,
                                 size_t element_bytes,
                                 int deflate_level);

// The inverse. Returns false where `chunk` is no such stream of exactly `size` bytes.
bool DecodeChunk(const std::vector<uint8_t>& chunk,
                 size_t element_bytes,
                 bool shuffled,
                 void* data,
                 size_t size);

}  // namespace handforge
