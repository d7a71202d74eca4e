#include "synth/skin_tone.h"

#include "render/backdrop.h"
#include "render/photo.h"
#include "render/srgb.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Geometry>

namespace handforge {
namespace {

using Eigen::Vector3f;

// Reflectances of real skin lie well within this.
constexpr float kDarkest = 0.01f;
constexpr float kBrightest = 0.9f;
constexpr float kWhite = 0.55f;  // signal of a white surface under mean light

// Over the pixels that show the hand.
Vector3f MeanRadiance(const ImageF32& shaded, const PrimaryHits& hits) {
  Vector3f sum = Vector3f::Zero();
  int count = 0;
  for (size_t i = 0; i < hits.triangle.size(); ++i) {
    if (hits.triangle[i] == PrimaryHits::kMiss) continue;
    for (int c = 0; c < 3; ++c) sum[c] += shaded.pixels[3 * i + static_cast<size_t>(c)];
    ++count;
  }
  return count == 0 ? sum : Vector3f(sum / static_cast<float>(count));
}

Lighting DrawLighting(const std::vector<Environment>& environments, Random* random) {
  Lighting lighting;
  lighting.environment = &environments[static_cast<size_t>(
      random->Integer(static_cast<int64_t>(environments.size())))];
  // Camera y points down, the probe's y up.
  lighting.environment_from_cam =
      (Eigen::AngleAxisd(random->Uniform(0, 2 * M_PI), Eigen::Vector3d::UnitY())
           .toRotationMatrix() *
       Eigen::Vector3d(1, -1, -1).asDiagonal())
          .cast<float>();
  return lighting;
}

}  // namespace

Vector3f MeanLinearColour(const ImageU8& rgb, const ImageU8& weight) {
  Vector3f sum = Vector3f::Zero();
  int count = 0;
  for (int y = 0; y < rgb.height; ++y) {
    for (int x = 0; x < rgb.width; ++x) {
      if (weight.at(x, y) < 128) continue;
      for (int c = 0; c < 3; ++c) sum[c] += LinearFromSrgb(rgb.at(x, y, c));
      ++count;
    }
  }
  return count == 0 ? sum : Vector3f(sum / static_cast<float>(count));
}

ImageU8 RenderWithToneOf(const ImageU8& decoded_rgb,
                         const ImageU8& decoded_alpha,
                         const std::vector<Environment>& environments,
                         const RigPose& pose,
                         const HandScene& scene,
                         Random skin_random,
                         Random light_random,
                         HandShader* shader) {
  SkinAppearance skin = SampleSkin(skin_random);
  const HandBend bend = BendOf(pose);
  const Lighting lighting = DrawLighting(environments, &light_random);
  const Backdrop backdrop = DrawBackdrop(BackdropOptions(), PhotographFolder(), light_random);

  const Vector3f wanted = MeanLinearColour(decoded_rgb, decoded_alpha);
  // Specular light does not follow the skin's colour, so one step falls short.
  constexpr int kSteps = 3;
  for (int step = 0; step < kSteps; ++step) {
    const Vector3f got =
        kWhite * MeanRadiance(shader->Shade(scene, skin, bend, lighting), scene.hits());
    for (int c = 0; c < 3; ++c) {
      const float ratio = wanted[c] / std::max(got[c], 1e-3f);
      for (Vector3f* tone : {&skin.back, &skin.palm, &skin.nail}) {
        (*tone)[c] = std::clamp((*tone)[c] * ratio, kDarkest, kBrightest);
      }
    }
  }
  ImageF32 picture = PaintBackdrop(backdrop,
                                   *lighting.environment,
                                   lighting.environment_from_cam,
                                   scene.camera(),
                                   decoded_rgb.width);
  Composite(shader->Shade(scene, skin, bend, lighting), scene.hits(), kWhite, &picture);
  return TakePhoto(picture, PhotoSettings(), light_random);
}

}  // namespace handforge
