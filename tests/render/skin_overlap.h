#pragma once

#include "render/rig.h"

#include <array>
#include <vector>

namespace handforge {

// How deep the skin of one digit lies inside another digit or the palm, from winding numbers of the
// posed surface: a reference for the capsules of render/collision.h that shares nothing with them.
class SkinOverlap {
 public:
  SkinOverlap();

  // Greatest distance of a digit's vertex inside another part from that part's skin; 0 where none
  // is deeper than `from_mm`. A finger's proximal segment folds into the palm by nature and is not
  // tested against it.
  double DeepestMm(const BonePoses& poses, double from_mm);

 private:
  static constexpr int kGroups = 6;  // thumb .. little, palm with the thumb's ball
  static constexpr int kPalm = 5;
  using Triangles = std::vector<std::array<int, 3>>;

  double Winding(const Triangles& triangles, const Eigen::Vector3f& x) const;
  double DistanceMm(const Triangles& triangles, const Eigen::Vector3f& x) const;

  static constexpr size_t kEvery = 3;  // of the vertices is tested, against all triangles

  const Rig& rig_;
  std::vector<uint8_t> part_;
  std::array<std::vector<int>, kGroups> vertices_;
  std::array<Triangles, kGroups> triangles_;
  std::vector<Eigen::Vector3f> surface_, normals_;
};

}  // namespace handforge
