#include "io/chunk_codec.h"

#include "io/core/random.h"
#include "tests/io/error_matchers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

namespace handforge {
namespace {

using Bytes = std::vector<uint8_t>;

// Half-random bytes: some runs for deflate to find.
Bytes RandomBytes(uint64_t seed, size_t size) {
  Random random(seed, 0, 0, Purpose::kTest);
  Bytes bytes(size);
  for (uint8_t& byte : bytes)
    byte = random.Chance(0.5) ? 7 : static_cast<uint8_t>(random.NextU32());
  return bytes;
}

TEST(ChunkCodec, RoundTripsEverySizeOfElement) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const size_t element_bytes = size_t{1} << (seed % 4);
    const Bytes bytes = RandomBytes(seed, element_bytes * (1 + seed * 13));
    const Bytes chunk =
        EncodeChunk(bytes.data(), bytes.size(), element_bytes, static_cast<int>(seed % 10));
    Bytes back(bytes.size());
    ASSERT_TRUE(DecodeChunk(chunk, element_bytes, true, back.data(), back.size())) << seed;
    EXPECT_EQ(back, bytes) << seed;
  }
}

TEST(ChunkCodec, BytesAreShuffledAsHdf5Does) {
  const Bytes bytes = {1, 2, 3, 4, 5, 6};  // three elements of two bytes
  const Bytes chunk = EncodeChunk(bytes.data(), bytes.size(), 2, 6);
  Bytes unpacked(6);
  uLongf size = unpacked.size();
  ASSERT_EQ(uncompress(unpacked.data(), &size, chunk.data(), chunk.size()), Z_OK);
  EXPECT_THAT(unpacked, ::testing::ElementsAre(1, 3, 5, 2, 4, 6));
}

TEST(ChunkCodec, OtherSizesAndDamageAreRefused) {
  const Bytes bytes = RandomBytes(1, 1000);
  const Bytes chunk = EncodeChunk(bytes.data(), bytes.size(), 2, 6);
  Bytes back(2000);
  EXPECT_FALSE(DecodeChunk(chunk, 2, true, back.data(), 998));
  EXPECT_FALSE(DecodeChunk(chunk, 2, true, back.data(), 1002));
  EXPECT_FALSE(DecodeChunk({}, 2, true, back.data(), 1000));
  EXPECT_FALSE(DecodeChunk({chunk.begin(), chunk.end() - 5}, 2, true, back.data(), 1000));
  for (size_t at = 0; at < chunk.size(); at += 7) {
    Bytes damaged = chunk;
    damaged[at] ^= 0x10;
    const bool unpacked = DecodeChunk(damaged, 2, true, back.data(), 1000);
    EXPECT_FALSE(unpacked && Bytes(back.begin(), back.begin() + 1000) != bytes) << at;
  }
}

TEST(ChunkCodec, DeflateLevelIsChecked) {
  EXPECT_THAT(MessageOf<UsageError>([] { EncodeChunk("ab", 2, 1, 10); }),
              ::testing::HasSubstr("deflate level 10 is not within 0 to 9"));
}

}  // namespace
}  // namespace handforge
