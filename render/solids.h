#pragma once

#include "render/triangle_mesh.h"

#include <array>

#include <Eigen/Core>

namespace handforge {

// Built-in shapes of things in or before a hand. Stored in shards by number: only append.
enum class Solid : int { kBox = 0, kCylinder, kSphere, kCapsule, kTorus, kMug, kSleeve };
constexpr int kNumSolids = 7;
extern const std::array<const char*, kNumSolids> kSolidNames;

constexpr double kSleeveCuff = 0.72;

// Closed meshes (the mug's handle overlaps its wall) that fill a box of `size_mm` centred at the
// origin; axes of revolution lie along z. A capsule's ends are round across x, a torus' tube is as
// thick as z, a mug's wall an eighth of its width; its handle stands towards +x. A sleeve is a
// cloth tube, wide at +z and open at -z, where it is kSleeveCuff as wide. Throws UsageError where a
// size is not positive.
TriangleMesh MakeSolid(Solid solid, const Eigen::Vector3d& size_mm);

}  // namespace handforge
