#include "vae/targets.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace handforge {
namespace {

constexpr double kNearestShare = 0.02;  // of measured depth may be specks before the hand

double SideSign(Handedness handedness) { return handedness == Handedness::kLeft ? -1.0 : 1.0; }

// The value below which `share` of the values lie. Requires values.
float Quantile(std::vector<float>* values, double share) {
  const auto at =
      values->begin() + static_cast<ptrdiff_t>(share * static_cast<double>(values->size() - 1));
  std::nth_element(values->begin(), at, values->end());
  return *at;
}

}  // namespace

void NormaliseJoints3(const Joints3& joints_in_cam, Handedness handedness, float* normalised) {
  CentreJoints3(joints_in_cam, ReferenceBoneLength(joints_in_cam), handedness, normalised);
}

void CentreJoints3(const Joints3& joints_in_cam,
                   double unit_mm,
                   Handedness handedness,
                   float* centred) {
  const Eigen::RowVector3d palm = PalmCentre(joints_in_cam).transpose();
  for (int j = 0; j < kNumJoints; ++j) {
    const Eigen::RowVector3d x = (joints_in_cam.row(j) - palm) / unit_mm;
    centred[3 * j] = static_cast<float>(SideSign(handedness) * x[0]);
    centred[3 * j + 1] = static_cast<float>(x[1]);
    centred[3 * j + 2] = static_cast<float>(x[2]);
  }
}

Joints3 MetricJoints3(const float* normalised, double bone_mm, Handedness handedness) {
  Joints3 joints_mm;
  for (int j = 0; j < kNumJoints; ++j) {
    joints_mm(j, 0) = SideSign(handedness) * normalised[3 * j] * bone_mm;
    joints_mm(j, 1) = normalised[3 * j + 1] * bone_mm;
    joints_mm(j, 2) = normalised[3 * j + 2] * bone_mm;
  }
  return joints_mm;
}

void NormaliseJoints2(const Joints2& joints_px,
                      int image_px,
                      Handedness handedness,
                      float* normalised) {
  for (int j = 0; j < kNumJoints; ++j) {
    const double x = 2 * (joints_px(j, 0) + 0.5) / image_px - 1;
    normalised[2 * j] = static_cast<float>(SideSign(handedness) * x);
    normalised[2 * j + 1] = static_cast<float>(2 * (joints_px(j, 1) + 0.5) / image_px - 1);
  }
}

Joints2 PixelJoints2(const float* normalised, int image_px, Handedness handedness) {
  Joints2 joints_px;
  for (int j = 0; j < kNumJoints; ++j) {
    joints_px(j, 0) = (SideSign(handedness) * normalised[2 * j] + 1) * image_px / 2 - 0.5;
    joints_px(j, 1) = (static_cast<double>(normalised[2 * j + 1]) + 1) * image_px / 2 - 0.5;
  }
  return joints_px;
}

void NormaliseDepth(const float* depth_mm, int count, float* normalised) {
  std::fill_n(normalised, count, 1.0F);
  std::vector<float> measured;
  std::copy_if(
      depth_mm, depth_mm + count, std::back_inserter(measured), [](float z) { return z > 0; });
  if (measured.empty()) return;
  const double limit_mm = Quantile(&measured, kNearestShare) + kDepthReachMm;
  measured.erase(
      std::remove_if(
          measured.begin(), measured.end(), [limit_mm](float z) { return z > limit_mm; }),
      measured.end());
  const float median_mm = Quantile(&measured, 0.5);
  for (int i = 0; i < count; ++i) {
    if (!(depth_mm[i] > 0) || depth_mm[i] > limit_mm) continue;
    const double relative = (depth_mm[i] - median_mm) / kRelativeDepthMm;
    normalised[i] = static_cast<float>(std::clamp(relative, -1.0, 1.0));
  }
}

}  // namespace handforge
