#include "io/import/crop_camera.h"

#include "io/augment/camera_move.h"
#include "io/core/error.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <Eigen/Geometry>
#include <Eigen/LU>
#include <opencv2/imgproc.hpp>

namespace handforge {
namespace {

using Eigen::Matrix3d;
using Eigen::RowVector2d;
using Eigen::Vector3d;

// The turn changes the perspective, so the box moves once more; its shifts shrink by an order each.
constexpr int kTurns = 4;
constexpr double kSmallestBox = 1e-9;  // at a distance of 1
constexpr int kMostSamples = 16;       // along a side of a pixel

struct Box {
  RowVector2d low;
  RowVector2d high;
  RowVector2d middle() const { return (low + high) / 2; }
  double side() const { return (high - low).maxCoeff(); }
};

// Of the joints on the plane at a distance of 1 before the camera.
Box BoxAtOne(const Joints3& joints_in_cam) {
  if (!(joints_in_cam.col(2).minCoeff() > 0)) {
    throw DataError("joints lie behind the camera, or behind one that looks at their middle");
  }
  const Joints2 at_one =
      joints_in_cam.leftCols<2>().array().colwise() / joints_in_cam.col(2).array();
  return {at_one.colwise().minCoeff(), at_one.colwise().maxCoeff()};
}

Matrix3d PictureFromCrop(const CropCamera& crop, const PinholeCamera& camera, int size_px) {
  return OldFromNewPixel(camera, crop.camera.Resized(size_px, size_px), crop.crop_from_cam);
}

// How many pixels of the picture lie along a side of a pixel at the crop's centre.
int PixelsAcross(const CropCamera& crop, const PinholeCamera& camera, int size_px) {
  const double focal = crop.camera.Resized(size_px, size_px).fx;
  return std::clamp(static_cast<int>(std::ceil(camera.fx / focal)), 1, kMostSamples);
}

// Calls visit(offset in the crop, offset in the picture, z in the picture over z in the crop) for
// every pixel whose nearest one in the picture exists.
template <typename Visit>
void ForEachNearest(const CropCamera& crop, const PinholeCamera& camera, const Visit& visit) {
  const int size_px = crop.camera.width_px;
  const Matrix3d picture_from_crop = PictureFromCrop(crop, camera, size_px);
  for (int y = 0; y < size_px; ++y) {
    for (int x = 0; x < size_px; ++x) {
      const Vector3d p = picture_from_crop * Vector3d(x, y, 1);
      if (p.z() <= 0) continue;
      const double u = std::floor(p.x() / p.z() + 0.5), v = std::floor(p.y() / p.z() + 0.5);
      if (!(u >= 0 && v >= 0 && u < camera.width_px && v < camera.height_px)) continue;
      visit(static_cast<size_t>(y) * size_px + x,
            static_cast<size_t>(v) * camera.width_px + static_cast<size_t>(u),
            p.z());
    }
  }
}

}  // namespace

CropCamera CropAround(const Joints3& joints_in_cam, int size_px, double fill) {
  CropCamera crop;
  Box box = BoxAtOne(joints_in_cam);
  for (int turn = 0; turn < kTurns; ++turn) {
    const Vector3d to_crop(box.middle().x(), box.middle().y(), 1);
    const Vector3d to_hand = crop.crop_from_cam.transpose() * to_crop;
    crop.crop_from_cam =
        Eigen::Quaterniond::FromTwoVectors(to_hand, Vector3d::UnitZ()).toRotationMatrix();
    box = BoxAtOne(joints_in_cam * crop.crop_from_cam.transpose());
  }
  if (!(box.side() > kSmallestBox)) throw DataError("all joints project to one point");
  crop.camera = PinholeCamera::Centred(size_px, fill * size_px / box.side()).RoundedToSingle();
  return crop;
}

ImageU8 CropColours(const CropCamera& crop,
                    const PinholeCamera& camera,
                    const ImageU8& rgb,
                    int size_px) {
  const int fine_px = size_px * PixelsAcross(crop, camera, size_px);
  const Matrix3d picture_from_fine = PictureFromCrop(crop, camera, fine_px);
  cv::Matx33d matrix;
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 3; ++c) matrix(r, c) = picture_from_fine(r, c);
  }
  const cv::Mat picture(rgb.height, rgb.width, CV_8UC3, const_cast<uint8_t*>(rgb.pixels.data()));
  cv::Mat fine;
  cv::warpPerspective(picture,
                      fine,
                      matrix,
                      cv::Size(fine_px, fine_px),
                      cv::INTER_LINEAR | cv::WARP_INVERSE_MAP,
                      cv::BORDER_REFLECT_101);
  ImageU8 cropped(size_px, size_px, 3);
  cv::Mat out(size_px, size_px, CV_8UC3, cropped.pixels.data());
  cv::resize(fine, out, out.size(), 0, 0, cv::INTER_AREA);
  return cropped;
}

ImageU8 CropMask(const CropCamera& crop, const PinholeCamera& camera, const ImageU8& mask) {
  ImageU8 cropped(crop.camera.width_px, crop.camera.height_px);
  ForEachNearest(crop, camera, [&](size_t to, size_t from, double) {
    cropped.pixels[to] = mask.pixels[from];
  });
  return cropped;
}

ImageU16 CropDepth(const CropCamera& crop, const PinholeCamera& camera, const ImageU16& depth) {
  ImageU16 cropped(crop.camera.width_px, crop.camera.height_px);
  ForEachNearest(crop, camera, [&](size_t to, size_t from, double picture_over_crop) {
    const double units = depth.pixels[from] / picture_over_crop;
    if (units <= UINT16_MAX) cropped.pixels[to] = static_cast<uint16_t>(std::lround(units));
  });
  return cropped;
}

}  // namespace handforge
