#pragma once

#include "io/core/camera.h"
#include "io/core/image.h"
#include "io/core/skeleton.h"
#include "render/environment.h"
#include "render/hand_scene.h"
#include "render/shading.h"
#include "synth/nearest_hand.h"

namespace handforge {

// Pictures of the rigged hand that is nearest to decoded joints, for people to look at: one skin,
// soft light from above, a plain background. One per thread; the rig must outlive it.
class MeshPortrait {
 public:
  explicit MeshPortrait(const Rig& rig);

  // {H, W, 3} on the camera's grid: the hand nearest to `joints_mm` (right hand, axes of the
  // camera, any origin) where it projects nearest to `joints_px`. The background alone where there
  // is no such hand in front of the camera.
  ImageU8 Draw(const Joints3& joints_mm, const Joints2& joints_px, const PinholeCamera& camera);

 private:
  const Rig& rig_;
  HandScene scene_;
  HandShader shader_;
  Environment studio_;
  SkinAppearance skin_;
};

}  // namespace handforge
