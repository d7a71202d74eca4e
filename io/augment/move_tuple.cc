#include "io/augment/move_tuple.h"

#include "io/augment/mirror.h"
#include "io/hand_box.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Geometry>
#include <Eigen/LU>
#include <opencv2/imgproc.hpp>

namespace handforge {
namespace {

using Eigen::Matrix3d;
using Eigen::Vector2d;
using Eigen::Vector3d;

Vector2d Through(const Matrix3d& homography, const Vector2d& pixel) {
  return (homography * pixel.homogeneous()).hnormalized();
}

Joints2 Through(const Matrix3d& homography, const Joints2& joints_px) {
  Joints2 moved;
  for (int j = 0; j < kNumJoints; ++j) {
    moved.row(j) = Through(homography, Vector2d(joints_px.row(j).transpose())).transpose();
  }
  return moved;
}

// The rig describes a right hand, so a left one's turns in the mirrored frame.
void TurnRig(Matrix3d new_from_cam, Handedness side, RigPose* rig) {
  if (side == Handedness::kLeft) {
    const Eigen::DiagonalMatrix<double, 3> mirror(-1, 1, 1);
    new_from_cam = mirror * new_from_cam * mirror;
  }
  const Eigen::Quaterniond turn(new_from_cam);
  for (int b = 0; b < kNumBones; ++b) {
    auto& origin = rig->origin_in_cam_mm[b];
    const Vector3d moved = new_from_cam * Vector3d(origin[0], origin[1], origin[2]);
    auto& q = rig->rotation_xyzw[b];
    const Eigen::Quaterniond turned =
        (turn * Eigen::Quaterniond(q[3], q[0], q[1], q[2])).normalized();
    for (int i = 0; i < 3; ++i) origin[i] = static_cast<float>(moved[i]);
    for (int i = 0; i < 4; ++i) q[i] = static_cast<float>(turned.coeffs()[i]);
  }
}

// The turn, zoom and shift of labels that are flipped already. Gives the homography from new pixels
// to old ones.
Matrix3d MoveFlippedLabels(const CameraMove& move, Tuple* t) {
  const PinholeCamera old_camera = t->camera;
  CameraMove unflipped = move;
  unflipped.flip = false;
  t->camera = unflipped.Apply(old_camera).RoundedToSingle();
  const Matrix3d old_from_new = OldFromNewPixel(old_camera, t->camera, move.new_from_cam);
  const Matrix3d new_from_old = old_from_new.inverse();
  const Rigid3 turn{move.new_from_cam, Vector3d::Zero()};
  if ((t->present & kHasJoints3) != 0) t->joints_in_cam = turn.Apply(t->joints_in_cam);
  if ((t->present & kHasJoints2) != 0) t->joints_px = Through(new_from_old, t->joints_px);
  if ((t->present & kHasAlpha) != 0) {
    t->decoded_joints_in_cam = turn.Apply(t->decoded_joints_in_cam);
    t->decoded_joints_px = Through(new_from_old, t->decoded_joints_px);
    t->quality_residual_px = static_cast<float>(
        std::sqrt((t->decoded_joints_px - t->joints_px).squaredNorm() / kNumJoints));
  }
  if ((t->present & kHasRig) != 0) TurnRig(move.new_from_cam, t->handedness, &t->rig);
  return old_from_new;
}

// ---- Pictures -----------------------------------------------------------------------------------

int OpenCvBorder(Border border) {
  switch (border) {
    case Border::kMirror:
      return cv::BORDER_REFLECT;
    case Border::kReplicate:
      return cv::BORDER_REPLICATE;
    case Border::kBlack:
      return cv::BORDER_CONSTANT;
  }
  return cv::BORDER_CONSTANT;
}

// The homography on another grid of the same field of view (half-pixel rule).
Matrix3d OnGrid(const Matrix3d& old_from_new, int grid_px, int other_px) {
  const double s = static_cast<double>(other_px) / grid_px;
  Matrix3d other_from_grid = Matrix3d::Identity();
  other_from_grid(0, 0) = other_from_grid(1, 1) = s;
  other_from_grid(0, 2) = other_from_grid(1, 2) = 0.5 * s - 0.5;
  return other_from_grid * old_from_new * other_from_grid.inverse();
}

void WarpPicture(const Matrix3d& old_from_new, int border, ImageU8* image) {
  const int type = CV_8UC(image->channels);
  const cv::Mat old(image->height, image->width, type, image->pixels.data());
  ImageU8 moved(image->width, image->height, image->channels);
  cv::Mat out(image->height, image->width, type, moved.pixels.data());
  cv::Matx33d matrix;
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 3; ++c) matrix(r, c) = old_from_new(r, c);
  }
  cv::warpPerspective(
      old, out, matrix, out.size(), cv::INTER_LINEAR | cv::WARP_INVERSE_MAP, border);
  *image = std::move(moved);
}

