#pragma once

#include "io/core/camera.h"
#include "io/core/image.h"
#include "io/core/random.h"
#include "render/environment.h"

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <Eigen/Core>

namespace handforge {

// Photographs to stand behind hands, read once and kept small (shorter side at most `kSidePx`).
class PhotographFolder {
 public:
  static constexpr int kSidePx = 384;
  static constexpr size_t kMost = 1000;  // kept, spread evenly over the sorted names

  PhotographFolder() = default;
  // Every .jpg, .jpeg, .png and .bmp of the folder and the folders in it. Those that cannot be read
  // or are smaller than 32 x 32 pixels are left out and named in `skipped`. Throws EnvironmentError
  // where the folder is missing, DataError where nothing in it can be used.
  static PhotographFolder Load(const std::filesystem::path& folder,
                               std::vector<std::string>* skipped);

  bool empty() const { return photographs_.empty(); }
  size_t size() const { return photographs_.size(); }
  const ImageU8& at(size_t i) const { return photographs_[i]; }
  // SHA-256 over names and pixels.
  const std::string& sha256() const { return sha256_; }

 private:
  std::vector<ImageU8> photographs_;
  std::string sha256_;
};

// What is seen behind the hand.
struct Backdrop {
  enum class Kind { kProbe, kPhotograph, kPlain };
  Kind kind = Kind::kPlain;
  float defocus = 0;  // deviation of the blur, as a share of the picture's side
  float gain = 1;
  // Clipped at this radiance: what saturates a camera many times over would leave nothing of the
  // smooth edge of a hand before it.
  float brightest = std::numeric_limits<float>::infinity();
  // kProbe: magnified as if seen with this field of view, so that it shows detail.
  float field_of_view_deg = 60;
  // kPhotograph: a square cut-out, perhaps mirrored; `left` and `top` as shares of what is free.
  const ImageU8* photograph = nullptr;
  float cutout = 1;  // side / shorter side of the photograph
  float left = 0;
  float top = 0;
  bool mirrored = false;
  // kPlain: linear, with an even gradient across the picture.
  Eigen::Vector3f colour = Eigen::Vector3f::Constant(0.3f);
  Eigen::Vector2f gradient = Eigen::Vector2f::Zero();
};

struct BackdropOptions {
  double plain = 0.2;       // share of plain backgrounds
  double photograph = 0.5;  // share of photographs where a folder is given; the rest: light probes
};
Backdrop DrawBackdrop(const BackdropOptions& options,
                      const PhotographFolder& photographs,
                      Random& random);

// Linear radiance {side_px, side_px, 3} behind a hand seen by `camera` (any grid).
ImageF32 PaintBackdrop(const Backdrop& backdrop,
                       const Environment& environment,
                       const Eigen::Matrix3f& environment_from_cam,
                       const PinholeCamera& camera,
                       int side_px);

}  // namespace handforge
