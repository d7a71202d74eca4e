#pragma once

#include "io/core/random.h"
#include "render/rig.h"

#include <array>
#include <vector>

#include <Eigen/Core>

namespace handforge {

// How one person's skin looks; linear sRGB reflectances.
struct SkinAppearance {
  Eigen::Vector3f back;  // back of the hand and forearm
  Eigen::Vector3f palm;
  Eigen::Vector3f nail;    // or of the polish on it
  bool polished = false;   // nails of one colour, over moon and free edge
  float redness = 0;       // of knuckles and finger tips, about 0..1
  float crease = 1;        // depth of creases, about 1
  float tendon = 1;        // relief of tendons and knuckles, about 1
  float vein = 0;          // relief and blue of the veins on the back, about 0..1
  float mottle = 0.05f;    // relative change of the reflectance
  float specular = 1;      // strength of the oily sheen, about 1
  float roughness = 0.5f;  // GGX, of the skin; nails are smoother
  Eigen::Vector3f phase;   // of the mottling, and of how the lines of the palm and the veins run
};

// The ten tones of the Monk Skin Tone Scale, sRGB as published (E. Monk, The Monk Skin Tone Scale,
// 2023, doi.org/10.31235/osf.io/pdf4c; skintone.google).
extern const std::array<std::array<uint8_t, 3>, 10> kMonkTonesSrgb;
// Reflectance of the back of the hand at a place on the scale, 0 (tone 1) .. 9 (tone 10), linear
// between tones. `flush` 0..1 is how much blood shows.
Eigen::Vector3f MonkReflectance(float place, float flush);

// Tone is uniform over the whole scale. How palm and back differ, in paleness, redness and relief,
// varies widely, so that no network relies on one of the differences.
SkinAppearance SampleSkin(Random& random);
// Mean luminance of palm and back, linear reflectance.
float MeanLuminance(const SkinAppearance& skin);

// How far each joint is bent towards the palm, 0 straight .. 1 at `kFullBendDeg` or more.
struct HandBend {
  static constexpr float kFullBendDeg = 80;
  // Per finger: MCP, PIP, DIP (thumb: CMC, MCP, IP).
  std::array<std::array<float, 3>, 5> joint{};
};
HandBend BendOf(const RigPose& pose);

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
// knuckles, tendons, veins, mottling. No texture.
class SkinPattern {
 public:
  explicit SkinPattern(const Rig& rig);

  float dorsal(int surface_vertex) const { return dorsal_[surface_vertex]; }
  SkinSample Evaluate(const SkinAppearance& skin,
                      const HandBend& bend,
                      const SkinPoint& point) const;
  // Height over the mesh, mm: what the shading normal follows and the silhouette does not.
  float ReliefMm(const SkinAppearance& skin, const HandBend& bend, const SkinPoint& point) const;

 private:
  struct BoneFrame {
    Eigen::Vector3f origin;
    Eigen::Matrix3f from_hand;
    float length_mm;
    float radius_mm;
  };
  // A point on a finger segment, in its bone's frame.
  struct OnSegment {
    int finger;
    int segment;
    float across_mm;    // towards +x, from the bone's axis
    float along_mm;     // from the bone's start
    float to_end_mm;    // to the bone's end
    float half_nail_w;  // nail coordinates: 1 at the plate's rim
    float half_nail_l;
  };
  OnSegment Locate(const SkinPoint& point) const;
  static float NailDistance(const OnSegment& at);
  float Nail(const OnSegment& at, float dorsal) const;
  // Strength of the creases, 0..1.
  float PalmCrease(const SkinAppearance& skin, const SkinPoint& point) const;
  float FingerCrease(const HandBend& bend, const OnSegment& at, float dorsal) const;
  float SegmentCrease(const SkinAppearance& skin,
                      const HandBend& bend,
                      const OnSegment& at,
                      const SkinPoint& point) const;
  // Redness, of the palm (`at`: null on the palm itself) and over the joints of the back.
  float PalmRed(const SkinPoint& point, const OnSegment* at) const;
  float KnuckleRed(const SkinPoint& point) const;
  float JointRed(const OnSegment& at, const SkinPoint& point) const;
  float BackReliefMm(const HandBend& bend, const SkinPoint& point) const;
  float Vein(const SkinAppearance& skin, const SkinPoint& point) const;

  std::array<BoneFrame, kNumBones> bones_;
  std::array<Eigen::Vector2f, 5> knuckle_;  // MCPs at rest, x and z
  std::vector<float> dorsal_;
  float palm_length_mm_;
  float palm_half_breadth_mm_;
};

}  // namespace handforge
