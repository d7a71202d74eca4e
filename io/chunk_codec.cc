#include "io/chunk_codec.h"

#include "io/core/error.h"

#include <algorithm>

#include <zlib.h>

namespace handforge {
namespace {

void Shuffle(const uint8_t* in, size_t count, size_t element_bytes, uint8_t* out) {
  for (size_t byte = 0; byte < element_bytes; ++byte) {
    for (size_t i = 0; i < count; ++i) *out++ = in[i * element_bytes + byte];
  }
}

void Unshuffle(const uint8_t* in, size_t count, size_t element_bytes, uint8_t* out) {
  for (size_t byte = 0; byte < element_bytes; ++byte) {
    for (size_t i = 0; i < count; ++i) out[i * element_bytes + byte] = *in++;
  }
}

}  // namespace

std::vector<uint8_t> EncodeChunk(const void* data,
                                 size_t size,
                                 size_t element_bytes,
                                 int deflate_level) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  std::vector<uint8_t> shuffled;
  if (element_bytes > 1) {
    shuffled.resize(size);
    Shuffle(bytes, size / element_bytes, element_bytes, shuffled.data());
    bytes = shuffled.data();
  }
  uLongf packed_size = compressBound(size);
  std::vector<uint8_t> packed(packed_size);
  const int status =
      compress2(packed.data(), &packed_size, bytes, static_cast<uLong>(size), deflate_level);
  if (status == Z_STREAM_ERROR) {
    throw UsageError("deflate level " + std::to_string(deflate_level) + " is not within 0 to 9");
  }
  if (status != Z_OK) throw EnvironmentError("zlib ran out of memory compressing a chunk");
  packed.resize(packed_size);
  return packed;
}

bool DecodeChunk(const std::vector<uint8_t>& chunk,
                 size_t element_bytes,
                 bool shuffled,
                 void* data,
                 size_t size) {
  const bool in_place = !shuffled || element_bytes <= 1;
  std::vector<uint8_t> unpacked(in_place ? 0 : size);
  auto* target = in_place ? static_cast<uint8_t*>(data) : unpacked.data();
  uLongf unpacked_size = size;
  const int status =
      uncompress(target, &unpacked_size, chunk.data(), static_cast<uLong>(chunk.size()));
  if (status != Z_OK || unpacked_size != size) return false;
  if (!in_place) {
    Unshuffle(target, size / element_bytes, element_bytes, static_cast<uint8_t*>(data));
  }
  return true;
}

}  // namespace handforge
