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
  float exposure = 1;  // 1 shows a white surface under mean light at 0.55 of full scale
};

struct Backdrop {
  bool probe = true;                                         // the environment, else a plain colour
  Eigen::Vector3f colour = Eigen::Vector3f::Constant(0.3f);  // linear
  float gain = 1;
  // The probe is magnified as if seen with this field of view, so that it shows detail.
  float field_of_view_deg = 60;
};

// Shades first hits without noise: diffuse light and a broad sheen are gathered at the vertices the
// camera sees, each of the environment's distant lights tested by one shadow ray; light that the
// hand itself blocks comes back in part, tinted by the skin (interreflection); the gathered light
// is spread over the mesh, red furthest (subsurface scattering); albedo, nails and creases are
// evaluated per pixel. One per worker thread.
class HandShader {
 public:
  explicit HandShader(const Rig& rig);

  // sRGB picture on the grid of `scene`'s hits.
  ImageU8 Shade(const HandScene& scene,
                const SkinAppearance& skin,
                const Lighting& lighting,
                const Backdrop& backdrop);

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

// Mean over `factor` x `factor` blocks.
ImageU8 Downsample(const ImageU8& image, int factor);

}  // namespace handforge
