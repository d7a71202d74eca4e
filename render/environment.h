#pragma once

#include "io/core/image.h"
#include "render/light_probe.h"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <Eigen/Core>

namespace handforge {

// One of the distant lights that stand for an HDRI; `radiance` is already multiplied by the solid
// angle it stands for, so irradiance is sum(radiance * max(0, n . direction)).
struct DistantLight {
  Eigen::Vector3f direction;  // unit, towards the light, in the environment's frame
  Eigen::Vector3f radiance;   // linear sRGB
};

// A light probe (equirectangular, +y up), cleaned: pixels below zero take their surroundings'
// colour, its colour cast is halved, and it is scaled so that a white diffuse surface facing all
// ways has mean radiance 1.
class Environment {
 public:
  // `lights` distant lights are drawn from the blurred probe by importance, evenly spread in the
  // cumulative luminance (no noise, the same on every run). The file is decoded in a child process
  // (io/isolated.h). Throws DataError naming the file where it cannot be read or is empty,
  // EnvironmentError where it is missing.
  static Environment Load(const std::filesystem::path& file, int lights);
  static Environment FromImage(ImageF32 rgb, const std::string& name, int lights);

  const std::string& name() const { return name_; }
  // Of the file; of an image in memory: of its pixels.
  const std::string& sha256() const { return sha256_; }
  const std::vector<DistantLight>& lights() const { return lights_; }
  // The blurred probe itself, to draw directions from.
  const LightProbe& probe() const { return probe_; }
  // Sharp radiance in a direction (bilinear), for backgrounds and reflections.
  Eigen::Vector3f Radiance(const Eigen::Vector3f& direction) const;

 private:
  std::string name_;
  std::string sha256_;
  ImageF32 rgb_;
  std::vector<DistantLight> lights_;
  LightProbe probe_;
};

// The light probes of the assets (HdriFiles) whose name is `wanted`; those that cannot be read go
// to `skipped`, with the reason. Throws EnvironmentError where none is left.
std::vector<Environment> LoadEnvironments(int lights,
                                          const std::function<bool(const std::string&)>& wanted,
                                          std::vector<std::string>* skipped);

}  // namespace handforge
