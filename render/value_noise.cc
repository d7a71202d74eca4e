#include "render/value_noise.h"

#include <cstdint>

namespace handforge {
namespace {

// Appleby's finalizer of MurmurHash3.
uint32_t Mix(uint32_t h) {
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return h ^ (h >> 16);
}

// In [0, 1): a hash of a cell.
float CellValue(const Eigen::Array3i& cell) {
  uint32_t h = 0x9e3779b9u;
  for (int i = 0; i < 3; ++i) h = Mix(h ^ static_cast<uint32_t>(cell[i]));
  return static_cast<float>(h >> 8) / static_cast<float>(1u << 24);
}

}  // namespace

float ValueNoise(const Eigen::Vector3f& x) {
  const Eigen::Array3f base = x.array().floor();
  const Eigen::Array3i cell = base.cast<int>();
  Eigen::Array3f t = x.array() - base;
  t = t * t * (3 - 2 * t);
  float sum = 0;
  for (int corner = 0; corner < 8; ++corner) {
    const Eigen::Array3i step(corner & 1, corner >> 1 & 1, corner >> 2);
    const Eigen::Array3f weight = (step == 1).select(t, 1 - t);
    sum += weight.prod() * CellValue(cell + step);
  }
  return sum;
}

}  // namespace handforge
