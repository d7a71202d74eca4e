#include "render/path_shader.h"

#include "render/light_filter.h"
#include "render/srgb.h"
#include "render/triangle_mesh.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <Eigen/Geometry>

namespace handforge {
namespace {

using Eigen::Vector3f;

constexpr int kRaysPerSide = 2;      // camera rays per pixel and axis
constexpr int kTilePixels = 4;       // side of what DenoiseLight puts together
constexpr float kSameSurfaceMm = 3;  // neighbouring hits further apart are not of one surface
constexpr float kSkinReflectance = 0.028f;  // refractive index 1.4
constexpr float kNailReflectance = 0.045f;
constexpr float kNailRoughness = 0.3f;
constexpr float kPaintReflectance = 0.04f;  // refractive index 1.5
constexpr float kPaintRoughness = 0.5f;
constexpr float kSmoothEdgeDeg = 40;  // facets of an object that meet at less look like one surface

// Normal times twice the area.
Vector3f AreaNormal(const std::vector<Vector3f>& x, const std::array<int, 3>& t) {
  return (x[t[1]] - x[t[0]]).cross(x[t[2]] - x[t[0]]);
}

// One normal for each corner of each triangle: the mean of those facets around its vertex that meet
// the triangle at a blunt edge.
std::vector<Vector3f> CornerNormals(const TriangleMesh& mesh) {
  const auto& triangles = mesh.triangles;
  std::vector<Vector3f> facets;
  std::vector<std::vector<int>> around(mesh.vertices_mm.size());
  for (size_t t = 0; t < triangles.size(); ++t) {
    facets.push_back(AreaNormal(mesh.vertices_mm, triangles[t]));
    for (int v : triangles[t]) around[v].push_back(static_cast<int>(t));
  }
  const float least_cosine = std::cos(kSmoothEdgeDeg * static_cast<float>(M_PI) / 180);
  std::vector<Vector3f> normals;
  for (size_t t = 0; t < triangles.size(); ++t) {
    const Vector3f own = facets[t].normalized();
    for (int v : triangles[t]) {
      Vector3f sum = Vector3f::Zero();
      for (int other : around[v]) {
        if (facets[other].normalized().dot(own) >= least_cosine) sum += facets[other];
      }
      normals.push_back(sum.squaredNorm() > 0 ? sum.normalized() : own);
    }
  }
  return normals;
}

// The point of the smooth surface over a point of the facet, so that rays do not start below it
// (Hanika, Hacking the shadow terminator, Ray Tracing Gems II, 2021).
Vector3f OnSmoothSurface(const Vector3f& point,
                         const std::array<Vector3f, 3>& corners,
                         const std::array<Vector3f, 3>& normals,
                         const Vector3f& weights) {
  Vector3f out = point;
  for (int i = 0; i < 3; ++i) {
    const float below = std::min(0.0f, (point - corners[i]).dot(normals[i]));
    out -= weights[i] * below * normals[i];
  }
  return out;
}

Vector3f WeightsOf(const PrimaryHits& hits, size_t at) {
  return {1 - hits.u[at] - hits.v[at], hits.u[at], hits.v[at]};
}

Vector3f Blend(const std::vector<Vector3f>& values,
               const std::array<int, 3>& corners,
               const Vector3f& weights) {
  return weights[0] * values[corners[0]] + weights[1] * values[corners[1]] +
         weights[2] * values[corners[2]];
}

// Of the skin's light alone, where there is skin.
float MeanLight(const SurfaceImage& image) {
  float sum = 0, weights = 0, sum_all = 0, weights_all = 0;
  for (size_t p = 0; p < image.cover.size(); ++p) {
    if (image.cover[p] <= 0) continue;
    const float light = Luminance(image.diffuse[p]);
    sum += image.cover[p] * image.skin[p] * light;
    weights += image.cover[p] * image.skin[p];
    sum_all += image.cover[p] * light;
    weights_all += image.cover[p];
  }
  if (weights_all <= 0) return 1;
  return std::max(weights > 0 ? sum / weights : sum_all / weights_all, 1e-4f);
}

}  // namespace

PathShader::PathShader(const Rig& rig)
    : rig_(rig), pattern_(rig), vertex_part_(rig.num_surface_vertices(), kPartPalm) {
  for (size_t t = 0; t < rig.triangles.size(); ++t) {
    for (int v : rig.triangles[t]) vertex_part_[v] = rig.triangle_part[t];
  }
}

void PathShader::AddHand(const std::vector<Vector3f>& vertices_mm,
                         const std::vector<std::array<int, 3>>& triangles,
                         const PaintedHand& hand) {
  const int first = static_cast<int>(mesh_.normals.size());
  for (const auto& t : triangles)
    mesh_.triangles.push_back({first + t[0], first + t[1], first + t[2]});
  for (const Vector3f& sum : SumsOfNormals(vertices_mm, triangles)) {
    mesh_.normals.push_back(sum.normalized());
  }
  for (size_t v = 0; v < vertices_mm.size(); ++v) {
    const SkinPoint point{
        rig_.surface_rest[v], vertex_part_[v], pattern_.dorsal(static_cast<int>(v))};
    mesh_.albedo.push_back(pattern_.Evaluate(hand.skin, hand.bend, point).albedo);
  }
}

// Corners are vertices of their own, so that edges stay sharp.
void PathShader::AddObject(const TriangleMesh& object, const ObjectPaint& paint) {
  const std::vector<Vector3f> normals = CornerNormals(object);
  for (size_t t = 0; t < object.triangles.size(); ++t) {
    const int first = static_cast<int>(mesh_.normals.size() + 3 * t);
    mesh_.triangles.push_back({first, first + 1, first + 2});
  }
  mesh_.normals.insert(mesh_.normals.end(), normals.begin(), normals.end());
  mesh_.albedo.resize(mesh_.normals.size(), paint.Mean());
}

void PathShader::BuildMesh(const HandScene& scene, const SceneMaterials& materials) {
  mesh_.triangles.clear();
  mesh_.normals.clear();
  mesh_.albedo.clear();
  AddHand(scene.surface_in_cam(), rig_.triangles, materials.hand);
  for (const Surrounding& s : scene.surroundings()) {
    if (s.object >= 0) {
      AddObject(s.mesh, materials.paint[s.object]);
    } else {
      AddHand(s.mesh.vertices_mm, s.mesh.triangles, materials.other_hand);
    }
  }
}

SkinPoint PathShader::SkinPointAt(const std::array<int, 3>& triangle,
                                  uint8_t part,
                                  const Vector3f& weights) const {
  const Vector3f dorsal(
      pattern_.dorsal(triangle[0]), pattern_.dorsal(triangle[1]), pattern_.dorsal(triangle[2]));
  return {Blend(rig_.surface_rest, triangle, weights), part, weights.dot(dorsal)};
}

void PathShader::DescribeHits(const HandScene& scene,
                              const PrimaryHits& hits,
                              const PinholeCamera& camera,
                              const SceneMaterials& materials) {
  details_.resize(hits.triangle.size());
  for (int y = 0; y < hits.height; ++y) {
    for (int x = 0; x < hits.width; ++x) {
      const size_t at = static_cast<size_t>(y) * hits.width + x;
      const int32_t t = hits.triangle[at];
      if (t == PrimaryHits::kMiss) continue;
      const HandScene::Place place = scene.Locate(t);
      const Vector3f weights = WeightsOf(hits, at);
      HitDetail& d = details_[at];
      d.body = place.body;
      d.position_mm = hits.depth_mm[at] *
                      camera.Ray({static_cast<double>(x), static_cast<double>(y)}).cast<float>();
      d.normal = Blend(mesh_.normals, mesh_.triangles[t], weights).normalized();
      if (scene.PartAt(place) == kPartObject) {
        d.albedo = materials.paint[scene.ObjectAt(place)].At(scene.InObject(place, d.position_mm));
        d.relief_mm = 0;
        d.reflectance = kPaintReflectance;
        d.roughness = kPaintRoughness;
        continue;
      }
      const PaintedHand& hand = place.body == 0 ? materials.hand : materials.other_hand;
      const SkinPoint point =
          SkinPointAt(scene.TriangleAt(place), rig_.triangle_part[place.triangle], weights);
      const SkinSample sample = pattern_.Evaluate(hand.skin, hand.bend, point);
      d.albedo = sample.albedo;
      d.relief_mm = pattern_.ReliefMm(hand.skin, hand.bend, point);
      d.reflectance = hand.skin.specular *
                      (kSkinReflectance + sample.nail * (kNailReflectance - kSkinReflectance));
      d.roughness = hand.skin.roughness + sample.nail * (kNailRoughness - hand.skin.roughness);
    }
  }
}

// Mikkelsen, Bump mapping unparametrized surfaces on the GPU, JGT 2010: the gradient of the relief
// on the surface from its differences between neighbouring hits.
Vector3f PathShader::NormalWithRelief(const PrimaryHits& hits, int x, int y) const {
  const size_t at = static_cast<size_t>(y) * hits.width + x;
  const HitDetail& here = details_[at];
  const auto difference = [&](int dx, int dy, Vector3f* position, float* relief) {
    for (int sign : {1, -1}) {
      const int qx = x + sign * dx, qy = y + sign * dy;
      if (qx < 0 || qy < 0 || qx >= hits.width || qy >= hits.height) continue;
      const size_t q = static_cast<size_t>(qy) * hits.width + qx;
      if (hits.triangle[q] == PrimaryHits::kMiss || details_[q].body != here.body) continue;
      *position = static_cast<float>(sign) * (details_[q].position_mm - here.position_mm);
      if (position->norm() > kSameSurfaceMm) continue;
      *relief = static_cast<float>(sign) * (details_[q].relief_mm - here.relief_mm);
      return true;
    }
    return false;
  };
  Vector3f px, py;
  float hx = 0, hy = 0;
  if (!difference(1, 0, &px, &hx) || !difference(0, 1, &py, &hy)) return here.normal;
  if (hx == 0 && hy == 0) return here.normal;
  const Vector3f rx = py.cross(here.normal), ry = here.normal.cross(px);
  const float determinant = px.dot(rx);
  const Vector3f gradient = std::copysign(1.0f, determinant) * (hx * rx + hy * ry);
  return (std::abs(determinant) * here.normal - gradient).normalized();
}

void PathShader::FindFirstVertices(const HandScene& scene, const PrimaryHits& hits) {
  constexpr float kLeastCosine = 0.02f, kOffFacetMm = 0.02f;
  points_.clear();
  for (int y = 0; y < hits.height; ++y) {
    for (int x = 0; x < hits.width; ++x) {
      const size_t at = static_cast<size_t>(y) * hits.width + x;
      const int32_t t = hits.triangle[at];
      if (t == PrimaryHits::kMiss) continue;
      const HitDetail& detail = details_[at];
      const HandScene::Place place = scene.Locate(t);
      const std::vector<Vector3f>& surface = scene.VerticesOf(place.body);
      const auto& [a, b, c] = scene.TriangleAt(place);
      const auto& [na, nb, nc] = mesh_.triangles[t];
      SurfacePoint p;
      p.x = static_cast<uint16_t>(x);
      p.y = static_cast<uint16_t>(y);
      p.view = -detail.position_mm.normalized();
      p.facet = AreaNormal(surface, {a, b, c}).normalized();
      // An open surface is seen from behind.
      const float side = p.facet.dot(p.view) < 0 ? -1 : 1;
      p.facet *= side;
      p.origin_mm = OnSmoothSurface(
          detail.position_mm,
          {surface[a], surface[b], surface[c]},
          {side * mesh_.normals[na], side * mesh_.normals[nb], side * mesh_.normals[nc]},
          WeightsOf(hits, at));
      p.origin_mm += kOffFacetMm * p.facet;
      p.normal = side * NormalWithRelief(hits, x, y);
      // Where the smooth surface turns away though the facet does not, light the facet.
      if (p.normal.dot(p.view) < kLeastCosine) p.normal = p.facet;
      p.reflectance = detail.reflectance;
      p.roughness = detail.roughness;
      points_.push_back(p);
    }
  }
}

// Means over the rays of each pixel.
void PathShader::Gather(const PrimaryHits& hits,
                        const std::vector<Outgoing>& light,
                        const HandScene& scene,
                        int side_px) {
  SurfaceImage& image = image_;
  image.Reset(side_px, side_px);
  for (size_t i = 0; i < points_.size(); ++i) {
    const size_t p = image.Offset(points_[i].x / kRaysPerSide, points_[i].y / kRaysPerSide);
    const HitDetail& detail =
        details_[static_cast<size_t>(points_[i].y) * hits.width + points_[i].x];
    const bool is_skin = detail.body == 0 || scene.surroundings()[detail.body - 1].object < 0;
    image.cover[p] += 1;
    image.skin[p] += is_skin ? 1 : 0;
    image.position_mm[p] += detail.position_mm;
    image.normal[p] += points_[i].normal;
    image.albedo[p] += detail.albedo;
    image.diffuse[p] += light[i].diffuse;
    image.specular[p] += light[i].specular;
    image.gloss[p] += LayerAlbedo(points_[i]);
  }
  for (size_t p = 0; p < image.cover.size(); ++p) {
    if (image.cover[p] <= 0) continue;
    for (auto* values : {&image.position_mm, &image.albedo, &image.diffuse, &image.specular})
      (*values)[p] /= image.cover[p];
    image.normal[p].normalize();
    image.skin[p] /= image.cover[p];
    image.gloss[p] /= image.cover[p];
    image.cover[p] /= kRaysPerSide * kRaysPerSide;
  }
}

ShadedLayer PathShader::Shade(const HandScene& scene,
                              const SceneMaterials& materials,
                              const SceneLights& lights,
                              const PathShaderOptions& options,
                              int side_px,
                              uint64_t key) {
  // First hits, four per pixel.
  const int rays_px = kRaysPerSide * side_px;
  const PinholeCamera camera = scene.camera().Resized(rays_px, rays_px);
  const bool traced = scene.all_hits().width == rays_px;
  if (!traced) scene.rays().Trace(camera, &own_hits_);
  const PrimaryHits& hits = traced ? scene.all_hits() : own_hits_;

  // Surfaces.
  BuildMesh(scene, materials);
  DescribeHits(scene, hits, camera, materials);
  FindFirstVertices(scene, hits);

  // Light.
  PathOptions paths;
  paths.samples = std::max(1, options.samples / (kRaysPerSide * kRaysPerSide));
  paths.bounces = options.bounces;
  paths.sequence = options.sequence;
  paths.tile = kRaysPerSide * kTilePixels;
  const std::vector<Outgoing>& light =
      tracer_.Trace(scene.rays(), mesh_, lights, points_, paths, key);

  // Picture.
  Gather(hits, light, scene, side_px);
  SurfaceImage& image = image_;
  if (options.denoise) DenoiseLight(&image);
  ScatterInSkin(camera.fx / kRaysPerSide, &image);
  ShadedLayer out;
  out.radiance = ImageF32(side_px, side_px, 3);
  for (size_t p = 0; p < image.cover.size(); ++p) {
    if (image.cover[p] <= 0) continue;
    Eigen::Map<Vector3f>(&out.radiance.pixels[3 * p]) =
        image.albedo[p].cwiseProduct(image.diffuse[p]) + image.specular[p];
  }
  out.mean_light = MeanLight(image);
  out.cover = image.cover;
  return out;
}

void Composite(const ShadedLayer& layer, float gain, ImageF32* picture) {
  for (size_t p = 0; p < layer.cover.size(); ++p) {
    if (layer.cover[p] <= 0) continue;
    for (size_t c = 3 * p; c < 3 * p + 3; ++c) {
      picture->pixels[c] = (1 - layer.cover[p]) * picture->pixels[c] +
                           layer.cover[p] * gain * layer.radiance.pixels[c];
    }
  }
}

}  // namespace handforge
