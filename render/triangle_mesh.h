#pragma once

#include <array>
#include <vector>

#include <Eigen/Core>

namespace handforge {

// Triangles index the vertices, counter-clockwise seen from outside.
struct TriangleMesh {
  std::vector<Eigen::Vector3f> vertices_mm;
  std::vector<std::array<int, 3>> triangles;
};

}  // namespace handforge
