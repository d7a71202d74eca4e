#include "render/value_noise.h"

#include <cmath>
#include <cstdint>

namespace handforge {
namespace {

// Appleby's finalizer of MurmurHash3.
uint32_t Mix(uint32_t h) {
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return h ^ (h >> 16);
}

float ToUnit(uint32_t hash) { return static_cast<float>(hash >> 8) / static_cast<float>(1u << 24); }

struct Place {
  uint32_t cell;
  float weight;  // of the next cell
};

Place Locate(float x) {
  const float base = std::floor(x), t = x - base;
  return {static_cast<uint32_t>(static_cast<int32_t>(base)), t * t * (3 - 2 * t)};
}

float Blend(float a, float b, float weight) { return a + weight * (b - a); }

}  // namespace

float ValueNoise(const Eigen::Vector3f& x) {
  const Place px = Locate(x.x()), py = Locate(x.y()), pz = Locate(x.z());
  const auto along_z = [&](uint32_t hash) {
    return Blend(ToUnit(Mix(hash ^ pz.cell)), ToUnit(Mix(hash ^ (pz.cell + 1))), pz.weight);
  };
  const auto along_y = [&](uint32_t hash) {
    return Blend(along_z(Mix(hash ^ py.cell)), along_z(Mix(hash ^ (py.cell + 1))), py.weight);
  };
  constexpr uint32_t kSeed = 0x9e3779b9u;
  return Blend(along_y(Mix(kSeed ^ px.cell)), along_y(Mix(kSeed ^ (px.cell + 1))), px.weight);
}

}  // namespace handforge
