#include "render/object_shading.h"

#include <algorithm>
#include <cmath>

namespace handforge {
namespace {

using Eigen::Vector3f;

constexpr int kStep = 4;               // pixels between shadow tests
constexpr float kSkyOfBlocked = 0.2f;  // of what is blocked, this much comes back from what blocks
constexpr float kOffSurfaceMm = 0.05f;

class Shader {
 public:
  Shader(const HandScene& scene, const ObjectLighting& lighting)
      : scene_(scene), hits_(scene.all_hits()), lighting_(lighting) {
    const Eigen::Matrix3f cam_from_environment = lighting.environment_from_cam.transpose();
    for (const DistantLight& light : lighting.environment->lights()) {
      directions_.push_back(cam_from_environment * light.direction);
    }
  }

  ImageF32 Run() {
    MeasureOpenness();
    ImageF32 image(hits_.width, hits_.height, 3);
    for (int y = 0; y < hits_.height; ++y) {
      for (int x = 0; x < hits_.width; ++x) {
        if (!ShowsObject(x, y)) continue;
        const HandScene::Place place = PlaceAt(x, y);
        const Vector3f albedo =
            lighting_.paint[scene_.ObjectAt(place)].At(scene_.InObject(place, PositionAt(x, y)));
        const float open = Openness(x, y);
        const Vector3f light =
            (open + kSkyOfBlocked * (1 - open)) * Irradiance(NormalAt(x, y), nullptr);
        for (int c = 0; c < 3; ++c) image.at(x, y, c) = albedo[c] * light[c];
      }
    }
    return image;
  }

 private:
  size_t Offset(int x, int y) const { return static_cast<size_t>(y) * hits_.width + x; }
  HandScene::Place PlaceAt(int x, int y) const {
    return scene_.Locate(hits_.triangle[Offset(x, y)]);
  }
  bool ShowsObject(int x, int y) const {
    if (hits_.triangle[Offset(x, y)] == PrimaryHits::kMiss) return false;
    return scene_.PartAt(PlaceAt(x, y)) == kPartObject;
  }
  Vector3f PositionAt(int x, int y) const {
    const Eigen::Vector3d ray =
        scene_.camera().Ray({static_cast<double>(x), static_cast<double>(y)});
    return hits_.depth_mm[Offset(x, y)] * ray.cast<float>();
  }
  Vector3f NormalAt(int x, int y) const {
    const HandScene::Place place = PlaceAt(x, y);
    const auto& v = scene_.VerticesOf(place.body);
    const auto& t = scene_.TriangleAt(place);
    Vector3f n = (v[t[1]] - v[t[0]]).cross(v[t[2]] - v[t[0]]).normalized();
    if (n.z() > 0) n = -n;  // an open surface seen from behind
    return n;
  }

  // Divided by pi.
  Vector3f Irradiance(const Vector3f& normal, const std::vector<uint8_t>* blocked) const {
    Vector3f sum = Vector3f::Zero();
    const auto& lights = lighting_.environment->lights();
    for (size_t i = 0; i < lights.size(); ++i) {
      if (blocked != nullptr && (*blocked)[i] != 0) continue;
      sum += std::max(0.0f, normal.dot(directions_[i])) * lights[i].radiance;
    }
    return sum / static_cast<float>(M_PI);
  }

  float OpennessAt(int x, int y) {
    const Vector3f normal = NormalAt(x, y);
    const Vector3f at = PositionAt(x, y) + kOffSurfaceMm * normal;
    scene_.rays().Occluded(at, directions_, &blocked_);
    const float all = Irradiance(normal, nullptr).sum();
    return all > 0 ? Irradiance(normal, &blocked_).sum() / all : 1;
  }

  void MeasureOpenness() {
    columns_ = hits_.width / kStep + 2;
    rows_ = hits_.height / kStep + 2;
    openness_.assign(static_cast<size_t>(columns_) * rows_, -1);
    for (int y = 0; y < hits_.height; y += kStep) {
      for (int x = 0; x < hits_.width; x += kStep) {
        if (ShowsObject(x, y)) {
          openness_[static_cast<size_t>(y / kStep) * columns_ + x / kStep] = OpennessAt(x, y);
        }
      }
    }
  }

  // Bilinear over the neighbours that show objects; measured here where there is none.
  float Openness(int x, int y) {
    float sum = 0, weights = 0;
    for (int k = 0; k < 4; ++k) {
      const int c = x / kStep + k % 2, r = y / kStep + k / 2;
      const float open = openness_[static_cast<size_t>(r) * columns_ + c];
      if (open < 0) continue;
      const float wx = 1 - std::abs(static_cast<float>(x - kStep * c)) / kStep;
      const float wy = 1 - std::abs(static_cast<float>(y - kStep * r)) / kStep;
      sum += wx * wy * open;
      weights += wx * wy;
    }
    return weights > 0 ? sum / weights : OpennessAt(x, y);
  }

  const HandScene& scene_;
  const PrimaryHits& hits_;
  const ObjectLighting& lighting_;
  std::vector<Vector3f> directions_;
  std::vector<uint8_t> blocked_;
  std::vector<float> openness_;
  int columns_ = 0, rows_ = 0;
};

}  // namespace

ImageF32 ShadeObjects(const HandScene& scene, const ObjectLighting& lighting) {
  return Shader(scene, lighting).Run();
}

}  // namespace handforge