// The pixels around a picture of `width` x `height`, outside it, in one round.
std::vector<cv::Point> Ring(int width, int height) {
  std::vector<cv::Point> ring;
  for (int x = -1; x < width; ++x) ring.emplace_back(x, -1);
  for (int y = -1; y < height; ++y) ring.emplace_back(width, y);
  for (int x = width; x > -1; --x) ring.emplace_back(x, height);
  for (int y = height; y > -1; --y) ring.emplace_back(-1, y);
  return ring;
}

// The picture with a ring of one pixel around it: the colours of its edge, but where the mask is
// not 0 those of the nearest place along the ring where it is. Where there is none, as it is.
ImageU8 RingedByBackground(const ImageU8& rgb, const ImageU8& mask) {
  ImageU8 out(rgb.width + 2, rgb.height + 2, rgb.channels);
  const cv::Mat inner(
      rgb.height, rgb.width, CV_8UC(rgb.channels), const_cast<uint8_t*>(rgb.pixels.data()));
  cv::Mat outer(out.height, out.width, inner.type(), out.pixels.data());
  cv::copyMakeBorder(inner, outer, 1, 1, 1, 1, cv::BORDER_REPLICATE);

  const std::vector<cv::Point> ring = Ring(rgb.width, rgb.height);
  const auto count = static_cast<int>(ring.size());
  std::vector<bool> covered;
  for (const cv::Point& p : ring) {
    const int x = std::clamp(p.x, 0, rgb.width - 1) * mask.width / rgb.width;
    const int y = std::clamp(p.y, 0, rgb.height - 1) * mask.height / rgb.height;
    covered.push_back(mask.at(x, y) != kPartBackground);
  }
  const auto pixel = [&](int i) {
    const cv::Point& p = ring[static_cast<size_t>((i + count) % count)];
    return &out.at(p.x + 1, p.y + 1, 0);
  };
  const auto is_covered = [&](int i) { return covered[static_cast<size_t>((i + count) % count)]; };
  for (int i = 0; i < count; ++i) {
    if (!is_covered(i)) continue;
    for (int step = 1; step <= count / 2; ++step) {
      const int from = !is_covered(i - step) ? i - step : i + step;
      if (is_covered(from)) continue;
      std::copy_n(pixel(from), out.channels, pixel(i));
      break;
    }
  }
  return out;
}

void WarpOverBackground(const Matrix3d& old_from_new, const ImageU8& mask, ImageU8* rgb) {
  ImageU8 ringed = RingedByBackground(*rgb, mask);
  Matrix3d one_on = Matrix3d::Identity();
  one_on(0, 2) = one_on(1, 2) = 1;
  WarpPicture(one_on * old_from_new * one_on.inverse(), cv::BORDER_REPLICATE, &ringed);
  for (int y = 0; y < rgb->height; ++y) {
    std::copy_n(&ringed.at(1, y + 1, 0), rgb->width * rgb->channels, &rgb->at(0, y, 0));
  }
}

// Calls visit(offset in the new picture, offset in the old one, old z over new z) for every pixel
// whose nearest old pixel exists.
template <typename Visit>
void ForEachNearest(const Matrix3d& old_from_new, int width, int height, const Visit& visit) {
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const Vector3d p = old_from_new * Vector3d(x, y, 1);
      if (p.z() <= 0) continue;
      const double u = std::floor(p.x() / p.z() + 0.5), v = std::floor(p.y() / p.z() + 0.5);
      if (!(u >= 0 && v >= 0 && u < width && v < height)) continue;
      visit(static_cast<size_t>(y) * width + x,
            static_cast<size_t>(v) * width + static_cast<size_t>(u),
            p.z());
    }
  }
}

void WarpMaskAndDepth(const Matrix3d& old_from_new, Tuple* t) {
  const bool has_mask = (t->present & kHasMask) != 0, has_depth = (t->present & kHasDepth) != 0;
  const ImageU8 mask = t->mask;
  const ImageU16 depth = t->depth;
  if (has_mask) std::fill(t->mask.pixels.begin(), t->mask.pixels.end(), 0);
  if (has_depth) std::fill(t->depth.pixels.begin(), t->depth.pixels.end(), 0);
  ForEachNearest(old_from_new,
                 t->camera.width_px,
                 t->camera.height_px,
                 [&](size_t to, size_t from, double old_over_new) {
                   // Beyond the range of 16 bits is background, as it is when rendered.
                   const double units = has_depth ? depth.pixels[from] / old_over_new : 0;
                   if (units > UINT16_MAX) return;
                   if (has_depth) t->depth.pixels[to] = static_cast<uint16_t>(std::lround(units));
                   if (has_mask) t->mask.pixels[to] = mask.pixels[from];
                 });
}

