#pragma once

#include <array>
#include <cstdint>

namespace handforge {

// Bits of the column `augmented`: what was done to a tuple after it was made. On disk; append only.
enum Augmented : uint32_t {
  kFlipped = 1u << 0,
  kRolled = 1u << 1,        // turned about the optical axis
  kCameraTurned = 1u << 2,  // panned and tilted about the camera's centre
  kZoomed = 1u << 3,
  kShifted = 1u << 4,
  kOccluded = 1u << 5,       // blobs put in front of the hand
  kSpectrumMixed = 1u << 6,  // amplitudes of a real image
  kRecoloured = 1u << 7,
  kBlurred = 1u << 8,
  kSensorNoise = 1u << 9,
  kPlainNoise = 1u << 10,
  kCompressed = 1u << 11,  // JPEG
  kCutOut = 1u << 12,
};
constexpr int kNumAugmented = 13;
extern const std::array<const char*, kNumAugmented> kAugmentedNames;

// After these the depth and mask of a row are resampled ones: near to what its rig renders to, not
// equal.
constexpr uint32_t kResampled = kRolled | kCameraTurned | kZoomed | kShifted;

// Positions in the column `augment_numbers`; 0 (zoom: 1) where the bit above is clear. On disk;
// append only.
enum AugmentNumber : int {
  kRollDeg = 0,  // of the picture's content, from x (right) towards y (down)
  kPanDeg,       // of the camera, to the right
  kTiltDeg,      // of the camera, downwards
  kZoomFactor,   // of the focal length
  kShiftX,       // of the picture's content, px on the grid of depth
  kShiftY,
  kOccluders,        // blobs
  kSpectrumImage,    // position in the attribute `augment_images`
  kSpectrumBand,     // half width of the mixed low frequencies, share of the picture's side
  kSpectrumMix,      // 1 = the other image's amplitudes alone
  kBrightness,       // gain
  kContrast,         // gain about the picture's mean
  kSaturation,       // gain about grey
  kWarmth,           // relative gain of red, and inverse of blue
  kBlurPx,           // deviation, px on the grid of rgb
  kShotNoise,        // variance per unit of linear light
  kReadNoise,        // deviation, share of full scale of linear light
  kPlainNoiseOf255,  // deviation, of 255
  kJpegQuality,      // 1 to 100
  kCutOutX,          // box on the grid of rgb: left, top, width, height
  kCutOutY,
  kCutOutWidth,
  kCutOutHeight,
  kNumAugmentNumbers,
};
extern const std::array<const char*, kNumAugmentNumbers> kAugmentNumberNames;

// What a row says of its augmentation: enough to explain it, and with (seed, index) and the source
// dataset to repeat it.
struct Augmentation {
  uint32_t applied = 0;       // bits of `Augmented`; 0 = as it was made
  uint64_t source_index = 0;  // the tuple's `index` in the dataset it was made from
  uint32_t attempt = 0;       // which draw of the augmentation was accepted
  std::array<float, kNumAugmentNumbers> numbers{};

  Augmentation() { numbers[kZoomFactor] = 1; }
};

}  // namespace handforge
