#pragma once

#include "io/config.h"
#include "io/core/image.h"
#include "io/core/random.h"
#include "io/core/tuple.h"

namespace handforge {

// The `render.photo:` section: what the camera does to the light.
struct PhotoOptions {
  // Exposure, drawn evenly in stops; 1 shows a white surface under the hand's mean light at 0.55 of
  // full scale.
  double darkest = 0.65;
  double brightest = 1.35;
  // How far the camera meters on the hand: 0 exposes for the light alone, so that dark skin shows
  // dark; 1 shows every skin as bright as one that reflects kMeteredTone.
  double metering = 0;
  double warmth = 0.12;         // largest error of the white balance, as ln(red gain)
  double blur_px = 0.6;         // largest deviation of the lens blur, in pixels of the picture
  double noise = 5;             // largest deviation of the noise on mid grey, in 8-bit steps
  double jpeg = 0.5;            // share of pictures that are compressed
  int64_t lowest_quality = 60;  // of the JPEG compression; the best is 95

  void Visit(Fields& fields);
  // Throws UsageError naming the fields whose relation is wrong.
  void Check() const;
};

constexpr float kMeteredTone = 0.35f;
constexpr float kSaturatedSignal = 1.5f;  // reads 254 of 255 or more

// `tone`: mean luminance of the hand's skin, linear reflectance in (0, 1].
PhotoSettings DrawPhoto(const PhotoOptions& options, float tone, Random& random);

// The imaging chain: exposure and white balance, lens blur, shot and read noise, tone curve, 8 bit,
// JPEG. `radiance` is linear sRGB, {H, W, 3}; `random` draws the noise alone.
//
// The noise is that of a sensor with linear response: variance shot^2 x + read^2 at signal x
// (full scale 1), after Foi et al., Practical Poissonian-Gaussian noise modeling and fitting for
// single-image raw-data, IEEE TIP 2008. The tone curve is sRGB's with a shoulder above 0.7.
ImageU8 TakePhoto(const ImageF32& radiance, const PhotoSettings& settings, Random& random);

}  // namespace handforge
