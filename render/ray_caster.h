#pragma once

#include "io/core/camera.h"

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
  std::vector<float> u, v;        // barycentric coordinates of the 2nd and 3rd corner
};

// An Embree scene of one triangle mesh whose vertices move: one per worker thread, committed per
// pose. The only place that calls Embree.
class RayCaster {
 public:
  // Triangles index `num_vertices` vertices. Throws EnvironmentError where Embree cannot start.
  RayCaster(size_t num_vertices, const std::vector<std::array<int, 3>>& triangles);
  ~RayCaster();
  RayCaster(const RayCaster&) = delete;
  RayCaster& operator=(const RayCaster&) = delete;

  // Sets the vertices (mm, camera frame for `Trace`) and rebuilds the hierarchy. Throws DataError
  // where a coordinate is not finite.
  void SetVertices(const std::vector<Eigen::Vector3f>& vertices_mm);

  // Traces only inside the projected bounding box of the vertices; those before the plane
  // z = `kNearMm` are outside any picture.
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

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace handforge
