#include "render/sample_sequence.h"

#include "io/core/random.h"

namespace handforge {
namespace {

uint32_t ReverseBits(uint32_t x) {
  x = (x & 0x55555555u) << 1 | (x >> 1 & 0x55555555u);
  x = (x & 0x33333333u) << 2 | (x >> 2 & 0x33333333u);
  x = (x & 0x0f0f0f0fu) << 4 | (x >> 4 & 0x0f0f0f0fu);
  return __builtin_bswap32(x);
}

// Permutes each binary subinterval by its own hash: a bit depends on the higher ones alone.
uint32_t OwenScramble(uint32_t x, uint32_t seed) {
  x = ReverseBits(x);
  x += seed;
  x ^= x * 0x6c50b47cu;
  x ^= x * 0xb82f1e52u;
  x ^= x * 0xc7afe638u;
  x ^= x * 0x8d22f6e6u;
  return ReverseBits(x);
}

// Second dimension of the Sobol sequence; the first is the bit reversal.
uint32_t SobolSecond(uint32_t index) {
  uint32_t out = 0;
  for (uint32_t v = 1u << 31; index != 0; index >>= 1, v ^= v >> 1) {
    if (index & 1) out ^= v;
  }
  return out;
}

float UnitFloat(uint32_t x) { return static_cast<float>(x >> 8) * 0x1p-24f; }

}  // namespace

SampleSequence::SampleSequence(Kind kind, uint64_t key, uint32_t samples_per_pixel)
    : kind_(kind), key_(key), samples_per_pixel_(samples_per_pixel) {}

Eigen::Vector2f SampleSequence::Point(uint32_t dimension, uint32_t pixel, uint32_t sample) const {
  const std::array<uint32_t, 2> key = {static_cast<uint32_t>(key_),
                                       static_cast<uint32_t>(key_ >> 32)};
  if (kind_ == Kind::kIndependent) {
    const auto bits = Philox4x32({dimension, pixel, sample, 1}, key);
    return {UnitFloat(bits[0]), UnitFloat(bits[1])};
  }
  const auto seeds = Philox4x32({dimension, 0, 0, 2}, key);
  // The order is scrambled too, so that dimensions do not go together; aligned blocks of 2^k points
  // stay together, hence each pixel's points well spread.
  const uint32_t shuffled = OwenScramble(pixel * samples_per_pixel_ + sample, seeds[2]);
  return {UnitFloat(OwenScramble(ReverseBits(shuffled), seeds[0])),
          UnitFloat(OwenScramble(SobolSecond(shuffled), seeds[1]))};
}

}  // namespace handforge
