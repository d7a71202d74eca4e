#include "render/solids.h"

#include "io/core/error.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace handforge {
namespace {

using Eigen::Vector2d;
using Eigen::Vector3d;

constexpr int kSectors = 48;
constexpr int kArcPoints = 16;  // of half a circle

void AddQuad(int a, int b, int c, int d, TriangleMesh* mesh) {
  mesh->triangles.push_back({a, b, c});
  mesh->triangles.push_back({a, c, d});
}

// Closed surface from rings of `n` vertices each, ring by ring, seen from outside with the next
// ring above and the next vertex to the right. The ends are closed by fans, or meet each other.
void CloseRings(int first, int rings, int n, bool loop, TriangleMesh* mesh) {
  const auto at = [&](int ring, int i) { return first + ring % rings * n + i % n; };
  for (int r = 0; r + (loop ? 0 : 1) < rings; ++r) {
    for (int i = 0; i < n; ++i) {
      AddQuad(at(r, i), at(r, i + 1), at(r + 1, i + 1), at(r + 1, i), mesh);
    }
  }
  if (loop) return;
  for (int i = 1; i + 1 < n; ++i) {
    mesh->triangles.push_back({at(0, 0), at(0, i + 1), at(0, i)});
    mesh->triangles.push_back({at(rings - 1, 0), at(rings - 1, i), at(rings - 1, i + 1)});
  }
}

// Surface of revolution about z of a profile (radius, z), outside to its right when walked upwards.
TriangleMesh Revolve(const std::vector<Vector2d>& profile, bool loop) {
  TriangleMesh mesh;
  for (const Vector2d& p : profile) {
    for (int s = 0; s < kSectors; ++s) {
      const double phi = 2 * M_PI * s / kSectors;
      mesh.vertices_mm.push_back(
          Vector3d(p.x() * std::cos(phi), p.x() * std::sin(phi), p.y()).cast<float>());
    }
  }
  CloseRings(0, static_cast<int>(profile.size()), kSectors, loop, &mesh);
  return mesh;
}

// Points on a circle around `centre` in the profile's plane, from `from_rad` on, ends included.
void AddArc(const Vector2d& centre,
            double radius,
            double from_rad,
            double to_rad,
            std::vector<Vector2d>* p) {
  const int steps = std::max(2, static_cast<int>(kArcPoints * std::abs(to_rad - from_rad) / M_PI));
  for (int i = 0; i <= steps; ++i) {
    const double a = from_rad + (to_rad - from_rad) * i / steps;
    p->push_back(centre + radius * Vector2d(std::cos(a), std::sin(a)));
  }
}

constexpr double kPole = 1e-3;  // radius of the ring at a pole, in units of the radius

TriangleMesh Box() {
  return {{{-.5f, -.5f, -.5f},
           {.5f, -.5f, -.5f},
           {.5f, .5f, -.5f},
           {-.5f, .5f, -.5f},
           {-.5f, -.5f, .5f},
           {.5f, -.5f, .5f},
           {.5f, .5f, .5f},
           {-.5f, .5f, .5f}},
          {{0, 2, 1},
           {0, 3, 2},
           {4, 5, 6},
           {4, 6, 7},
           {0, 1, 5},
           {0, 5, 4},
           {1, 2, 6},
           {1, 6, 5},
           {2, 3, 7},
           {2, 7, 6},
           {3, 0, 4},
           {3, 4, 7}}};
}

// Of width 1 and height `h`, the ends half balls (flattened where the height is below the width).
TriangleMesh Capsule(double h) {
  const double straight = std::max(0.0, h - 1);
  std::vector<Vector2d> profile;
  const double start = std::acos(2 * kPole);
  AddArc({0, -straight / 2}, 0.5, -start, 0, &profile);
  AddArc({0, straight / 2}, 0.5, 0, start, &profile);
  if (straight == 0) {
    profile.erase(profile.begin() + static_cast<long>(profile.size() / 2));
    for (Vector2d& p : profile) p.y() *= h;
  }
  return Revolve(profile, /*loop=*/false);
}

TriangleMesh Torus(double tube) {
  tube = std::min(tube, 0.45);
  std::vector<Vector2d> profile;
  AddArc({0.5 - tube / 2, 0}, tube / 2, -M_PI, M_PI, &profile);
  profile.pop_back();
  return Revolve(profile, /*loop=*/true);
}

// A cup of height h and width 0.7 with a handle that reaches to x = 0.5; the cup's axis stands at
// x = -0.15.
TriangleMesh Mug(double h) {
  constexpr double kRadius = 0.35, kWall = 0.0875, kAxisX = -0.15;
  const double wall = std::min(kWall, h / 3);
  TriangleMesh mug = Revolve({{kPole, -h / 2},
                              {kRadius, -h / 2},
                              {kRadius, h / 2},
                              {kRadius - wall, h / 2},
                              {kRadius - wall, -h / 2 + wall},
                              {kPole, -h / 2 + wall}},
                             /*loop=*/false);
  // The handle: a tube along half an ellipse whose ends lie in the wall.
  constexpr int kSteps = 16, kAround = 12;
  constexpr double kTube = 0.05, kReach = 0.3 - kTube + kWall / 2;
  const double rise = 0.32 * h;
  const int first = static_cast<int>(mug.vertices_mm.size());
  for (int i = 0; i <= kSteps; ++i) {
    const double a = M_PI * (static_cast<double>(i) / kSteps - 0.5);
    const Vector3d centre(kRadius - kWall / 2 + kReach * std::cos(a), 0, rise * std::sin(a));
    const Vector3d along = Vector3d(-kReach * std::sin(a), 0, rise * std::cos(a)).normalized();
    const Vector3d side = Vector3d::UnitY(), out = side.cross(along);
    for (int k = 0; k < kAround; ++k) {
      const double b = 2 * M_PI * k / kAround;
      mug.vertices_mm.push_back(
          (centre + kTube * (std::cos(b) * out + std::sin(b) * side)).cast<float>());
    }
  }
  CloseRings(first, kSteps + 1, kAround, /*loop=*/false, &mug);
  for (Eigen::Vector3f& v : mug.vertices_mm) v.x() += static_cast<float>(kAxisX);
  return mug;
}

// Folds run around it, deeper towards the wide end.
TriangleMesh Sleeve(double h) {
  constexpr int kRings = 40, kFolds = 6;
  constexpr double kWall = 0.03, kFold = 0.025;
  std::vector<Vector2d> profile;
  const double cuff = kSleeveCuff / 2;
  profile.emplace_back(kPole, -h / 2 + std::min(0.5, h / 4));
  profile.emplace_back(cuff - kWall, -h / 2 + std::min(0.5, h / 4));
  profile.emplace_back(cuff - kWall, -h / 2);
  for (int i = 0; i <= kRings; ++i) {
    const double t = static_cast<double>(i) / kRings;
    const double fold = kFold * t * (1 - std::cos(2 * M_PI * kFolds * std::pow(t, 0.8))) / 2;
    profile.emplace_back(cuff + (0.5 - cuff) * t - fold, h * (t - 0.5));
  }
  profile.back().x() = 0.5;
  return Revolve(profile, /*loop=*/false);
}

// Of width 1 in x, depth 1 in y and height `h` (in widths) in z.
TriangleMesh UnitSolid(Solid solid, double h) {
  switch (solid) {
    case Solid::kBox: {
      TriangleMesh box = Box();
      for (Eigen::Vector3f& v : box.vertices_mm) v.z() *= static_cast<float>(h);
      return box;
    }
    case Solid::kCylinder:
      return Revolve({{0.5, -h / 2}, {0.5, h / 2}}, /*loop=*/false);
    case Solid::kSphere: {
      TriangleMesh ball = Capsule(1);
      for (Eigen::Vector3f& v : ball.vertices_mm) v.z() *= static_cast<float>(h);
      return ball;
    }
    case Solid::kCapsule:
      return Capsule(h);
    case Solid::kTorus:
      return Torus(h);
    case Solid::kMug:
      return Mug(h);
    case Solid::kSleeve:
      return Sleeve(h);
  }
  return {};
}

}  // namespace

const std::array<const char*, kNumSolids> kSolidNames = {
    "box", "cylinder", "sphere", "capsule", "torus", "mug", "sleeve"};

TriangleMesh MakeSolid(Solid solid, const Vector3d& size_mm) {
  if (!(size_mm.minCoeff() > 0)) {
    throw UsageError(std::string("solid ") + kSolidNames[static_cast<int>(solid)] +
                     ": every size must be above 0 mm");
  }
  TriangleMesh mesh = UnitSolid(solid, size_mm.z() / size_mm.x());
  const Eigen::Vector3f scale(static_cast<float>(size_mm.x()),
                              static_cast<float>(size_mm.y()),
                              static_cast<float>(size_mm.x()));
  for (Eigen::Vector3f& v : mesh.vertices_mm) v = v.cwiseProduct(scale);
  return mesh;
}

}  // namespace handforge
