#pragma once

#include "io/core/tuple.h"
#include "render/ray_caster.h"
#include "render/rig.h"

#include <array>
#include <vector>

namespace handforge {

// A posed hand before a camera: everything a label needs is read off one set of first hits. One per
// worker thread; the rig must outlive it.
class HandScene {
 public:
  explicit HandScene(const Rig& rig);

  // Poses the skin from the stored record, so that a row re-renders to the same bytes.
  void SetPose(const RigPose& pose);
  // Traces the camera's pixel centres.
  void Trace(const PinholeCamera& camera);

  // z in units of kDepthUnitMm, 0 = background; hits beyond 6553.5 mm read as background.
  ImageU16 Depth() const;
  ImageU8 Mask() const;  // `Part`
  // Share of the picture that shows the hand itself (no forearm). Below `kLeastHandShare` the hand
  // is hidden behind its arm or too small: nothing to learn from.
  double HandShare() const;
  static constexpr double kLeastHandShare = 0.02;
  // x, y, width, height of the pixels of the hand itself (no forearm); zeros where none.
  std::array<float, 4> HandBox() const;

  // A joint is visible where the first hit of its ray belongs to a segment that touches the joint,
  // at most `kMaxBeforeMm` before and `kMaxBehindMm` behind it; otherwise the code says what hides
  // it. The finger tips lie just under the skin.
  static constexpr double kMaxBeforeMm = 30;
  static constexpr double kMaxBehindMm = 3;
  std::array<uint8_t, kNumJoints> JointVisibility(const Joints3& joints_in_cam) const;

  const Rig& rig() const { return rig_; }
  const PinholeCamera& camera() const { return camera_; }
  const PrimaryHits& hits() const { return hits_; }
  const std::vector<Eigen::Vector3f>& surface_in_cam() const { return surface_; }
  const RayCaster& rays() const { return rays_; }

 private:
  const Rig& rig_;
  RayCaster rays_;
  PinholeCamera camera_;
  PrimaryHits hits_;
  std::vector<Eigen::Vector3f> surface_;
};

}  // namespace handforge
