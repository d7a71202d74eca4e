#include "render/forearm.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <Eigen/Geometry>

namespace handforge {
namespace {

using Eigen::Vector3d;
using Triangles = std::vector<std::array<int, 3>>;

std::set<size_t> FindCap(const std::vector<Vector3d>& x,
                         const Triangles& triangles,
                         double wrist_z_mm) {
  constexpr double kFacing = 0.85;
  std::map<std::pair<int, int>, size_t> candidate_of_edge;
  std::set<size_t> candidates;
  for (size_t i = 0; i < triangles.size(); ++i) {
    const auto& [a, b, c] = triangles[i];
    const Vector3d normal = (x[b] - x[a]).cross(x[c] - x[a]).normalized();
    if (normal.z() < kFacing || std::min({x[a].z(), x[b].z(), x[c].z()}) < wrist_z_mm) continue;
    candidates.insert(i);
    for (int e = 0; e < 3; ++e) {
      candidate_of_edge[{triangles[i][e], triangles[i][(e + 1) % 3]}] = i;
    }
  }
  std::set<size_t> best;
  while (!candidates.empty()) {
    std::set<size_t> patch;
    std::vector<size_t> open = {*candidates.begin()};
    while (!open.empty()) {
      const size_t i = open.back();
      open.pop_back();
      if (candidates.erase(i) == 0) continue;
      patch.insert(i);
      for (int e = 0; e < 3; ++e) {
        const auto next = candidate_of_edge.find({triangles[i][(e + 1) % 3], triangles[i][e]});
        if (next != candidate_of_edge.end()) open.push_back(next->second);
      }
    }
    if (patch.size() > best.size()) best = std::move(patch);
  }
  return best;
}

// Border of the cap as a cycle, in the direction of the cap's own edges; empty where the border is
// not one simple cycle.
std::vector<int> BorderLoop(const Triangles& triangles, const std::set<size_t>& cap) {
  std::set<std::pair<int, int>> edges;
  for (size_t i : cap) {
    for (int e = 0; e < 3; ++e) edges.insert({triangles[i][e], triangles[i][(e + 1) % 3]});
  }
  std::map<int, int> next;
  size_t border = 0;
  for (const auto& [a, b] : edges) {
    if (edges.count({b, a}) > 0) continue;
    next[a] = b;
    ++border;
  }
  std::vector<int> loop;
  if (next.empty()) return loop;
  int v = next.begin()->first;
  do {
    loop.push_back(v);
    const auto it = next.find(v);
    if (it == next.end()) return {};
    v = it->second;
  } while (v != loop.front() && loop.size() <= border);
  if (loop.size() != border) return {};
  return loop;
}

}  // namespace

ForearmGrowth GrowForearm(const std::vector<Vector3d>& positions,
                          const Triangles& triangles,
                          double wrist_z_mm,
                          double length_mm) {
  constexpr std::array<double, 10> kRings = {0.03, 0.07, 0.12, 0.19, 0.28, 0.4, 0.54, 0.7, 0.85, 1};
  constexpr double kLevelling = 0.15;  // part of the length over which an oblique loop is levelled
  ForearmGrowth out;
  const std::set<size_t> cap = FindCap(positions, triangles, wrist_z_mm);
  const std::vector<int> loop = BorderLoop(triangles, cap);
  if (loop.size() < 3) return out;

  Vector3d centre = Vector3d::Zero();
  double z_end = positions[loop[0]].z();
  for (int v : loop) {
    centre += positions[v] / static_cast<double>(loop.size());
    z_end = std::max(z_end, positions[v].z());
  }
  for (size_t i = 0; i < triangles.size(); ++i) {
    if (cap.count(i) == 0) out.triangles.push_back(triangles[i]);
  }

  const int n = static_cast<int>(loop.size());
  std::vector<int> ring = loop;
  for (double t : kRings) {
    std::vector<int> next_ring;
    for (int v : loop) {
      Vector3d x = positions[v];
      x.x() = centre.x() + (x.x() - centre.x()) * (1 + 0.6 * t);
      x.y() = centre.y() + (x.y() - centre.y()) * (1 + 0.9 * t);
      x.z() += t * length_mm + (z_end - x.z()) * std::min(1.0, t / kLevelling);
      next_ring.push_back(static_cast<int>(positions.size() + out.positions.size()));
      out.positions.push_back(x);
    }
    for (int i = 0; i < n; ++i) {
      const int a = ring[i], b = ring[(i + 1) % n], a2 = next_ring[i], b2 = next_ring[(i + 1) % n];
      out.triangles.push_back({a, b, b2});
      out.triangles.push_back({a, b2, a2});
    }
    ring = std::move(next_ring);
  }
  const int apex = static_cast<int>(positions.size() + out.positions.size());
  out.positions.push_back(Vector3d(centre.x(), centre.y(), z_end + 1.03 * length_mm));
  for (int i = 0; i < n; ++i) out.triangles.push_back({ring[i], ring[(i + 1) % n], apex});
  return out;
}

}  // namespace handforge
