#pragma once

#include "io/core/random.h"
#include "render/rig.h"

#include <vector>

#include <Eigen/Core>

namespace handforge {

// How one person's skin looks; linear sRGB reflectances.
struct SkinAppearance {
  Eigen::Vector3f back;  // back of the hand and forearm
  Eigen::Vector3f palm;
  Eigen::Vector3f nail;
  float redness = 0;      // of knuckles and finger tips, 0..1
  float crease = 1;       // depth of creases, about 1
  float specular = 1;     // strength of the oily sheen, about 1
  Eigen::Vector3f phase;  // of the mottling
};
// Tone is uniform over seven reference reflectances from pale to very dark.
SkinAppearance SampleSkin(Random& random);

// What the pattern needs to know of a surface point, all of it at rest.
struct SkinPoint {
  Eigen::Vector3f rest_mm;  // hand frame
  uint8_t part;             // `Part`
  float dorsal;             // -1 palm side .. 1 back of the hand
};

struct SkinSample {
  Eigen::Vector3f albedo;
  float nail;  // 0..1
};

// Procedural pattern in rest space: palm and back, nails, creases at the joints, lines of the palm,
// mottling. No texture.
class SkinPattern {
 public:
  explicit SkinPattern(const Rig& rig);

  float dorsal(int surface_vertex) const { return dorsal_[surface_vertex]; }
  SkinSample Evaluate(const SkinAppearance& skin, const SkinPoint& point) const;

 private:
  struct BoneFrame {
    Eigen::Vector3f origin;
    Eigen::Matrix3f from_hand;
    float length_mm;
    float radius_mm;
  };
  float Crease(const SkinPoint& point) const;

  std::array<BoneFrame, kNumBones> bones_;
  std::vector<float> dorsal_;
  float palm_length_mm_;
  float palm_half_breadth_mm_;
};

}  // namespace handforge
