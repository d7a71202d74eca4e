#include "synth/rendered_again.h"

#include "io/augment/camera_move.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Core>
#include <Eigen/Geometry>

namespace handforge {
namespace {

constexpr uint32_t kHidingAugmentations = kOccluded | kCutOut;

// Whether a pixel of the moved picture comes from the first one.
class FirstPicture {
 public:
  explicit FirstPicture(const Tuple& t)
      : moved_((t.augmentation.applied & kResampled) != 0), size_(t.camera.width_px) {
    if (!moved_) return;
    CameraMove move = MoveOf(t.augmentation);
    move.flip = false;
    // The inverse of a move without a turn, so that only K is undone.
    CameraMove grid = move;
    grid.new_from_cam.setIdentity();
    old_from_new_ = OldFromNewPixel(grid.Inverse().Apply(t.camera), t.camera, move.new_from_cam);
  }

  bool Shows(double x, double y) const {
    if (!moved_) return true;
    const Eigen::Vector3d p = old_from_new_ * Eigen::Vector3d(x, y, 1);
    if (p.z() <= 0) return false;
    const Eigen::Vector2d q = p.hnormalized();
    return q.minCoeff() >= -0.5 && q.maxCoeff() < size_ - 0.5;
  }

 private:
  bool moved_;
  int size_;
  Eigen::Matrix3d old_from_new_ = Eigen::Matrix3d::Identity();
};

// What is rendered to the pixels around one.
struct Around {
  bool has_part = false;
  int nearest = UINT16_MAX;
  int furthest = 0;
};

Around LookAround(const Tuple& rendered, int x, int y, int reach, uint8_t part) {
  Around around;
  for (int v = y - reach; v <= y + reach; ++v) {
    for (int u = x - reach; u <= x + reach; ++u) {
      if (!rendered.mask.Contains(u, v)) {
        // What is beyond the picture's edge may be anything.
        around.has_part = true;
        around.nearest = 0;
        around.furthest = UINT16_MAX;
        continue;
      }
      around.has_part |= rendered.mask.at(u, v) == part;
      const int depth = rendered.depth.at(u, v);
      if (depth == 0) continue;
      around.nearest = std::min(around.nearest, depth);
      around.furthest = std::max(around.furthest, depth);
    }
  }
  return around;
}

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

// In units of depth.
int ResampledSlack(const Tuple& t) {
  const double pixel_mm = t.joints_in_cam(0, 2) / t.camera.fx;
  return static_cast<int>(std::ceil((kResampledDepthMm + pixel_mm) / kDepthUnitMm));
}

void ComparePixels(const Tuple& stored,
                   const Tuple& rendered,
                   std::vector<Difference>* differences) {
  const bool resampled = (stored.augmentation.applied & kResampled) != 0;
  const int reach = resampled ? ResampleReach(stored.augmentation.numbers[kZoomFactor]) : 0;
  const int slack = resampled ? ResampledSlack(stored) : 0;
  const FirstPicture first(stored);
  const bool occluded = (stored.augmentation.applied & kOccluded) != 0;
  OddPixels odd_mask, odd_depth;
  int shown = 0;
  for (int y = 0; y < stored.mask.height; ++y) {
    for (int x = 0; x < stored.mask.width; ++x) {
      const uint8_t part = stored.mask.at(x, y);
      const int depth = stored.depth.at(x, y);
      shown += part != 0;
      if (occluded && part >= kPartFirstOccluder) {
        // Beyond the first picture's edge it hides nothing that was there.
        if (!first.Shows(x, y)) continue;
        const Around around = LookAround(rendered, x, y, reach, part);
        if (around.furthest > 0 && depth > around.furthest + slack) odd_depth.Add(x, y);
        continue;
      }
      if (!first.Shows(x, y)) {
        if (part != 0) odd_mask.Add(x, y);
        if (depth != 0) odd_depth.Add(x, y);
        continue;
      }
      const Around around = LookAround(rendered, x, y, reach, part);
      if (!around.has_part) odd_mask.Add(x, y);
      const bool fits = depth == 0
                            ? part == 0
                            : depth >= around.nearest - slack && depth <= around.furthest + slack;
      if (!fits) odd_depth.Add(x, y);
    }
  }
  const int allowed = resampled ? static_cast<int>(kResampledOddShare * shown) + 1 : 0;
  odd_mask.ReportTo(differences, "mask", allowed);
  odd_depth.ReportTo(differences, "depth", allowed);
}

void CompareVisibility(const Tuple& stored,
                       const Tuple& rendered,
                       std::vector<Difference>* differences) {
  const FirstPicture first(stored);
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
  // The turned rig is rounded anew: a ray that grazed an edge may fall on its other side.
  const bool turned = (stored.augmentation.applied & kResampled) != 0;
  if (turned && odd.size() < 2) return;
  differences->insert(differences->end(), odd.begin(), odd.end());
}

}  // namespace

// Half the diagonal of an old pixel, with a tenth for what a turn stretches.
int ResampleReach(double zoom) {
  return std::max(1, static_cast<int>(std::ceil(1.1 * std::sqrt(0.5) * zoom)));
}

std::vector<Difference> CompareWithRendered(const Tuple& stored, const Tuple& rendered) {
  std::vector<Difference> differences;
  ComparePixels(stored, rendered, &differences);
  CompareVisibility(stored, rendered, &differences);
  return differences;
}

}  // namespace handforge
