#include "io/augment/mirror.h"

#include <utility>

namespace handforge {
namespace {

template <typename T>
void MirrorImage(Image<T>* image) {
  for (int y = 0; y < image->height; ++y) {
    for (int x = 0; x < image->width / 2; ++x) {
      for (int c = 0; c < image->channels; ++c) {
        std::swap(image->at(x, y, c), image->at(image->width - 1 - x, y, c));
      }
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
  MirrorImage(&t.mask);
  MirrorImage(&t.rgb_rendered);
  MirrorImage(&t.rgb_small);
  MirrorImage(&t.depth_small);
  MirrorImage(&t.mask_small);
}

}  // namespace handforge
