#pragma once

#include "io/core/tuple.h"

#include <array>

#include <nlohmann/json.hpp>

namespace handforge {

// Numbers as they are stored: in single precision, in the fewest digits that read back as such.
using LabelJson = nlohmann::basic_json<nlohmann::ordered_map,
                                       std::vector,
                                       std::string,
                                       bool,
                                       std::int64_t,
                                       std::uint64_t,
                                       float>;

// The labels of a tuple in the pixels of one of its pictures, all of which cover one field of view:
// stored on the grid of `depth` (image_px), moved to others by the half-pixel rule (RescalePixel).
struct GridLabels {
  int size_px = 0;
  PinholeCamera camera;
  Joints2 joints_px = Joints2::Zero();
  // x, y, width, height; pixel centres are whole numbers, so that a box whose first column is 10
  // has x = 9.5.
  std::array<double, 4> bbox_px{};
};
GridLabels LabelsOnGrid(const Tuple& tuple, int size_px);

// {21, C} as a list of lists, {3, 3} likewise, "left" or "right".
LabelJson JsonOf(const Joints2& joints_px);
LabelJson JsonOf(const Joints3& joints_in_cam);
LabelJson JsonOf(const PinholeCamera& camera);
LabelJson JsonOf(const std::array<double, 4>& numbers);
LabelJson JsonOf(const std::array<float, 9>& matrix);  // 3 x 3
// Whether the tuple is a crop of a published picture, with crop_from_cam and picture_K.
bool IsCrop(const Tuple& tuple);
std::string NameOf(Handedness side);
std::string NameOf(Split split);  // "train", "validation", "test"

}  // namespace handforge
