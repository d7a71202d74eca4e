// Our side of tests/render/blender/compare_speed.py: writes hands, cameras and a light probe for
// Blender's Cycles, and measures our own depth and pictures of the same scenes, one thread.
//   cycles_bench FOLDER HANDS
// Leaves FOLDER/0.glb ..., cameras.json and light.hdr; prints one line of JSON: median seconds of a
// depth image and of a picture of 16 samples with all layers, and the errors over the hand against
// 1,024 samples, as a share of its mean, of that picture and of 128 plain samples.
#include "io/assets.h"
#include "io/files.h"
#include "render/mesh_file.h"
#include "render/path_shader.h"
#include "render/tuple_renderer.h"
#include "tests/bench/bench_hands.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>

#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kSidePx = 256;
constexpr int kReferenceSamples = 1024;
constexpr int kPlainSamples = 128;

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double SecondsOf(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The probe that our light comes from, +y up, columns from +x over +z.
void WriteProbe(const LightProbe& probe, const fs::path& file) {
  constexpr int kWidth = 192, kHeight = kWidth / 2;
  cv::Mat image(kHeight, kWidth, CV_32FC3);
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const double phi = 2 * M_PI * (x + 0.5) / kWidth, theta = M_PI * (y + 0.5) / kHeight;
      const Eigen::Vector3f light = probe.Radiance(Eigen::Vector3d(std::sin(theta) * std::cos(phi),
                                                                   std::cos(theta),
                                                                   std::sin(theta) * std::sin(phi))
                                                       .cast<float>());
      image.at<cv::Vec3f>(y, x) = {light.z(), light.y(), light.x()};
    }
  }
  cv::imwrite(file.string(), image);
}

// Root mean square difference over pixels that the hand covers, over the mean there.
double RelativeError(const ShadedLayer& layer, const ShadedLayer& reference) {
  double squares = 0, sum = 0;
  int64_t n = 0;
  for (size_t p = 0; p < layer.cover.size(); ++p) {
    if (layer.cover[p] < 1) continue;
    for (size_t c = 3 * p; c < 3 * p + 3; ++c, ++n) {
      const double d = layer.radiance.pixels[c] - reference.radiance.pixels[c];
      squares += d * d;
      sum += reference.radiance.pixels[c];
    }
  }
  const auto count = static_cast<double>(n);
  return std::sqrt(squares / count) / (sum / count);
}

class Bench {
 public:
  Bench() : scene_(TestRig()), shader_(TestRig()) {
    Random random(1, 0, 0, Purpose::kSkin);
    materials_.hand.skin = SampleSkin(random);
    lights_.probe = &environment_.probe();
    lights_.probe_from_cam = Eigen::Vector3f(1, -1, -1).asDiagonal();
  }
  const LightProbe& probe() const { return environment_.probe(); }
  Eigen::Vector3f albedo() const { return materials_.hand.skin.back; }

  void Measure(int hand) {
    constexpr int kRepeats = 5;
    Tuple tuple;
    tuple.rig = Poses()[hand];
    tuple.camera = CameraOn(tuple.rig);
    tuple.joints_in_cam = JointsOf(TestRig(), ToBonePoses(tuple.rig));
    materials_.hand.bend = BendOf(tuple.rig);
    ShadedLayer layer;
    for (int i = 0; i < kRepeats; ++i) {
      depth_s.push_back(SecondsOf([&] {
        scene_.SetPose(tuple.rig);
        scene_.Trace(tuple.camera);
        sink_ += scene_.Depth().pixels[0];
      }));
    }
    for (int i = 0; i < kRepeats; ++i) {
      picture_s.push_back(SecondsOf([&] {
        RenderLabels(&scene_, &tuple);
        RenderLayers(scene_, kLayerNames, nullptr, &tuple);
        layer = Shade(PathShaderOptions(), 1);
      }));
    }
    PathShaderOptions reference;
    reference.samples = kReferenceSamples;
    reference.denoise = false;
    const ShadedLayer truth = Shade(reference, 2);
    error.push_back(RelativeError(layer, truth));
    PathShaderOptions plain = reference;
    plain.samples = kPlainSamples;
    plain.sequence = SampleSequence::Kind::kIndependent;
    plain_error.push_back(RelativeError(Shade(plain, 3), truth));
  }

  std::vector<double> depth_s, picture_s, error, plain_error;

 private:
  ShadedLayer Shade(const PathShaderOptions& options, uint64_t key) {
    return shader_.Shade(scene_, materials_, lights_, options, kSidePx, key);
  }

  HandScene scene_;
  PathShader shader_;
  Environment environment_ = Environment::Load(HdriFiles().at(0), 16);
  SceneLights lights_;
  SceneMaterials materials_;
  uint64_t sink_ = 0;  // keeps the work
};

int Run(const fs::path& folder, int hands) {
  fs::create_directories(folder);
  Bench bench;
  json cameras = json::array();
  for (int i = 0; i < hands; ++i) {
    WriteMeshFile({{"hand", {Surfaces()[i], TestRig().triangles}}},
                  folder / (std::to_string(i) + ".glb"));
    const PinholeCamera camera = CameraOn(Poses()[i]);
    cameras.push_back({{"fx", camera.fx},
                       {"fy", camera.fy},
                       {"cx", camera.cx},
                       {"cy", camera.cy},
                       {"size", camera.width_px}});
    bench.Measure(i);
  }
  const Eigen::Vector3f albedo = bench.albedo();
  PublishText(folder / "cameras.json", cameras.dump());
  PublishText(folder / "albedo.json", json({albedo.x(), albedo.y(), albedo.z()}).dump());
  WriteProbe(bench.probe(), folder / "light.hdr");
  std::cout << json({{"depth_s", Median(bench.depth_s)},
                     {"picture_s", Median(bench.picture_s)},
                     {"error", Median(bench.error)},
                     {"plain_error", Median(bench.plain_error)}})
                   .dump()
            << std::endl;
  return 0;
}

}  // namespace
}  // namespace handforge

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: cycles_bench FOLDER HANDS\n";
    return 2;
  }
  return handforge::Run(argv[1], std::clamp(std::atoi(argv[2]), 1, handforge::kHands));
}
