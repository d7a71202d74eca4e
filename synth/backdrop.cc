#include "synth/backdrop.h"

#include "render/backdrop.h"
#include "render/photo.h"
#include "synth/develop.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <Eigen/Geometry>

namespace handforge {
namespace {

ImageU8 PlainColour(int size_px, Random* random) {
  std::array<double, 3> colour;
  const double grey = random->Uniform(20, 235);
  for (double& c : colour) c = std::clamp(grey + random->Uniform(-30, 30), 0.0, 255.0);
  ImageU8 image(size_px, size_px, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<uint8_t>(std::lround(colour[i % 3]));
  }
  return image;
}

// As render/backdrop.h paints it, seen by a level camera that looks to any side.
ImageU8 PaintedBackdrop(const SynthWorld& world, int size_px, Random* random) {
  const Environment& probe = world.environments[static_cast<size_t>(
      random->Integer(static_cast<int64_t>(world.environments.size())))];
  const double heading = random->Uniform(0, 2 * M_PI), tilt = random->Uniform(-0.5, 0.5);
  // Camera y points down, the probe's y up.
  const Eigen::Matrix3d upright = Eigen::Vector3d(1, -1, -1).asDiagonal();
  const Eigen::Matrix3d probe_from_cam =
      Eigen::AngleAxisd(heading, Eigen::Vector3d::UnitY()).toRotationMatrix() * upright *
      Eigen::AngleAxisd(tilt, Eigen::Vector3d::UnitX()).toRotationMatrix();
  const Backdrop backdrop =
      DrawBackdrop({0, world.photographs.empty() ? 0.0 : 1.0}, world.photographs, *random);
  const ImageF32 radiance =
      PaintBackdrop(backdrop, probe, probe_from_cam.cast<float>(), world.Camera(), size_px);
  return TakePhoto(radiance, PhotoSettings(), *random);
}

}  // namespace

ImageU8 BlendByAlpha(const ImageU8& over, const ImageU8& alpha, const ImageU8& under) {
  ImageU8 out = over;
  for (size_t i = 0; i < out.pixels.size(); ++i) {
    const double share = alpha.pixels[i / 3] / 255.0;
    out.pixels[i] =
        static_cast<uint8_t>(std::lround(share * over.pixels[i] + (1 - share) * under.pixels[i]));
  }
  return out;
}

ImageU8 MeanOfBlocks(const ImageU8& image, int factor) {
  ImageU8 out(image.width / factor, image.height / factor, image.channels);
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      for (int c = 0; c < out.channels; ++c) {
        int sum = 0;
        for (int dy = 0; dy < factor; ++dy) {
          for (int dx = 0; dx < factor; ++dx) {
            sum += image.at(x * factor + dx, y * factor + dy, c);
          }
        }
        out.at(x, y, c) = static_cast<uint8_t>((sum + factor * factor / 2) / (factor * factor));
      }
    }
  }
  return out;
}

ImageU8 PutOnBackdrop(const SynthWorld& world,
                      const ImageU8& rgb,
                      const ImageU8& alpha,
                      Random random) {
  const std::string& backdrop = world.options.backdrop;
  if (backdrop == "decoded") return rgb;
  const bool plain = backdrop == "plain";
  return BlendByAlpha(
      Develop(rgb, alpha, world.options.develop),
      alpha,
      plain ? PlainColour(rgb.width, &random) : PaintedBackdrop(world, rgb.width, &random));
}

}  // namespace handforge
