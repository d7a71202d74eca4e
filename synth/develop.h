#pragma once

#include "io/core/image.h"

namespace handforge {

// What is done to a decoded picture. An autoencoder paints the mean of all pictures that a code may
// stand for, which is greyer and has less shading than any of them: beside path-traced pictures,
// contrast over an eighth of the side is a quarter. Whoever looks at hands misses it.
struct DevelopOptions {
  double saturation = 1.6;  // factor of what sets a colour off from its grey; 1 = as decoded
  double clarity = 2;  // added share of what sets a pixel off from the hand around it; 0 = none
};

// Colours {H, W, 3} of the decoded hand, cut out by `alpha` {H, W}: greys kept and colours times
// `saturation`, then unsharp masking by a Gaussian of a sixteenth of the width that sees the hand
// alone, so that no background shines in. What is no hand is of no use afterwards.
ImageU8 Develop(const ImageU8& rgb, const ImageU8& alpha, const DevelopOptions& options);

}  // namespace handforge
