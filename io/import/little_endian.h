#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace handforge {

// The whole number in at most 8 bytes, the lowest first.
inline uint64_t LittleEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

// A number of so many bytes (8 at most) in two's complement.
inline int64_t SignExtended(uint64_t value, size_t num_bytes) {
  if (num_bytes == 0) return 0;
  const auto unused = static_cast<int>(64 - 8 * num_bytes);
  return static_cast<int64_t>(value << unused) >> unused;
}

template <typename To, typename From>
To SameBits(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

}  // namespace handforge
