#include "io/augment/mirror.h"

namespace handforge {
namespace {

void MirrorLayers(Tuple* tuple) {
  Tuple& t = *tuple;
  MirrorImage(&t.instance);
  MirrorImage(&t.correspondence);
  MirrorImage(&t.normals);
  MirrorImage(&t.previous_px);
  for (size_t i = 0; i < t.normals.pixels.size(); i += 3) {
    if (t.normals.pixels[i] != 0)
      t.normals.pixels[i] = static_cast<uint8_t>(256 - t.normals.pixels[i]);
  }
  for (int y = 0; y < t.previous_px.height; ++y) {
    for (int x = 0; x < t.previous_px.width; ++x) {
      if (t.mask.at(x, y) == 0) continue;
      t.previous_px.at(x, y, 0) = static_cast<float>(t.mask.width - 1) - t.previous_px.at(x, y, 0);
    }
  }
}

}  // namespace

void MirrorTuple(Tuple* tuple) {
  Tuple& t = *tuple;
  const int width = t.camera.width_px;
  t.handedness = t.handedness == Handedness::kRight ? Handedness::kLeft : Handedness::kRight;
  t.camera.cx = width - 1 - t.camera.cx;
  if ((t.present & kHasJoints3) != 0) t.joints_in_cam.col(0) *= -1;
  if ((t.present & kHasJoints2) != 0) t.joints_px.col(0) = (width - 1) - t.joints_px.col(0).array();
  if ((t.present & kHasAlpha) != 0) {
    t.decoded_joints_in_cam.col(0) *= -1;
    t.decoded_joints_px.col(0) = (width - 1) - t.decoded_joints_px.col(0).array();
  }
  if (t.bbox_px[2] > 0) t.bbox_px[0] = width - 1 - t.bbox_px[0] - t.bbox_px[2];
  MirrorImage(&t.rgb);
  MirrorImage(&t.alpha);
  MirrorImage(&t.depth);
  MirrorImage(&t.depth_sensor);
  MirrorImage(&t.mask);
  MirrorImage(&t.rgb_rendered);
  MirrorImage(&t.rgb_small);
  MirrorImage(&t.depth_small);
  MirrorImage(&t.mask_small);
  MirrorLayers(&t);
}

}  // namespace handforge
