#pragma once

#include <array>
#include <vector>

#include <Eigen/Core>
#include <Eigen/Geometry>

namespace handforge {

// Triangles index the vertices, counter-clockwise seen from outside.
struct TriangleMesh {
  std::vector<Eigen::Vector3f> vertices_mm;
  std::vector<std::array<int, 3>> triangles;
};

// Of each vertex: the sum of the normals of its triangles, each as long as twice its area.
inline std::vector<Eigen::Vector3f> SumsOfNormals(
    const std::vector<Eigen::Vector3f>& vertices,
    const std::vector<std::array<int, 3>>& triangles) {
  std::vector<Eigen::Vector3f> sums(vertices.size(), Eigen::Vector3f::Zero());
  for (const auto& t : triangles) {
    const Eigen::Vector3f normal =
        (vertices[t[1]] - vertices[t[0]]).cross(vertices[t[2]] - vertices[t[0]]);
    for (int v : t) sums[v] += normal;
  }
  return sums;
}

}  // namespace handforge
