// Cost of a hand: fit, skin, depth image, labels, picture. One thread each.
#include "render/tuple_renderer.h"
#include "synth/nearest_hand.h"
#include "tests/render/render_testing.h"

#include <benchmark/benchmark.h>

namespace handforge {
namespace {

constexpr int kHands = 64;

const std::vector<RigPose>& Poses() {
  static const auto poses = [] {
    std::vector<RigPose> p;
    for (int i = 0; i < kHands; ++i) p.push_back(ToRigPose(DrawHand(1, i).poses_in_cam));
    return p;
  }();
  return poses;
}

PinholeCamera CameraOn(const RigPose& pose) {
  const Joints3 joints = JointsOf(TestRig(), ToBonePoses(pose));
  const double z = joints.col(2).mean();
  PinholeCamera camera = PinholeCamera::Centred(256, 256 * z / 280);
  camera.cx -= camera.fx * joints.col(0).mean() / z;
  camera.cy -= camera.fy * joints.col(1).mean() / z;
  return camera;
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
  std::vector<Eigen::Vector3f> skinned, surface;
  int i = 0;
  for (auto _ : state)
    PoseSurface(TestRig(), ToBonePoses(Poses()[i++ % kHands]), &skinned, &surface);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Skin)->Unit(benchmark::kMicrosecond);

// The floor: commit the posed mesh and trace the same rays, nothing else.
void CommitAndTraceOnly(benchmark::State& state) {
  RayCaster caster(TestRig().num_surface_vertices(), TestRig().triangles);
  std::vector<std::vector<Eigen::Vector3f>> surfaces(kHands);
  std::vector<Eigen::Vector3f> skinned;
  for (int i = 0; i < kHands; ++i)
    PoseSurface(TestRig(), ToBonePoses(Poses()[i]), &skinned, &surfaces[i]);
  PrimaryHits hits;
  int i = 0;
  for (auto _ : state) {
    const int hand = i++ % kHands;
    caster.SetVertices(surfaces[hand]);
    caster.Trace(CameraOn(Poses()[hand]), &hits);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(CommitAndTraceOnly)->Unit(benchmark::kMicrosecond);

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

// A whole rendered tuple, picture included.
void RenderedTuple(benchmark::State& state) {
  RenderOptions options;
  options.rig = SourcePath("configs/rigs/generic-hand.yaml");
  options.pose.gestures = SourcePath("configs/poses/gestures.yaml");
  const RenderWorld world = RenderWorld::Load(options);
  TupleRenderer renderer(world);
  std::map<std::string, uint64_t> rejections;
  uint64_t index = 0;
  for (auto _ : state) benchmark::DoNotOptimize(renderer.Render(index++, &rejections).index);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(RenderedTuple)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace handforge
