#include "io/chunk_codec.h"

#include "io/core/error.h"

#include <memory>
#include <new>

#include <libdeflate.h>

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

using Compressor = std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)>;
using Decompressor =
    std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)>;

// One a thread and level, because making one takes as long as a small chunk.
libdeflate_compressor* CompressorOf(int level) {
  thread_local std::vector<Compressor> compressors;
  while (compressors.size() <= static_cast<size_t>(level)) {
    compressors.emplace_back(nullptr, &libdeflate_free_compressor);
  }
  Compressor& compressor = compressors[static_cast<size_t>(level)];
  if (compressor == nullptr) compressor.reset(libdeflate_alloc_compressor(level));
  if (compressor == nullptr) throw std::bad_alloc();
  return compressor.get();
}

libdeflate_decompressor* DecompressorOfThread() {
  thread_local Decompressor decompressor(nullptr, &libdeflate_free_decompressor);
  if (decompressor == nullptr) decompressor.reset(libdeflate_alloc_decompressor());
  if (decompressor == nullptr) throw std::bad_alloc();
  return decompressor.get();
}

}  // namespace

std::vector<uint8_t> EncodeChunk(const void* data,
                                 size_t size,
                                 size_t element_bytes,
                                 int deflate_level) {
  if (deflate_level < 0 || deflate_level > 9) {
    throw UsageError("deflate level " + std::to_string(deflate_level) + " is not within 0 to 9");
  }
  const auto* bytes = static_cast<const uint8_t*>(data);
  std::vector<uint8_t> shuffled;
  if (element_bytes > 1) {
    shuffled.resize(size);
    Shuffle(bytes, size / element_bytes, element_bytes, shuffled.data());
    bytes = shuffled.data();
  }
  libdeflate_compressor* compressor = CompressorOf(deflate_level);
  std::vector<uint8_t> packed(libdeflate_zlib_compress_bound(compressor, size));
  packed.resize(libdeflate_zlib_compress(compressor, bytes, size, packed.data(), packed.size()));
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
  const libdeflate_result result = libdeflate_zlib_decompress(
      DecompressorOfThread(), chunk.data(), chunk.size(), target, size, nullptr);
  if (result != LIBDEFLATE_SUCCESS) return false;
  if (!in_place) {
    Unshuffle(target, size / element_bytes, element_bytes, static_cast<uint8_t*>(data));
  }
  return true;
}

}  // namespace handforge
