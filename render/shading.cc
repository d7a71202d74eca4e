#include "render/shading.h"

#include "render/triangle_mesh.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <Eigen/Geometry>

namespace handforge {
namespace {

using Eigen::Vector3f;

constexpr float kPi = 3.14159265f;
constexpr float kShadowOffsetMm = 0.6f;  // keeps shadow rays off the facet they start from
constexpr float kSheenExponent = 22;
constexpr float kSheenStrength = 0.035f;  // at normal incidence
constexpr float kMaxSheen = 0.5f;
constexpr float kBounce = 0.55f;

float Fresnel(float cosine) {
  return 0.04f + 0.96f * std::pow(1 - std::clamp(cosine, 0.0f, 1.0f), 5.0f);
}

}  // namespace

HandShader::HandShader(const Rig& rig) : pattern_(rig) {
  std::vector<std::set<int>> sets(rig.num_surface_vertices());
  for (const auto& t : rig.triangles) {
    for (int e = 0; e < 3; ++e) {
      sets[t[e]].insert(t[(e + 1) % 3]);
      sets[t[(e + 1) % 3]].insert(t[e]);
    }
  }
  for (const auto& set : sets) neighbours_.emplace_back(set.begin(), set.end());
}

void HandShader::GatherLight(const HandScene& scene,
                             const SkinAppearance& skin,
                             const Lighting& lighting) {
  const Rig& rig = scene.rig();
  const auto& x = scene.surface_in_cam();
  seen_.assign(x.size(), 0);
  for (int32_t t : scene.hits().triangle) {
    if (t == PrimaryHits::kMiss) continue;
    for (int v : rig.triangles[t]) seen_[v] = 1;
  }

  const Eigen::Matrix3f cam_from_environment = lighting.environment_from_cam.transpose();
  const auto& lights = lighting.environment->lights();
  std::vector<Vector3f> towards(lights.size());
  for (size_t i = 0; i < lights.size(); ++i)
    towards[i] = cam_from_environment * lights[i].direction;

  const Vector3f tint = 0.5f * (skin.back + skin.palm);
  irradiance_.assign(x.size(), Vector3f::Zero());
  sheen_.assign(x.size(), Vector3f::Zero());
  openness_.assign(x.size(), 0);
  std::vector<Vector3f> rays;
  std::vector<int> ray_light;
  std::vector<uint8_t> blocked;
  for (size_t v = 0; v < x.size(); ++v) {
    if (!seen_[v]) continue;
    const Vector3f n = normals_[v];
    rays.clear();
    ray_light.clear();
    for (size_t i = 0; i < lights.size(); ++i) {
      if (n.dot(towards[i]) <= 0) continue;
      rays.push_back(towards[i]);
      ray_light.push_back(static_cast<int>(i));
    }
    scene.rays().Occluded(x[v] + kShadowOffsetMm * n, rays, &blocked);

    const Vector3f view = -x[v].normalized();
    const Vector3f mirror = 2 * n.dot(view) * n - view;
    const float fresnel = Fresnel(n.dot(view));
    Vector3f open = Vector3f::Zero(), shut = Vector3f::Zero(), sheen = Vector3f::Zero();
    for (size_t r = 0; r < rays.size(); ++r) {
      const Vector3f light = lights[ray_light[r]].radiance * n.dot(rays[r]);
      if (blocked[r]) {
        shut += light;
        continue;
      }
      open += light;
      const float lobe = std::pow(std::max(0.0f, mirror.dot(rays[r])), kSheenExponent);
      sheen += lights[ray_light[r]].radiance * (lobe * (kSheenExponent + 2) / (2 * kPi));
    }
    // What the sheen reflects does not reach the skin below.
    const float reflected = std::min(kSheenStrength * skin.specular * fresnel / 0.04f, kMaxSheen);
    irradiance_[v] = (1 - reflected) * (open + kBounce * shut.cwiseProduct(tint)) / kPi;
    sheen_[v] = reflected * sheen;
    openness_[v] = open.sum() / std::max(open.sum() + shut.sum(), 1e-6f);
  }
}

// Diffusion along the mesh, a few steps for red, fewer for green and blue: light in skin spreads
// over millimetres, red furthest (Jensen et al., A practical model for subsurface light transport,
// SIGGRAPH 2001).
void HandShader::SpreadLight() {
  constexpr std::array<int, 3> kSteps = {4, 2, 1};
  constexpr float kRate = 0.6f;
  std::vector<Vector3f> next = irradiance_;
  for (int step = 0; step < kSteps[0]; ++step) {
    for (size_t v = 0; v < irradiance_.size(); ++v) {
      if (!seen_[v]) continue;
      Vector3f mean = Vector3f::Zero();
      int count = 0;
      for (int u : neighbours_[v]) {
        if (!seen_[u]) continue;
        mean += irradiance_[u];
        ++count;
      }
      if (count == 0) continue;
      mean /= static_cast<float>(count);
      for (int c = 0; c < 3; ++c) {
        if (step < kSteps[c])
          next[v][c] = irradiance_[v][c] + kRate * (mean[c] - irradiance_[v][c]);
      }
    }
    irradiance_ = next;
  }
}

ImageF32 HandShader::Shade(const HandScene& scene,
                           const SkinAppearance& skin,
                           const HandBend& bend,
                           const Lighting& lighting) {
  const Rig& rig = scene.rig();
  const auto& x = scene.surface_in_cam();
  normals_ = SumsOfNormals(x, rig.triangles);
  for (Vector3f& n : normals_) n.normalize();
  GatherLight(scene, skin, lighting);
  SpreadLight();

  const PrimaryHits& hits = scene.hits();
  ImageF32 out(hits.width, hits.height, 3);
  for (size_t at = 0; at < hits.triangle.size(); ++at) {
    const int32_t t = hits.triangle[at];
    if (t == PrimaryHits::kMiss) continue;
    const auto& [a, b, c] = rig.triangles[t];
    const float u = hits.u[at], v = hits.v[at], w = 1 - u - v;
    const auto blend = [&](const auto& values) -> decltype(Vector3f(values[a])) {
      return w * values[a] + u * values[b] + v * values[c];
    };
    const SkinPoint point{blend(rig.surface_rest),
                          rig.triangle_part[t],
                          w * pattern_.dorsal(a) + u * pattern_.dorsal(b) + v * pattern_.dorsal(c)};
    const SkinSample sample = pattern_.Evaluate(skin, bend, point);
    Vector3f colour = sample.albedo.cwiseProduct(blend(irradiance_)) + blend(sheen_);
    if (sample.nail > 0) {
      const Vector3f n = blend(normals_).normalized();
      const Vector3f view = -blend(x).normalized();
      const Vector3f mirror = 2 * n.dot(view) * n - view;
      const float open = w * openness_[a] + u * openness_[b] + v * openness_[c];
      colour +=
          sample.nail * open * Fresnel(n.dot(view)) *
          lighting.environment->Radiance(lighting.environment_from_cam * mirror).cwiseMin(4.0f);
    }
    Eigen::Map<Vector3f>(&out.pixels[3 * at]) = colour;
  }
  return out;
}

void Composite(const ImageF32& shaded, const PrimaryHits& hits, float gain, ImageF32* picture) {
  const int factor = shaded.width / picture->width;
  const float weight = 1 / static_cast<float>(factor * factor);
  for (int y = 0; y < picture->height; ++y) {
    for (int x = 0; x < picture->width; ++x) {
      Vector3f sum = Vector3f::Zero();
      float cover = 0;
      for (int dy = 0; dy < factor; ++dy) {
        for (int dx = 0; dx < factor; ++dx) {
          const size_t at = static_cast<size_t>(y * factor + dy) * shaded.width + x * factor + dx;
          if (hits.triangle[at] == PrimaryHits::kMiss) continue;
          sum += weight * Eigen::Map<const Vector3f>(&shaded.pixels[3 * at]);
          cover += weight;
        }
      }
      Eigen::Map<Vector3f> out(&picture->at(x, y));
      out = (1 - cover) * out + gain * sum;
    }
  }
}

}  // namespace handforge
