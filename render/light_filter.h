#pragma once

#include "render/surface_image.h"

namespace handforge {

// Removes the noise of interleaved path tracing from `diffuse` and `specular`: a window that sums
// whole tiles of 4 x 4 pixels, so that what their samples share out is put together and no pattern
// is left (Segovia et al., Non-interleaved deferred shading of interleaved sample patterns,
// Graphics Hardware 2006), guided by normals and by the distance from the tangent plane. Colour
// patterns of the surface are kept whole, being in `albedo`, and so are bright rims: the window
// averages highlights per `gloss`. Deterministic.
void DenoiseLight(SurfaceImage* image);

// Spreads `diffuse` over the skin as it does with light that enters it: a Gaussian per
// channel in millimetres, red furthest. Deviations are half the diffuse mean free paths of `skin1`
// in Jensen et al., A practical model for subsurface light transport, SIGGRAPH 2001 (3.67, 1.37 and
// 0.68 mm); done in the picture after Jimenez et al., Screen-space perceptual rendering of human
// skin, ACM TAP 2009. `focal_px` is that of the picture.
void ScatterInSkin(double focal_px, SurfaceImage* image);

}  // namespace handforge
