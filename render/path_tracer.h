#pragma once

#include "render/light_probe.h"
#include "render/ray_caster.h"
#include "render/sample_sequence.h"

#include <array>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

namespace handforge {

// A rectangular lamp that shines to both sides; no ray hits it.
struct AreaLight {
  Eigen::Vector3f centre_mm;
  Eigen::Vector3f half_width_mm;   // from the centre to the middle of an edge
  Eigen::Vector3f half_height_mm;  // perpendicular to it
  Eigen::Vector3f radiance;        // linear sRGB
};

// All light of a scene, in the camera frame.
struct SceneLights {
  const LightProbe* probe = nullptr;
  Eigen::Matrix3f probe_from_cam = Eigen::Matrix3f::Identity();
  std::vector<AreaLight> lamps;
};

// What paths meet after their first vertex: all triangles of the ray caster, diffuse.
struct DiffuseMesh {
  std::vector<std::array<int, 3>> triangles;  // numbered as the ray caster's
  std::vector<Eigen::Vector3f> normals;       // per vertex, unit
  std::vector<Eigen::Vector3f> albedo;        // per vertex
};

// A first vertex: a layer of GGX microfacets over a diffuse ground.
struct SurfacePoint {
  uint16_t x = 0, y = 0;      // on the grid of samples
  Eigen::Vector3f origin_mm;  // where rays start: on the surface or a little above it
  Eigen::Vector3f facet;      // unit normal of the triangle, towards the camera
  Eigen::Vector3f normal;     // unit shading normal, towards the camera
  Eigen::Vector3f view;       // unit, towards the camera
  float reflectance = 0;      // of the layer at normal incidence; 0 = no layer
  float roughness = 1;        // GGX alpha is its square
};

// Share of even light from all around that the layer of `p` sends to the camera: 0 without a layer.
// Within a quarter of what is traced: fit of Karis, Physically based shading on mobile, 2014, after
// Lazarov, Getting more physical in Call of Duty, SIGGRAPH 2013.
float LayerAlbedo(const SurfacePoint& p);

// Light that leaves a first vertex towards the camera.
struct Outgoing {
  Eigen::Vector3f diffuse = Eigen::Vector3f::Zero();   // from a white ground: times albedo
  Eigen::Vector3f specular = Eigen::Vector3f::Zero();  // from the layer
};

struct PathOptions {
  int samples = 4;  // paths per point, a power of two
  int tile = 8;     // points within `tile` x `tile` share no samples (SampleSequence)
  int bounces = 3;  // vertices after the first
  SampleSequence::Kind sequence = SampleSequence::Kind::kInterleaved;
};

// Path tracing from given first vertices, in streams of rays: light is sampled at every vertex by
// the probe's luminance and the lamps' area, and directions by the surface, the two combined at
// first vertices by the balance heuristic (Veach and Guibas, SIGGRAPH 1995). Unbiased but for paths
// of more than `bounces` vertices. Points at the same place of their tiles share random numbers, so
// their rays are nearly parallel and fill packets well. One per worker thread.
class PathTracer {
 public:
  // Result has the size of `points` and stands until the next call; a pure function of the
  // arguments. Diffuse layer and ground
  // share the light by Schlick's approximation, kept below 1 in sum.
  const std::vector<Outgoing>& Trace(const RayCaster& rays,
                                     const DiffuseMesh& mesh,
                                     const SceneLights& lights,
                                     const std::vector<SurfacePoint>& points,
                                     const PathOptions& options,
                                     uint64_t key);

 private:
  struct LightSample;
  struct Run;
  // What a ray brings to a point: light where nothing is between, or a share of what it meets.
  struct Pending {
    uint32_t point;
    Eigen::Vector3f diffuse, specular;
    float density;  // of the ray's direction, where it was drawn by the surface
  };
  // A path at a vertex after the first.
  struct Vertex {
    uint32_t point;
    Eigen::Vector3f position_mm, normal, albedo;
    Eigen::Vector3f diffuse, specular;  // share of the vertex' light that reaches the camera
  };
  void TakeSample(const Run& run,
                  const std::vector<uint32_t>& group,
                  uint32_t pixel,
                  uint32_t sample);
  LightSample DrawLight(const Run& run, uint32_t dimension, uint32_t pixel, uint32_t sample) const;
  void LightFirst(const Run& run, const std::vector<uint32_t>& group, const LightSample& light);
  void ScatterFirst(const Run& run,
                    const std::vector<uint32_t>& group,
                    const Eigen::Vector2f& u,
                    float lobe);
  void LightVertices(const Run& run, const LightSample& light);
  void ScatterVertices(const Run& run, const Eigen::Vector2f& u);
  void AddUnoccluded(const Run& run);
  void FindVertices(const Run& run);

  std::vector<RayCaster::Ray> rays_;
  std::vector<RayCaster::RayHit> hits_;
  std::vector<uint8_t> occluded_;
  std::vector<Pending> pending_;
  std::vector<Vertex> vertices_;
  std::vector<Outgoing> sums_;
};

}  // namespace handforge
