#pragma once

#include "io/core/camera.h"
#include "render/triangle_mesh.h"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include <Eigen/Core>

namespace handforge {

// First hits of the rays through all pixel centres of a camera: {height, width}, row-major.
struct PrimaryHits {
  static constexpr int32_t kMiss = -1;
  int width = 0;
  int height = 0;
  std::vector<int32_t> triangle;  // kMiss where the ray hits nothing
  std::vector<float> depth_mm;    // z, 0 for a miss
  std::vector<float> u, v;        // barycentric coordinates of the 2nd and 3rd corner; not set for
                                  // a miss
};

// An Embree scene of one triangle mesh whose vertices move and of objects beside it: one per worker
// thread. The only place that calls Embree. Triangles are numbered through: those of the moving
// mesh first, then those of the objects in their order.
class RayCaster {
 public:
  // The hierarchy is built once, around the vertices at rest, and refitted whenever they move: a
  // twentieth of the cost of building it, and hits stay a function of the vertices alone, never of
  // what was traced before. Throws EnvironmentError where Embree cannot start.
  RayCaster(const std::vector<Eigen::Vector3f>& rest_mm,
            const std::vector<std::array<int, 3>>& triangles);
  ~RayCaster();
  RayCaster(const RayCaster&) = delete;
  RayCaster& operator=(const RayCaster&) = delete;

  // Moves the vertices (mm, camera frame for `Trace`). Throws DataError where a coordinate is not
  // finite or their number is another.
  void SetVertices(const std::vector<Eigen::Vector3f>& vertices_mm);

  // Replaces the objects beside the moving mesh, in the same frame. Throws DataError where a
  // coordinate is not finite.
  void SetObjects(const std::vector<TriangleMesh>& objects);

  // Traces only the tiles of 4 x 4 pixels that the projected triangles touch. What lies before the
  // plane z = `kNearMm` is outside any picture.
  static constexpr float kNearMm = 1.0f;
  void Trace(const PinholeCamera& camera, PrimaryHits* hits) const;

  struct Hit {
    int32_t triangle = PrimaryHits::kMiss;
    float distance = 0;  // in units of the direction's length
  };
  Hit TraceRay(const Eigen::Vector3f& origin_mm, const Eigen::Vector3f& direction) const;

  // Whether anything lies on each ray from one point, in (0, infinity). `directions` {n, 3}.
  void Occluded(const Eigen::Vector3f& origin_mm,
                const std::vector<Eigen::Vector3f>& directions,
                std::vector<uint8_t>* occluded) const;

  // Streams of any rays, traced in packets of 8: the nearer neighbours are to parallel, the faster.
  struct Ray {
    Eigen::Vector3f origin_mm;
    Eigen::Vector3f direction;  // unit
    float length_mm;            // may be infinite
  };
  struct RayHit {
    int32_t triangle = PrimaryHits::kMiss;
    float distance_mm = 0;
    float u = 0, v = 0;
  };
  void Intersect(const std::vector<Ray>& rays, std::vector<RayHit>* hits) const;
  // Whether anything lies on each ray, its ends excluded.
  void Occluded(const std::vector<Ray>& rays, std::vector<uint8_t>* occluded) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace handforge
