#pragma once

#include <vector>

#include <Eigen/Core>

namespace handforge {

// What a picture shows of a surface, per pixel: means over the pixel's hits. {height, width},
// row-major; entries of pixels without hits (cover 0) mean nothing.
struct SurfaceImage {
  int width = 0;
  int height = 0;
  std::vector<float> cover;  // share of the pixel's rays that hit
  std::vector<float> skin;   // share of those hits that are skin
  std::vector<Eigen::Vector3f> position_mm;
  std::vector<Eigen::Vector3f> normal;   // unit
  std::vector<Eigen::Vector3f> albedo;   // linear sRGB
  std::vector<Eigen::Vector3f> diffuse;  // light off a white ground, see Outgoing
  std::vector<Eigen::Vector3f> specular;
  std::vector<float> gloss;  // LayerAlbedo

  // Without hits.
  void Reset(int width_px, int height_px) {
    width = width_px;
    height = height_px;
    const size_t pixels = static_cast<size_t>(width) * height;
    for (auto* shares : {&cover, &skin, &gloss}) shares->assign(pixels, 0.0f);
    for (auto* values : {&position_mm, &normal, &albedo, &diffuse, &specular})
      values->assign(pixels, Eigen::Vector3f::Zero());
  }
  size_t Offset(int x, int y) const { return static_cast<size_t>(y) * width + x; }
};

}  // namespace handforge
