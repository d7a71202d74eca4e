#pragma once

#include <cstdint>

#include <Eigen/Core>

namespace handforge {

// Points of the unit square for the samples of a pixel: pure functions of (key, dimension, pixel,
// sample).
class SampleSequence {
 public:
  enum class Kind {
    // A (0,2)-sequence of Sobol, scrambled after Burley, Practical hash-based Owen scrambling, JCGT
    // 2020, and dealt to the pixels of a tile (Keller and Heidrich, Interleaved sampling, EGWR
    // 2001): every pixel's points are well spread, and so are those of all pixels of a tile
    // together. Pixels at the same place of their tiles share points.
    kInterleaved,
    // White noise: plain Monte Carlo, to compare with.
    kIndependent,
  };

  // `pixel` counts places in the tile (kInterleaved) or pixels (kIndependent); interleaved samples
  // per pixel must be a power of two.
  SampleSequence(Kind kind, uint64_t key, uint32_t samples_per_pixel);

  // `dimension` numbers pairs of dimensions.
  Eigen::Vector2f Point(uint32_t dimension, uint32_t pixel, uint32_t sample) const;

 private:
  Kind kind_;
  uint64_t key_;
  uint32_t samples_per_pixel_;
};

}  // namespace handforge
