#include "synth/rendered_again.h"

#include "io/augment/camera_move.h"
#include "io/augment/move_tuple.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Core>
#include <Eigen/Geometry>

namespace handforge {
namespace {

constexpr uint32_t kHidingAugmentations = kOccluded | kCutOut;

bool IsMoved(const Tuple& t) { return (t.augmentation.applied & kResampled) != 0; }

CameraMove MoveAfterFlip(const Augmentation& augmentation) {
  CameraMove move = MoveOf(augmentation);
  move.flip = false;
  return move;
}

// What the first picture shows where a pixel of the moved one looks.
struct FirstSight {
  bool inside = false;  // the first picture reaches there
  uint8_t part = 0;
  double depth = 0;  // z in the moved camera, units of depth; 0 = background
};

// Follows the rays of a moved picture back to the pixels of the first one. The homography by which
// pixels are moved has no part in it.
class FirstPicture {
 public:
  FirstPicture(const Tuple& stored, const Tuple& before)
      : before_(before),
        new_camera_(stored.camera),
        new_from_old_(MoveAfterFlip(stored.augmentation).new_from_cam) {}

  bool Shows(double x, double y) const {
    const Eigen::Vector3d ray = OldRay(x, y);
    if (ray.z() <= 0) return false;
    const Eigen::Vector2d p = before_.camera.Project(ray);
    return p.minCoeff() >= -0.5 && p.x() < before_.camera.width_px - 0.5 &&
           p.y() < before_.camera.height_px - 0.5;
  }

  // Whether `fits` what a pixel may show: one sight, or more where its ray passes between pixels.
  template <typename Fits>
  bool Any(int x, int y, const Fits& fits) const {
    const Eigen::Vector3d ray = OldRay(x, y);
    if (ray.z() <= 0) return fits(FirstSight());
    const Eigen::Vector2d p = before_.camera.Project(ray);
    const Eigen::Vector2d low = (p.array() + 0.5 - kTiePx).floor();
    const Eigen::Vector2d high = (p.array() + 0.5 + kTiePx).floor();
    for (double v = low.y(); v <= high.y(); ++v) {
      for (double u = low.x(); u <= high.x(); ++u) {
        if (fits(SightOf(u, v, ray.z()))) return true;
      }
    }
    return false;
  }

 private:
  static constexpr double kTiePx = 1e-3;

  // The ray of a new pixel in the old camera's axes, of length 1 along the new optical axis.
  Eigen::Vector3d OldRay(double x, double y) const {
    return new_from_old_.transpose() * Eigen::Vector3d((x - new_camera_.cx) / new_camera_.fx,
                                                       (y - new_camera_.cy) / new_camera_.fy,
                                                       1);
  }

  FirstSight SightOf(double u, double v, double old_over_new_z) const {
    if (u < 0 || v < 0 || u >= before_.depth.width || v >= before_.depth.height) return {};
    const int x = static_cast<int>(u), y = static_cast<int>(v);
    return {true, before_.mask.at(x, y), before_.depth.at(x, y) / old_over_new_z};
  }

  const Tuple& before_;
  PinholeCamera new_camera_;
  Eigen::Matrix3d new_from_old_;
};

std::string PixelText(int x, int y) { return std::to_string(x) + ", " + std::to_string(y); }

// Counts the pixels of one column that are not what they should be.
class OddPixels {
 public:
  void Add(int x, int y) {
    if (count_++ == 0) first_ = PixelText(x, y);
  }
  void ReportTo(std::vector<Difference>* differences,
                const std::string& column,
                int allowed) const {
    if (count_ <= allowed) return;
    differences->push_back({column,
                            "differs from what the rig renders to in " + std::to_string(count_) +
                                " pixels, the first at " + first_});
  }

