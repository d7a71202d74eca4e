#pragma once

#include "io/core/random.h"
#include "vae/augment.h"

#include <cstdint>

namespace handforge {

// What rooms and cameras do to a picture and renderings lack. Labels are untouched: only the input
// of an encoder is degraded.

// Image {px, px, 3} whose pixels may serve as a background.
struct BackgroundSource {
  const uint8_t* rgb = nullptr;
};

// A background of coloured noise, furniture's edges or part of `source`; planes {3, px, px} in
// [0, 1], or slightly beyond. Everything is drawn from `random`.
void PaintBackground(const BackgroundSource& source, int px, Random* random, float* planes);

// Puts the hand on another background, lays something across it, gives everything another style,
// lights it unevenly, changes contrast and gamma, adds a fine pattern, blurs, sharpens, adds noise,
// compresses; each by its chance in `options`. Everything is drawn from `random`.
//   planes  {5, px, px} as of AugmentImage; the three of colour are changed
void DegradeImage(const AugmentOptions& options,
                  const BackgroundSource& background,
                  int px,
                  Random* random,
                  float* planes);

// Noise of a depth sensor: jitter that grows with `options.noise`, and specks that are lost.
//   depth  {px, px} relative depth, changed in place
void DegradeDepth(const AugmentOptions& options, int px, Random* random, float* depth);

}  // namespace handforge