// ---- What follows from them ---------------------------------------------------------------------

void UpdateVisibility(const std::array<bool, kNumJoints>& was_inside, Tuple* t) {
  if ((t->present & (kHasJoints2 | kHasJoints3)) == 0) return;
  for (int j = 0; j < kNumJoints; ++j) {
    const Vector3d x = t->joints_in_cam.row(j);
    const bool before_camera = (t->present & kHasJoints3) == 0 || x.z() > 0;
    const Vector2d pixel =
        (t->present & kHasJoints2) != 0 ? Vector2d(t->joints_px.row(j)) : t->camera.Project(x);
    if (!before_camera || !t->camera.Contains(pixel)) {
      t->visible[j] = kOutOfFrame;
    } else if (!was_inside[j]) {
      t->visible[j] = kVisibilityUnknown;
    }
  }
}

std::array<bool, kNumJoints> JointsInside(const Tuple& t) {
  std::array<bool, kNumJoints> inside{};
  for (int j = 0; j < kNumJoints; ++j) {
    const Vector2d pixel = (t.present & kHasJoints2) != 0
                               ? Vector2d(t.joints_px.row(j))
                               : t.camera.Project(Vector3d(t.joints_in_cam.row(j)));
    // Where a crop reaches beyond the picture it was cut from, its joints are out of frame and stay
    // so.
    const bool seen = t.visible[j] != kOutOfFrame || t.source == Source::kImported;
    inside[j] = seen && t.camera.Contains(pixel);
  }
  return inside;
}

// The part of the moved box that lies in the picture.
std::array<float, 4> MovedBox(const Matrix3d& new_from_old,
                              const std::array<float, 4>& box,
                              const PinholeCamera& camera) {
  if (box[2] <= 0 || box[3] <= 0) return box;
  Vector2d low(1e9, 1e9), high(-1e9, -1e9);
  for (int corner = 0; corner < 4; ++corner) {
    const Vector2d p =
        Through(new_from_old,
                Vector2d(box[0] + (corner & 1 ? box[2] : 0), box[1] + (corner & 2 ? box[3] : 0)));
    low = low.cwiseMin(p);
    high = high.cwiseMax(p);
  }
  low = low.cwiseMax(Vector2d(-0.5, -0.5));
  high = high.cwiseMin(Vector2d(camera.width_px - 0.5, camera.height_px - 0.5));
  const Vector2d size = (high - low).cwiseMax(Vector2d::Zero());
  return {static_cast<float>(low.x()),
          static_cast<float>(low.y()),
          static_cast<float>(size.x()),
          static_cast<float>(size.y())};
}

}  // namespace

void MoveTuple(const CameraMove& move, Border border, Tuple* tuple) {
  Tuple& t = *tuple;
  if (move.flip) MirrorTuple(&t);
  if (!move.ResamplesPixels()) return;
  const std::array<bool, kNumJoints> was_inside = JointsInside(t);
  const Matrix3d old_from_new = MoveFlippedLabels(move, &t);

  // Pictures.
  if ((t.present & kHasRgb) != 0) {
    const Matrix3d on_rgb = OnGrid(old_from_new, t.camera.width_px, t.rgb.width);
    if (border == Border::kReplicate && (t.present & kHasMask) != 0) {
      WarpOverBackground(on_rgb, t.mask, &t.rgb);
    } else {
      WarpPicture(on_rgb, OpenCvBorder(border), &t.rgb);
    }
  }
  if ((t.present & kHasAlpha) != 0) {
    const Matrix3d on_alpha = OnGrid(old_from_new, t.camera.width_px, t.alpha.width);
    WarpPicture(on_alpha, cv::BORDER_CONSTANT, &t.alpha);
  }
  WarpMaskAndDepth(old_from_new, &t);

  // What follows from them.
  UpdateVisibility(was_inside, &t);
  t.bbox_px = (t.present & kHasMask) != 0 ? BoxOfHand(t.mask)
                                          : MovedBox(old_from_new.inverse(), t.bbox_px, t.camera);
}

}  // namespace handforge
