#pragma once

#include "io/core/image.h"
#include "io/core/random.h"
#include "render/environment.h"
#include "render/hand_scene.h"
#include "render/shading.h"

#include <vector>

#include <Eigen/Core>

namespace handforge {

// Mean linear colour of the pixels of an sRGB image {H, W, 3} where `weight` {H, W} is at least
// half of full scale; zeros where there are none.
Eigen::Vector3f MeanLinearColour(const ImageU8& rgb, const ImageU8& weight);

// Renders the traced hand of `scene` under a drawn light so that its mean colour is that of the
// decoded hand: with a drawn skin first, then with the skin's reflectances scaled by what is
// missing. sRGB on the grid of `decoded_rgb`, whose side divides that of `scene`'s hits.
ImageU8 RenderWithToneOf(const ImageU8& decoded_rgb,
                         const ImageU8& decoded_alpha,
                         const std::vector<Environment>& environments,
                         const RigPose& pose,
                         const HandScene& scene,
                         Random skin_random,
                         Random light_random,
                         HandShader* shader);

}  // namespace handforge
