#pragma once

#include "io/core/image.h"
#include "render/environment.h"
#include "render/hand_scene.h"
#include "render/skin.h"

#include <array>
#include <vector>

#include <Eigen/Core>

namespace handforge {

struct Lighting {
  const Environment* environment = nullptr;
  Eigen::Matrix3f environment_from_cam = Eigen::Matrix3f::Identity();
};

// Shades first hits without noise: diffuse light and a broad sheen are gathered at the vertices the
// camera sees, each of the environment's distant lights tested by one shadow ray; light that the
// hand itself blocks comes back in part, tinted by the skin (interreflection); the gathered light
// is spread over the mesh, red furthest (subsurface scattering); albedo, nails and creases are
// evaluated per pixel. One per worker thread.
class HandShader {
 public:
  explicit HandShader(const Rig& rig);

  // Linear radiance on the grid of `scene`'s hits, 0 where there is none; 1 = a white surface that
  // faces the environment's mean light.
  ImageF32 Shade(const HandScene& scene,
                 const SkinAppearance& skin,
                 const HandBend& bend,
                 const Lighting& lighting);

 private:
  void GatherLight(const HandScene& scene, const SkinAppearance& skin, const Lighting& lighting);
  void SpreadLight();

  SkinPattern pattern_;
  std::vector<std::vector<int>> neighbours_;
  std::vector<Eigen::Vector3f> normals_;     // per surface vertex
  std::vector<uint8_t> seen_;                // vertices of triangles with hits
  std::vector<Eigen::Vector3f> irradiance_;  // divided by pi
  std::vector<Eigen::Vector3f> sheen_;
  std::vector<float> openness_;  // share of the light that arrives unblocked
};

// Puts the shaded hits, `factor` x `factor` for each pixel of `picture`, before what it shows.
void Composite(const ImageF32& shaded, const PrimaryHits& hits, float gain, ImageF32* picture);

}  // namespace handforge