 private:
  int count_ = 0;
  std::string first_;
};

// Rounding of the first depth, made again from a rig that is rounded anew, and of the second one.
constexpr double kMovedDepthSlack = 2;

bool MayHide(const FirstSight& sight, double depth, double slack) {
  return !sight.inside || sight.depth == 0 || depth <= sight.depth + slack;
}

bool MayHaveDepth(const FirstSight& sight, double depth, double slack) {
  if (!sight.inside) return depth == 0;
  // Beyond the range of 16 bits is background.
  if (depth == 0) return sight.part == 0 || sight.depth + slack > UINT16_MAX;
  return std::abs(depth - sight.depth) <= slack;
}

bool MayShowPart(const FirstSight& sight, uint8_t part, int depth) {
  if (!sight.inside) return part == 0;
  return part == sight.part || (part == 0 && depth == 0 && sight.depth >= UINT16_MAX);
}

void ComparePixels(const Tuple& stored, const Tuple& before, std::vector<Difference>* differences) {
  const FirstPicture first(stored, before);
  const bool occluded = (stored.augmentation.applied & kOccluded) != 0;
  const double slack = IsMoved(stored) ? kMovedDepthSlack : 0;
  OddPixels odd_mask, odd_depth;
  int shown = 0;
  for (int y = 0; y < stored.mask.height; ++y) {
    for (int x = 0; x < stored.mask.width; ++x) {
      const uint8_t part = stored.mask.at(x, y);
      const int depth = stored.depth.at(x, y);
      shown += part != 0;
      if (occluded && part >= kPartFirstOccluder) {
        if (!first.Any(x, y, [&](const FirstSight& s) { return MayHide(s, depth, slack); }))
          odd_depth.Add(x, y);
        continue;
      }
      if (!first.Any(x, y, [&](const FirstSight& s) { return MayShowPart(s, part, depth); }))
        odd_mask.Add(x, y);
      if (!first.Any(x, y, [&](const FirstSight& s) { return MayHaveDepth(s, depth, slack); }))
        odd_depth.Add(x, y);
    }
  }
  const int allowed = IsMoved(stored) ? static_cast<int>(kGrazingShare * shown) + 1 : 0;
  odd_mask.ReportTo(differences, "mask", allowed);
  odd_depth.ReportTo(differences, "depth", allowed);
}

void CompareVisibility(const Tuple& stored,
                       const Tuple& rendered,
                       const Tuple& before,
                       std::vector<Difference>* differences) {
  const FirstPicture first(stored, before);
  std::vector<Difference> odd;
  for (int j = 0; j < kNumJoints; ++j) {
    const uint8_t is = stored.visible[j];
    const bool hidden_since = is == kHiddenByOccluder && rendered.visible[j] != kOutOfFrame &&
                              (stored.augmentation.applied & kHidingAugmentations) != 0;
    const bool came_in = is == kVisibilityUnknown && rendered.visible[j] != kOutOfFrame &&
                         !first.Shows(stored.joints_px(j, 0), stored.joints_px(j, 1));
    if (is == rendered.visible[j] || hidden_since || came_in) continue;
    odd.push_back({"visible",
                   std::string(kJointNames[j]) + " is " + std::to_string(is) +
                       ", the rig renders to " + std::to_string(rendered.visible[j])});
  }
  if (IsMoved(stored) && odd.size() < 2) return;
  differences->insert(differences->end(), odd.begin(), odd.end());
}

}  // namespace

Tuple BeforeMove(const Tuple& stored) {
  Tuple before = stored;
  before.present &= ~(kHasRgb | kHasAlpha | kHasMask | kHasDepth);
  MoveTuple(MoveAfterFlip(stored.augmentation).Inverse(), Border::kBlack, &before);
  return before;
}

std::vector<Difference> CompareWithRendered(const Tuple& stored,
                                            const Tuple& rendered,
                                            const Tuple& before) {
  std::vector<Difference> differences;
  ComparePixels(stored, before, &differences);
  CompareVisibility(stored, rendered, before, &differences);
  return differences;
}

}  // namespace handforge
