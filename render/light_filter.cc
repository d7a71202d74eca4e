#include "render/light_filter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace handforge {
namespace {

using Eigen::Vector3f;

constexpr std::array<float, 5> kTileWindow = {0.125f, 0.25f, 0.25f, 0.25f, 0.125f};
constexpr float kPlaneMm =
    1.5f;  // per pixel of spacing: distance from the plane that ends a weight
constexpr std::array<float, 3> kScatterMm = {1.84f, 0.68f, 0.34f};
constexpr float kScatterDepthMm = 4;  // surfaces further behind one another share no light

float Square(float x) { return x * x; }

float NormalWeight(float cosine) {
  float w = std::max(cosine, 0.0f);
  for (int i = 0; i < 6; ++i) w *= w;  // to the 64th power
  return w;
}

// Weights of a pixel at distance 0, 1, ... per channel, at the mean depth of the picture.
std::vector<Vector3f> ScatterKernel(double focal_px, const SurfaceImage& image) {
  double depth_mm = 0, cover = 0;
  for (size_t p = 0; p < image.cover.size(); ++p) {
    depth_mm += image.cover[p] * image.position_mm[p].z();
    cover += image.cover[p];
  }
  std::vector<Vector3f> kernel = {Vector3f::Ones()};
  if (cover <= 0) return kernel;
  const auto mm_per_px = static_cast<float>(depth_mm / cover / focal_px);
  for (float away_mm = mm_per_px; away_mm < 2.5f * kScatterMm[0]; away_mm += mm_per_px) {
    Vector3f weight;
    for (int c = 0; c < 3; ++c) weight[c] = std::exp(-0.5f * Square(away_mm / kScatterMm[c]));
    kernel.push_back(weight);
  }
  return kernel;
}

// One direction of the separable blur.
void ScatterPass(const std::vector<Vector3f>& kernel, int step_x, int step_y, SurfaceImage* image) {
  const SurfaceImage& in = *image;
  const int reach = static_cast<int>(kernel.size()) - 1;
  std::vector<Vector3f> out = in.diffuse;
  for (int y = 0; y < in.height; ++y) {
    for (int x = 0; x < in.width; ++x) {
      const size_t p = in.Offset(x, y);
      if (in.skin[p] <= 0) continue;
      Vector3f sum = Vector3f::Zero(), total = Vector3f::Zero();
      for (int i = -reach; i <= reach; ++i) {
        const int qx = x + i * step_x, qy = y + i * step_y;
        if (qx < 0 || qy < 0 || qx >= in.width || qy >= in.height) continue;
        const size_t q = in.Offset(qx, qy);
        if (in.skin[q] <= 0) continue;
        const float behind = (in.position_mm[q].z() - in.position_mm[p].z()) / kScatterDepthMm;
        const Vector3f weight =
            std::max(0.0f, 1 - behind * behind) * in.cover[q] * in.skin[q] * kernel[std::abs(i)];
        sum += weight.cwiseProduct(in.diffuse[q]);
        total += weight;
      }
      out[p] += in.skin[p] * (sum.cwiseQuotient(total) - out[p]);
    }
  }
  image->diffuse = std::move(out);
}

}  // namespace

void DenoiseLight(SurfaceImage* image) {
  const SurfaceImage& in = *image;
  std::vector<Vector3f> diffuse = in.diffuse, specular = in.specular;
  for (int y = 0; y < in.height; ++y) {
    for (int x = 0; x < in.width; ++x) {
      const size_t p = in.Offset(x, y);
      if (in.cover[p] <= 0) continue;
      Vector3f sum_diffuse = Vector3f::Zero(), sum_specular = Vector3f::Zero();
      float total = 0, total_gloss = 0;
      for (int dy = -2; dy <= 2; ++dy) {
        for (int dx = -2; dx <= 2; ++dx) {
          const int qx = x + dx, qy = y + dy;
          if (qx < 0 || qy < 0 || qx >= in.width || qy >= in.height) continue;
          const size_t q = in.Offset(qx, qy);
          if (in.cover[q] <= 0) continue;
          const float off_plane = in.normal[p].dot(in.position_mm[q] - in.position_mm[p]);
          const float near = 1 - Square(off_plane / kPlaneMm);
          if (near <= 0) continue;
          const float weight = kTileWindow[dx + 2] * kTileWindow[dy + 2] * near * in.cover[q] *
                               NormalWeight(in.normal[p].dot(in.normal[q]));
          sum_diffuse += weight * in.diffuse[q];
          sum_specular += weight * in.specular[q];
          total += weight;
          total_gloss += weight * in.gloss[q];
        }
      }
      diffuse[p] = sum_diffuse / total;
      if (total_gloss > 0) specular[p] = in.gloss[p] / total_gloss * sum_specular;
    }
  }
  image->diffuse = std::move(diffuse);
  image->specular = std::move(specular);
}

void ScatterInSkin(double focal_px, SurfaceImage* image) {
  const std::vector<Vector3f> kernel = ScatterKernel(focal_px, *image);
  ScatterPass(kernel, 1, 0, image);
  ScatterPass(kernel, 0, 1, image);
}

}  // namespace handforge
