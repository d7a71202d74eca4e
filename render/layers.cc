#include "render/layers.h"

#include "io/core/error.h"
#include "render/triangle_mesh.h"

#include <algorithm>
#include <cmath>

namespace handforge {
namespace {

using Eigen::Vector3f;

template <typename Visit>
void ForEachHit(const HandScene& scene, const Visit& visit) {
  const PrimaryHits& hits = scene.all_hits();
  for (int y = 0; y < hits.height; ++y) {
    for (int x = 0; x < hits.width; ++x) {
      const size_t at = static_cast<size_t>(y) * hits.width + x;
      if (hits.triangle[at] == PrimaryHits::kMiss) continue;
      const Vector3f weight(1 - hits.u[at] - hits.v[at], hits.u[at], hits.v[at]);
      visit(x, y, scene.Locate(hits.triangle[at]), weight);
    }
  }
}

uint8_t InstanceOf(const HandScene& scene, const HandScene::Place& place) {
  const uint8_t part = scene.PartAt(place);
  if (part == kPartForearm) return kInstanceArm;
  if (place.body == 0) return kInstanceHand;
  if (part == kPartOtherHand) return kInstanceOtherHand;
  return static_cast<uint8_t>(kInstanceFirstObject + scene.ObjectAt(place));
}

ImageU8 InstanceImage(const HandScene& scene) {
  ImageU8 image(scene.camera().width_px, scene.camera().height_px);
  ForEachHit(scene, [&](int x, int y, const HandScene::Place& place, const Vector3f&) {
    image.at(x, y) = InstanceOf(scene, place);
  });
  return image;
}

uint8_t NormalByte(float n) { return static_cast<uint8_t>(std::lround(128 + 127 * n)); }

ImageU8 Normals(const HandScene& scene) {
  ImageU8 image(scene.camera().width_px, scene.camera().height_px, 3);
  const std::vector<Vector3f> smooth = SumsOfNormals(scene.surface_in_cam(), scene.rig().triangles);
  ForEachHit(scene, [&](int x, int y, const HandScene::Place& place, const Vector3f& weight) {
    const auto& t = scene.TriangleAt(place);
    Vector3f n;
    if (place.body == 0) {
      n = weight[0] * smooth[t[0]] + weight[1] * smooth[t[1]] + weight[2] * smooth[t[2]];
    } else {
      const auto& v = scene.VerticesOf(place.body);
      n = (v[t[1]] - v[t[0]]).cross(v[t[2]] - v[t[0]]);
    }
    n.normalize();
    for (int c = 0; c < 3; ++c) image.at(x, y, c) = NormalByte(n[c]);
  });
  return image;
}

ImageU16 Correspondence(const HandScene& scene) {
  ImageU16 image(scene.camera().width_px, scene.camera().height_px, 3);
  ForEachHit(scene, [&](int x, int y, const HandScene::Place& place, const Vector3f& weight) {
    if (place.body != 0) return;
    const auto share = [](float w) {
      return static_cast<uint16_t>(std::lround(std::clamp(w, 0.0f, 1.0f) * UINT16_MAX));
    };
    image.at(x, y, 0) = static_cast<uint16_t>(place.triangle + 1);
    image.at(x, y, 1) = share(weight[1]);
    image.at(x, y, 2) = share(weight[2]);
  });
  return image;
}

ImageF32 Previous2d(const HandScene& scene, const PreviousFrame* previous) {
  const PinholeCamera& camera = scene.camera();
  ImageF32 image(camera.width_px, camera.height_px, 2);
  ForEachHit(scene, [&](int x, int y, const HandScene::Place& place, const Vector3f& weight) {
    image.at(x, y, 0) = static_cast<float>(x);
    image.at(x, y, 1) = static_cast<float>(y);
    if (previous == nullptr) return;
    const auto& vertices = place.body == 0 ? previous->surface_in_cam
                                           : previous->surroundings[place.body - 1].vertices_mm;
    const auto& t = scene.TriangleAt(place);
    const Vector3f at =
        weight[0] * vertices[t[0]] + weight[1] * vertices[t[1]] + weight[2] * vertices[t[2]];
    if (at.z() <= RayCaster::kNearMm) return;
    const Eigen::Vector2d px = camera.Project(Eigen::Vector3d(at.cast<double>()));
    image.at(x, y, 0) = static_cast<float>(px.x());
    image.at(x, y, 1) = static_cast<float>(px.y());
  });
  return image;
}

}  // namespace

const std::vector<std::string> kLayerNames = {
    "instance", "normals", "correspondence", "previous_2d", "visible_fraction"};

void RequireNumberedTriangles(const Rig& rig, const std::string& file) {
  if (rig.triangles.size() <= UINT16_MAX) return;
  throw UsageError("render.layers: correspondence numbers " + std::to_string(UINT16_MAX) +
                   " triangles at most; " + file + " has " + std::to_string(rig.triangles.size()) +
                   ": lower its subdivision");
}

void RenderLayers(const HandScene& scene,
                  const std::vector<std::string>& layers,
                  const PreviousFrame* previous,
                  Tuple* tuple) {
  for (const std::string& layer : layers) {
    if (layer == "instance") {
      tuple->instance = InstanceImage(scene);
    } else if (layer == "normals") {
      tuple->normals = Normals(scene);
    } else if (layer == "correspondence") {
      tuple->correspondence = Correspondence(scene);
    } else if (layer == "previous_2d") {
      tuple->previous_px = Previous2d(scene, previous);
    } else if (layer == "visible_fraction") {
      tuple->visible_fraction = VisibleFraction(scene);
    } else {
      throw UsageError("layer '" + layer + "' is unknown");
    }
  }
}

std::array<float, kNumSegments> VisibleFraction(const HandScene& scene) {
  const Rig& rig = scene.rig();
  const PinholeCamera& camera = scene.camera();
  const std::vector<Vector3f>& x = scene.surface_in_cam();
  std::vector<Eigen::Vector2f> at_px(x.size());
  for (size_t v = 0; v < x.size(); ++v) {
    at_px[v] = {static_cast<float>(camera.fx) * x[v].x() / x[v].z(),
                static_cast<float>(camera.fy) * x[v].y() / x[v].z()};
  }
  std::array<double, kNumSegments> facing{}, shown{};
  for (size_t t = 0; t < rig.triangles.size(); ++t) {
    const int segment = rig.triangle_part[t] - kPartFirstSegment;
    if (segment < 0 || segment >= kNumSegments) continue;
    const auto& [a, b, c] = rig.triangles[t];
    if (std::min({x[a].z(), x[b].z(), x[c].z()}) <= RayCaster::kNearMm) continue;
    const Eigen::Vector2f ab = at_px[b] - at_px[a], ac = at_px[c] - at_px[a];
    // Counter-clockwise seen from outside is clockwise with y down: negative faces the camera.
    facing[segment] += std::max(0.0f, -(ab.x() * ac.y() - ab.y() * ac.x()) / 2);
  }
  const PrimaryHits& hits = scene.hits();
  for (const int32_t t : hits.triangle) {
    if (t == PrimaryHits::kMiss) continue;
    const int segment = rig.triangle_part[t] - kPartFirstSegment;
    if (segment >= 0 && segment < kNumSegments) ++shown[segment];
  }
  std::array<float, kNumSegments> fraction{};
  for (int s = 0; s < kNumSegments; ++s) {
    if (facing[s] > 0) fraction[s] = static_cast<float>(std::min(1.0, shown[s] / facing[s]));
  }
  return fraction;
}

}  // namespace handforge
