// Cost of a hand: fit, skin, depth image, labels, picture. One thread each.
#include "io/assets.h"
#include "render/embree_compat.h"
#include "render/path_shader.h"
#include "render/tuple_renderer.h"
#include "synth/nearest_hand.h"
#include "tests/bench/bench_hands.h"

#include <algorithm>
#include <cmath>

#include <benchmark/benchmark.h>

namespace handforge {
namespace {

struct PixelBox {
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0;  // half-open
};

PixelBox BoxOf(const std::vector<Eigen::Vector3f>& surface, const PinholeCamera& camera) {
  Eigen::Array2d low = Eigen::Array2d::Constant(1e9), high = -low;
  for (const Eigen::Vector3f& x : surface) {
    const Eigen::Array2d at = camera.Project(Eigen::Vector3d(x.cast<double>())).array();
    low = low.min(at);
    high = high.max(at);
  }
  const auto side = [](double px) { return static_cast<int>(std::clamp(px, 0.0, 256.0)); };
  return {side(low.x()), side(low.y()), side(high.x() + 2), side(high.y() + 2)};
}

void Fit(benchmark::State& state) {
  std::vector<Joints3> targets;
  for (const RigPose& pose : Poses()) targets.push_back(JointsOf(TestRig(), ToBonePoses(pose)));
  int i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(FitRig(TestRig(), targets[i++ % kHands]));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Fit);

void NearestHandOfNoisyJoints(benchmark::State& state) {
  std::vector<Joints3> targets;
  Random random(1, 0, 0, Purpose::kTest);
  for (const RigPose& pose : Poses()) {
    Joints3 joints = JointsOf(TestRig(), ToBonePoses(pose));
    for (int j = 0; j < kNumJoints; ++j) {
      for (int c = 0; c < 3; ++c) joints(j, c) += random.Normal(0, 4);
    }
    targets.push_back(joints);
  }
  int i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        FindNearestHand(TestRig(), targets[i++ % kHands], 0, 0, NearestHandOptions()).rms_mm);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(NearestHandOfNoisyJoints)->Unit(benchmark::kMicrosecond);

void Skin(benchmark::State& state) {
  std::vector<Eigen::Vector3f> surface;
  int i = 0;
  for (auto _ : state) PoseSurface(TestRig(), ToBonePoses(Poses()[i++ % kHands]), &surface);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Skin)->Unit(benchmark::kMicrosecond);

// The floor: a loop that only commits the posed mesh to Embree and traces the rays of the hand's
// projected box 8-wide, nothing else. Argument 0: a static scene, as in Embree's tutorials; 1: the
// fastest of Embree's ways, a dynamic scene whose hierarchy is refitted.
void CommitAndTraceOnly(benchmark::State& state) {
  const bool refit = state.range(0) == 1;
  RTCDevice device = rtcNewDevice("threads=1,set_affinity=0");
  RTCScene scene = rtcNewScene(device);
  rtcSetSceneFlags(scene, refit ? RTC_SCENE_FLAG_DYNAMIC : RTC_SCENE_FLAG_NONE);
  // Otherwise the scene is built anew at each commit, whatever its meshes ask for.
  if (refit) rtcSetSceneBuildQuality(scene, RTC_BUILD_QUALITY_LOW);
  RTCGeometry mesh = rtcNewGeometry(device, RTC_GEOMETRY_TYPE_TRIANGLE);
  rtcSetGeometryBuildQuality(mesh, refit ? RTC_BUILD_QUALITY_REFIT : RTC_BUILD_QUALITY_MEDIUM);
  const Rig& rig = TestRig();
  auto* vertices = static_cast<Eigen::Vector3f*>(rtcSetNewGeometryBuffer(
      mesh, RTC_BUFFER_TYPE_VERTEX, 0, RTC_FORMAT_FLOAT3, 12, rig.num_surface_vertices()));
  auto* indices = static_cast<std::array<int, 3>*>(rtcSetNewGeometryBuffer(
      mesh, RTC_BUFFER_TYPE_INDEX, 0, RTC_FORMAT_UINT3, 12, rig.triangles.size()));
  std::copy(rig.triangles.begin(), rig.triangles.end(), indices);
  std::copy(rig.surface_rest.begin(), rig.surface_rest.end(), vertices);
  rtcCommitGeometry(mesh);
  rtcAttachGeometry(scene, mesh);
  rtcCommitScene(scene);
  std::vector<PixelBox> boxes;
  for (int i = 0; i < kHands; ++i) boxes.push_back(BoxOf(Surfaces()[i], CameraOn(Poses()[i])));

  alignas(32) RTCRayHit8 packet{};
  alignas(32) int valid[8];
  int i = 0;
  for (auto _ : state) {
    const int hand = i++ % kHands;
    std::copy(Surfaces()[hand].begin(), Surfaces()[hand].end(), vertices);
    rtcUpdateGeometryBuffer(mesh, RTC_BUFFER_TYPE_VERTEX, 0);
    rtcCommitGeometry(mesh);
    rtcCommitScene(scene);
    const PinholeCamera camera = CameraOn(Poses()[hand]);
    const PixelBox& box = boxes[hand];
    RayQuery query(/*coherent=*/true);
    for (int y = box.y0; y < box.y1; y += 2) {
      for (int x = box.x0; x < box.x1; x += 4) {
        for (int k = 0; k < 8; ++k) {
          const int px = x + k % 4, py = y + k / 4;
          valid[k] = px < box.x1 && py < box.y1 ? -1 : 0;
          packet.ray.dir_x[k] = static_cast<float>((px - camera.cx) / camera.fx);
          packet.ray.dir_y[k] = static_cast<float>((py - camera.cy) / camera.fy);
          packet.ray.dir_z[k] = 1;
          packet.ray.tnear[k] = 1;
          packet.ray.tfar[k] = INFINITY;
          packet.ray.mask[k] = ~0u;
          packet.hit.geomID[k] = RTC_INVALID_GEOMETRY_ID;
          packet.hit.instID[0][k] = RTC_INVALID_GEOMETRY_ID;
        }
        query.Intersect8(valid, scene, &packet);
        benchmark::DoNotOptimize(packet.ray.tfar[0]);
      }
    }
  }
  state.SetItemsProcessed(state.iterations());
  rtcReleaseGeometry(mesh);
  rtcReleaseScene(scene);
  rtcReleaseDevice(device);
}
BENCHMARK(CommitAndTraceOnly)->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

// Pose to finished 256 x 256 depth image.
void Depth(benchmark::State& state) {
  HandScene scene(TestRig());
  int i = 0;
  for (auto _ : state) {
    const RigPose& pose = Poses()[i++ % kHands];
    scene.SetPose(pose);
    scene.Trace(CameraOn(pose));
    benchmark::DoNotOptimize(scene.Depth().pixels.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Depth)->Unit(benchmark::kMicrosecond);

// Pose to depth, mask, box and visibility: what `synth` does for a tuple.
void Labels(benchmark::State& state) {
  HandScene scene(TestRig());
  std::vector<Tuple> tuples(kHands);
  for (int i = 0; i < kHands; ++i) {
    tuples[i].rig = Poses()[i];
    tuples[i].camera = CameraOn(Poses()[i]);
    tuples[i].joints_in_cam = JointsOf(TestRig(), ToBonePoses(Poses()[i]));
  }
  int i = 0;
  for (auto _ : state) RenderLabels(&scene, &tuples[i++ % kHands]);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Labels)->Unit(benchmark::kMicrosecond);

// Pose to finished picture of 256 x 256 pixels with depth, mask and every optional layer; argument:
// paths per pixel.
void PictureAndLayers(benchmark::State& state) {
  HandScene scene(TestRig());
  PathShader shader(TestRig());
  Random random(1, 0, 0, Purpose::kSkin);
  const Environment environment = Environment::Load(HdriFiles().at(0), 16);
  SceneLights lights;
  lights.probe = &environment.probe();
  PathShaderOptions options;
  options.samples = static_cast<int>(state.range(0));
  SceneMaterials materials;
  materials.hand.skin = SampleSkin(random);
  std::vector<Tuple> tuples(kHands);
  for (int i = 0; i < kHands; ++i) {
    tuples[i].rig = Poses()[i];
    tuples[i].camera = CameraOn(Poses()[i]);
    tuples[i].joints_in_cam = JointsOf(TestRig(), ToBonePoses(Poses()[i]));
  }
  int i = 0;
  for (auto _ : state) {
    Tuple& tuple = tuples[i++ % kHands];
    RenderLabels(&scene, &tuple);
    RenderLayers(scene, kLayerNames, nullptr, &tuple);
    materials.hand.bend = BendOf(tuple.rig);
    const ShadedLayer layer =
        shader.Shade(scene, materials, lights, options, 256, static_cast<uint64_t>(i));
    benchmark::DoNotOptimize(layer.radiance.pixels.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(PictureAndLayers)->Arg(4)->Arg(16)->Arg(64)->Unit(benchmark::kMillisecond);

// A whole rendered tuple, picture included; argument 0: the fast shader, 1: path tracing.
void RenderedTuple(benchmark::State& state) {
  RenderOptions options;
  options.light.shader = state.range(0) == 0 ? "fast" : "path";
  options.rig = SourcePath("configs/rigs/generic-hand.yaml");
  options.pose.gestures = SourcePath("configs/poses/gestures.yaml");
  const RenderWorld world = RenderWorld::Load(options);
  TupleRenderer renderer(world);
  std::map<std::string, uint64_t> rejections;
  uint64_t index = 0;
  for (auto _ : state) benchmark::DoNotOptimize(renderer.Render(index++, &rejections).index);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(RenderedTuple)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace handforge
