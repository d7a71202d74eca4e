#pragma once

#include "io/config.h"
#include "io/core/camera.h"
#include "io/core/random.h"
#include "io/core/skeleton.h"

namespace handforge {

// Where training crops are seen from. A crop is what a virtual camera sees that looks at the hand's
// centre, so the principal point is central and a zoom is a change of focal length.
struct CameraOptions {
  // How often each kind of view is drawn, relative to the others.
  double sphere = 0.6;      // any direction, any roll
  double egocentric = 0.2;  // from the wearer's eyes: over the wrist, fingers pointing away or up
  double tabletop = 0.2;    // from above: the back or the palm, within 40 degrees, any roll
  double frontal = 0;       // palm or back facing the camera, fingers roughly up
  double frontal_deg = 30;  // largest angle between the view and the palm's normal
  double frontal_back = 0;  // share of frontal views that see the back
  // Distance of the hand's centre, mm.
  double nearest_mm = 350;
  double furthest_mm = 800;
  // Largest extent of the joints, as a share of the picture's side.
  double smallest_fill = 0.55;
  double largest_fill = 0.78;
  // Deviation of the hand's centre from the optical axis, as a share of the picture's side.
  double off_centre = 0.03;

  void Visit(Fields& fields);
  // Throws UsageError naming the fields whose relation is wrong.
  void Check() const;
};

// Uniform over all rotations.
Eigen::Matrix3d AnyRotation(Random& random);

struct SampledCamera {
  Rigid3 cam_from_hand;
  PinholeCamera camera;
};
// `joints_in_hand`: mm, hand frame of render/rig.h.
SampledCamera SampleCamera(const Joints3& joints_in_hand,
                           int image_px,
                           const CameraOptions& options,
                           Random& random);

}  // namespace handforge
