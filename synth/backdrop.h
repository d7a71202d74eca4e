#pragma once

#include "io/core/image.h"
#include "io/core/random.h"
#include "synth/synth_world.h"

namespace handforge {

// The decoded hand {H, W, 3}, developed (synth/develop.h) and cut out by its alpha {H, W}, before
// what `world.options.backdrop` names: one colour, a view of a light probe or a cut of a
// photograph; with "decoded" the picture as the decoder painted it.
ImageU8 PutOnBackdrop(const SynthWorld& world,
                      const ImageU8& rgb,
                      const ImageU8& alpha,
                      Random random);

// share * over + (1 - share) * under, per pixel, with share = alpha / 255. Sizes agree.
ImageU8 BlendByAlpha(const ImageU8& over, const ImageU8& alpha, const ImageU8& under);

// Mean over `factor` x `factor` blocks.
ImageU8 MeanOfBlocks(const ImageU8& image, int factor);

}  // namespace handforge
