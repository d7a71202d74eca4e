#include "io/export/grid_labels.h"

namespace handforge {
namespace {

template <typename Matrix>
LabelJson Rows(const Matrix& matrix) {
  LabelJson rows = LabelJson::array();
  for (Eigen::Index r = 0; r < matrix.rows(); ++r) {
    LabelJson row = LabelJson::array();
    for (Eigen::Index c = 0; c < matrix.cols(); ++c) {
      row.push_back(static_cast<float>(matrix(r, c)));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

GridLabels LabelsOnGrid(const Tuple& tuple, int size_px) {
  GridLabels labels;
  labels.size_px = size_px;
  labels.camera = tuple.camera;
  labels.joints_px = tuple.joints_px;
  for (size_t i = 0; i < labels.bbox_px.size(); ++i) labels.bbox_px[i] = tuple.bbox_px[i];
  const int from_px = tuple.camera.width_px;
  if (size_px == from_px) return labels;
  labels.camera = tuple.camera.Resized(size_px, size_px);
  labels.joints_px =
      tuple.joints_px.unaryExpr([=](double x_px) { return RescalePixel(x_px, from_px, size_px); });
  const double scale = static_cast<double>(size_px) / from_px;
  auto& [x, y, width, height] = labels.bbox_px;
  x = RescalePixel(x, from_px, size_px);
  y = RescalePixel(y, from_px, size_px);
  width *= scale;
  height *= scale;
  return labels;
}

LabelJson JsonOf(const Joints2& joints_px) { return Rows(joints_px); }
LabelJson JsonOf(const Joints3& joints_in_cam) { return Rows(joints_in_cam); }
LabelJson JsonOf(const PinholeCamera& camera) { return Rows(camera.K()); }

LabelJson JsonOf(const std::array<double, 4>& numbers) {
  LabelJson list = LabelJson::array();
  for (const double number : numbers) list.push_back(static_cast<float>(number));
  return list;
}

LabelJson JsonOf(const std::array<float, 9>& matrix) {
  LabelJson rows = LabelJson::array();
  for (size_t row = 0; row < 3; ++row) {
    rows.push_back(LabelJson::array({matrix[3 * row], matrix[3 * row + 1], matrix[3 * row + 2]}));
  }
  return rows;
}

bool IsCrop(const Tuple& tuple) { return tuple.picture_K[0] > 0; }

std::string NameOf(Handedness side) { return side == Handedness::kLeft ? "left" : "right"; }

std::string NameOf(Split split) {
  constexpr const char* kNames[] = {"train", "validation", "test"};
  return kNames[static_cast<size_t>(split)];
}

}  // namespace handforge
