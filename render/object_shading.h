#pragma once

#include "render/environment.h"
#include "render/hand_scene.h"
#include "render/object_paint.h"

#include <vector>

#include <Eigen/Core>

namespace handforge {

// How the objects of a picture are lit and painted.
struct ObjectLighting {
  const Environment* environment = nullptr;
  Eigen::Matrix3f environment_from_cam = Eigen::Matrix3f::Identity();
  std::vector<ObjectPaint> paint;  // per object of the scene
};

// Linear radiance {H, W, 3} of the pixels that show objects, on the grid of `scene`'s hits; 0
// elsewhere. Diffuse, without noise: every distant light of the environment counts; the share of
// light that other things block is measured by shadow rays at every fourth pixel and interpolated.
// 1 = a white surface that faces the environment's mean light.
ImageF32 ShadeObjects(const HandScene& scene, const ObjectLighting& lighting);

}  // namespace handforge
