// The same meshes, cameras and picture size as the benchmark Depth, with Open3D's RaycastingScene.
#include "tests/bench/bench_hands.h"

#include <benchmark/benchmark.h>
#include <open3d/t/geometry/RaycastingScene.h>

namespace handforge {
namespace {

namespace o3d = open3d::core;

void Open3dDepth(benchmark::State& state) {
  const Rig& rig = TestRig();
  std::vector<o3d::Tensor> vertices, rays;
  std::vector<uint32_t> indices;
  for (const auto& t : rig.triangles) indices.insert(indices.end(), t.begin(), t.end());
  const o3d::Tensor triangles(
      indices, {static_cast<int64_t>(rig.triangles.size()), 3}, o3d::Dtype::UInt32);
  for (int i = 0; i < kHands; ++i) {
    std::vector<float> numbers;
    for (const Eigen::Vector3f& x : Surfaces()[i]) {
      numbers.insert(numbers.end(), x.data(), x.data() + 3);
    }
    vertices.emplace_back(
        numbers, o3d::SizeVector{static_cast<int64_t>(numbers.size() / 3), 3}, o3d::Dtype::Float32);
    const PinholeCamera camera = CameraOn(Poses()[i]);
    std::vector<float> ray_numbers;
    for (int y = 0; y < camera.height_px; ++y) {
      for (int x = 0; x < camera.width_px; ++x) {
        const Eigen::Vector3d d = camera.Ray({static_cast<double>(x), static_cast<double>(y)});
        for (const double number : {0.0, 0.0, 0.0, d.x(), d.y(), d.z()}) {
          ray_numbers.push_back(static_cast<float>(number));
        }
      }
    }
    rays.emplace_back(
        ray_numbers, o3d::SizeVector{camera.height_px, camera.width_px, 6}, o3d::Dtype::Float32);
  }
  int i = 0;
  for (auto _ : state) {
    const int hand = i++ % kHands;
    open3d::t::geometry::RaycastingScene scene(/*nthreads=*/1);
    scene.AddTriangles(vertices[hand], triangles);
    benchmark::DoNotOptimize(scene.CastRays(rays[hand], /*nthreads=*/1));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Open3dDepth)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace handforge
