#pragma once

#include <array>
#include <vector>

#include <Eigen/Core>

namespace handforge {

// A forearm grown from the loop where the hand mesh ends. `triangles` is the whole mesh without its
// cap and with the forearm; new vertices follow the given ones.
struct ForearmGrowth {
  std::vector<Eigen::Vector3d> positions;  // new vertices only; empty where no cap was found
  std::vector<std::array<int, 3>> triangles;
};

// The cap is the largest connected patch behind the wrist that faces +z (hand frame). The forearm
// widens from the loop towards the elbow: 52 x 37 mm at the wrist of the default mesh becomes about
// 1.6 times the breadth and 1.9 times the thickness at 260 mm, as forearms do (breadth and depth of
// wrist and forearm in Gordon et al., 1988 Anthropometric Survey of U.S. Army Personnel).
ForearmGrowth GrowForearm(const std::vector<Eigen::Vector3d>& positions,
                          const std::vector<std::array<int, 3>>& triangles,
                          double wrist_z_mm,
                          double length_mm);

}  // namespace handforge
