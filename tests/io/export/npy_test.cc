#include "io/export/npy.h"

#include <string>

#include <gmock/gmock.h>

namespace handforge {
namespace {

// What numpy.save writes, but for the padding it chooses: read by tests/tools/export_test.py.
TEST(Npy, IsAVersion1FileOfLittleEndianNumbers) {
  ImageU16 image(3, 2);
  image.pixels = {1, 2, 3, 4, 5, 0xABCD};
  const std::vector<uint8_t> bytes = EncodeNpy(image);
  const std::string text(bytes.begin(), bytes.end());
  EXPECT_EQ(text.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  const size_t header_bytes = bytes[8] + 256U * bytes[9];
  EXPECT_EQ((10 + header_bytes) % 64, 0U);
  EXPECT_EQ(text[10 + header_bytes - 1], '\n');
  EXPECT_THAT(text.substr(10, header_bytes),
              ::testing::StartsWith("{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3), }"));
  ASSERT_EQ(bytes.size(), 10 + header_bytes + 12);
  EXPECT_EQ(bytes[10 + header_bytes], 1);
  EXPECT_EQ(bytes[bytes.size() - 2], 0xCD);
  EXPECT_EQ(bytes[bytes.size() - 1], 0xAB);
}

TEST(Npy, HeadersOfAnySizeAreAligned) {
  for (const int width : {1, 9, 10, 99, 100, 12345}) {
    const std::vector<uint8_t> bytes = EncodeNpy(ImageU16(width, 1));
    EXPECT_EQ((bytes.size() - 2 * static_cast<size_t>(width)) % 64, 0U) << width;
  }
}

}  // namespace
}  // namespace handforge
