#include "render/subdivision.h"

#include <cmath>
#include <map>
#include <set>
#include <utility>

namespace handforge {
namespace {

using Triangles = std::vector<std::array<int, 3>>;
using SparseRow = std::map<int, double>;

void AddScaled(const SparseRow& row, double factor, SparseRow* out) {
  for (const auto& [index, weight] : row) (*out)[index] += factor * weight;
}

// One Loop step on rows that express each vertex by the original ones. Even vertices come first.
void Step(std::vector<SparseRow>* rows, Triangles* triangles, std::vector<int>* parents) {
  const size_t n = rows->size();
  std::vector<std::set<int>> neighbours(n);
  std::map<std::pair<int, int>, std::vector<int>> opposite;  // edge -> opposite vertices
  for (const auto& t : *triangles) {
    for (int e = 0; e < 3; ++e) {
      const int a = t[e], b = t[(e + 1) % 3], c = t[(e + 2) % 3];
      neighbours[a].insert(b);
      neighbours[b].insert(a);
      opposite[std::minmax(a, b)].push_back(c);
    }
  }

  // Even vertices: (1 - k beta) v + beta sum of the k neighbours.
  std::vector<SparseRow> refined(n);
  for (size_t v = 0; v < n; ++v) {
    if (neighbours[v].empty()) {  // of no triangle, as the middle of a cap that was cut off
      refined[v] = (*rows)[v];
      continue;
    }
    const double k = static_cast<double>(neighbours[v].size());
    const double inner = 3.0 / 8 + std::cos(2 * M_PI / k) / 4;
    const double beta = (5.0 / 8 - inner * inner) / k;
    AddScaled((*rows)[v], 1 - k * beta, &refined[v]);
    for (int u : neighbours[v]) AddScaled((*rows)[u], beta, &refined[v]);
  }

  // Odd vertices: 3/8 of the edge's ends and 1/8 of the two opposite vertices.
  std::map<std::pair<int, int>, int> odd;
  for (const auto& [edge, apexes] : opposite) {
    odd[edge] = static_cast<int>(refined.size());
    SparseRow row;
    const bool border = apexes.size() != 2;
    AddScaled((*rows)[edge.first], border ? 0.5 : 0.375, &row);
    AddScaled((*rows)[edge.second], border ? 0.5 : 0.375, &row);
    if (!border) {
      for (int apex : apexes) AddScaled((*rows)[apex], 0.125, &row);
    }
    refined.push_back(std::move(row));
  }

  Triangles split;
  std::vector<int> split_parents;
  for (size_t i = 0; i < triangles->size(); ++i) {
    const auto& [a, b, c] = (*triangles)[i];
    const int ab = odd[std::minmax(a, b)], bc = odd[std::minmax(b, c)], ca = odd[std::minmax(c, a)];
    for (const std::array<int, 3>& t :
         {std::array<int, 3>{a, ab, ca}, {ab, b, bc}, {ca, bc, c}, {ab, bc, ca}}) {
      split.push_back(t);
      split_parents.push_back((*parents)[i]);
    }
  }
  *rows = std::move(refined);
  *triangles = std::move(split);
  *parents = std::move(split_parents);
}

}  // namespace

Subdivision LoopSubdivide(size_t num_vertices, const Triangles& triangles, int steps) {
  std::vector<SparseRow> rows(num_vertices);
  for (size_t v = 0; v < num_vertices; ++v) rows[v][static_cast<int>(v)] = 1;
  Subdivision out;
  out.triangles = triangles;
  out.parent_triangle.resize(triangles.size());
  for (size_t i = 0; i < triangles.size(); ++i) out.parent_triangle[i] = static_cast<int>(i);
  for (int s = 0; s < steps; ++s) Step(&rows, &out.triangles, &out.parent_triangle);
  for (const SparseRow& row : rows) {
    Stencil stencil;
    for (const auto& [index, weight] : row) {
      stencil.terms.emplace_back(index, static_cast<float>(weight));
    }
    out.stencils.push_back(std::move(stencil));
  }
  return out;
}

std::vector<Eigen::Vector3d> CompensateShrinkage(const std::vector<Eigen::Vector3d>& positions,
                                                 const Subdivision& subdivision) {
  constexpr int kIterations = 3;
  constexpr double kStep = 0.8;  // below 1: sharp vertices would oscillate
  std::vector<Eigen::Vector3d> control = positions;
  for (int i = 0; i < kIterations; ++i) {
    std::vector<Eigen::Vector3d> next = control;
    for (size_t v = 0; v < positions.size(); ++v) {
      Eigen::Vector3d at = Eigen::Vector3d::Zero();
      for (const auto& [index, weight] : subdivision.stencils[v].terms)
        at += weight * control[index];
      next[v] += kStep * (positions[v] - at);
    }
    control = std::move(next);
  }
  return control;
}

}  // namespace handforge
