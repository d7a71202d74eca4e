#pragma once

#include "render/rig.h"

#include <array>
#include <vector>

#include <Eigen/Core>

namespace handforge {

// Loop subdivision (Loop 1987) of a closed mesh as stencils over its vertices; `steps` = 0 gives
// identity stencils. `parent_triangle` maps each new triangle to the one it lies in.
struct Subdivision {
  std::vector<Stencil> stencils;
  std::vector<std::array<int, 3>> triangles;
  std::vector<int> parent_triangle;
};
Subdivision LoopSubdivide(size_t num_vertices,
                          const std::vector<std::array<int, 3>>& triangles,
                          int steps);

// Loop subdivision shrinks; returns control vertices whose subdivided surface passes (nearly)
// through `positions`, by fixed-point iteration on the even vertices.
std::vector<Eigen::Vector3d> CompensateShrinkage(const std::vector<Eigen::Vector3d>& positions,
                                                 const Subdivision& subdivision);

}  // namespace handforge
