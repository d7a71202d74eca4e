#include "io/core/random.h"

#include <cmath>

namespace handforge {
namespace {

constexpr double kTwoPi = 6.283185307179586;

uint32_t MultiplyHighLow(uint32_t a, uint32_t b, uint32_t* low) {
  const uint64_t product = static_cast<uint64_t>(a) * b;
  *low = static_cast<uint32_t>(product);
  return static_cast<uint32_t>(product >> 32);
}

}  // namespace

std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> c, std::array<uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    uint32_t low0, low1;
    const uint32_t high0 = MultiplyHighLow(0xD2511F53u, c[0], &low0);
    const uint32_t high1 = MultiplyHighLow(0xCD9E8D57u, c[2], &low1);
    c = {high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0};
    k[0] += 0x9E3779B9u;
    k[1] += 0xBB67AE85u;
  }
  return c;
}

// The key holds the seed. The counter holds the index (64 bit), purpose (8 bit) with attempt
// (24 bit), and the block number.
Random::Random(uint64_t seed, uint64_t index, uint32_t attempt, Purpose purpose)
    : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
      counter_{0,
               (static_cast<uint32_t>(purpose) << 24) | (attempt & 0xFFFFFFu),
               static_cast<uint32_t>(index),
               static_cast<uint32_t>(index >> 32)},
      block_{} {}

uint32_t Random::NextU32() {
  if (used_ == 4) {
    block_ = Philox4x32(counter_, key_);
    ++counter_[0];
    used_ = 0;
  }
  return block_[used_++];
}

uint64_t Random::NextU64() {
  const uint64_t high = NextU32();
  return (high << 32) | NextU32();
}

double Random::Uniform() { return static_cast<double>(NextU64() >> 11) * 0x1.0p-53; }

double Random::Uniform(double low, double high) { return low + (high - low) * Uniform(); }

int64_t Random::Integer(int64_t n) {
  const uint64_t range = static_cast<uint64_t>(n);
  const uint64_t limit = UINT64_MAX - UINT64_MAX % range;
  uint64_t draw = NextU64();
  while (draw >= limit) draw = NextU64();
  return static_cast<int64_t>(draw % range);
}

double Random::Normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const double radius = std::sqrt(-2.0 * std::log(1.0 - Uniform()));
  const double angle = kTwoPi * Uniform();
  spare_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

double Random::TruncatedNormal(double mean, double deviation, double cut) {
  double draw = Normal();
  while (std::abs(draw) > cut) draw = Normal();
  return mean + deviation * draw;
}

}  // namespace handforge
