#include "io/export/npy.h"

#include <string>

namespace handforge {
namespace {

// Data begin at a multiple of this.
constexpr size_t kAlignment = 64;
// Magic, version and the length of what follows.
constexpr size_t kPreambleBytes = 10;

std::string Header(const ImageU16& image) {
  std::string header = "{'descr': '<u2', 'fortran_order': False, 'shape': (" +
                       std::to_string(image.height) + ", " + std::to_string(image.width) + "), }";
  while ((kPreambleBytes + header.size() + 1) % kAlignment != 0) header += ' ';
  return header + '\n';
}

}  // namespace

std::vector<uint8_t> EncodeNpy(const ImageU16& image) {
  const std::string header = Header(image);
  std::vector<uint8_t> bytes = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  bytes.push_back(static_cast<uint8_t>(header.size() & 0xFF));
  bytes.push_back(static_cast<uint8_t>(header.size() >> 8));
  bytes.insert(bytes.end(), header.begin(), header.end());
  for (const uint16_t value : image.pixels) {
    bytes.push_back(static_cast<uint8_t>(value & 0xFF));
    bytes.push_back(static_cast<uint8_t>(value >> 8));
  }
  return bytes;
}

}  // namespace handforge
