#pragma once

#include <array>
#include <cstdint>

namespace handforge {

// What a random number is for. Values are part of the reproducibility contract: never renumber,
// only append.
enum class Purpose : uint32_t {
  kShape = 1,
  kPose = 2,
  kCamera = 3,
  kLight = 4,
  kSkin = 5,
  kBackground = 6,
  kHandedness = 7,
  kLatent = 8,
  kScale = 9,
  kSplit = 10,
  kTrainOrder = 11,
  kTrainNoise = 12,
  kTrainAugment = 13,
  kInit = 14,
  kSensor = 15,
  kAudit = 16,
  kTest = 17,
  kOccluder = 18,
  kPhoto = 19,
  kPhotoNoise = 20,
  kAugmentGeometry = 21,
  kAugmentOccluder = 22,
  kAugmentSpectrum = 23,
  kAugmentPicture = 24,
  kTwoHands = 25,
  kMotion = 26,
  kObjectPaint = 27,
  kPaths = 28,
  kSupport = 29,
  kSleeve = 30,
  kTrainDegrade = 31,
  kFurtherSeed = 32,
  kPosture = 33,
  kLabelled = 34,
};

// Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011: a
// counter-based generator, so that every number is a pure function of (seed, index, attempt,
// purpose, position) and never of thread, batch or time.
std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

class Random {
 public:
  // Of `attempt` the low 24 bits count.
  Random(uint64_t seed, uint64_t index, uint32_t attempt, Purpose purpose);

  uint32_t NextU32();
  uint64_t NextU64();
  double Uniform();                         // [0, 1)
  double Uniform(double low, double high);  // [low, high)
  int64_t Integer(int64_t n);               // {0 .. n-1}, n >= 1, unbiased
  double Normal();                          // mean 0, deviation 1 (Box-Muller)
  double Normal(double mean, double deviation) { return mean + deviation * Normal(); }
  // Normal cut at +- `cut` deviations by redrawing.
  double TruncatedNormal(double mean, double deviation, double cut);
  bool Chance(double probability) { return Uniform() < probability; }

 private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> block_;
  int used_ = 4;
  bool has_spare_ = false;
  double spare_ = 0;
};

}  // namespace handforge
