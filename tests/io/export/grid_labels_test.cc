#include "io/export/grid_labels.h"

#include "tests/io/export/toy_dataset.h"

#include <gmock/gmock.h>

namespace handforge {
namespace {

using ::testing::ElementsAre;

TEST(GridLabels, OnTheirOwnGridAreAsStored) {
  const Tuple t = ToyTuple(3);
  const GridLabels labels = LabelsOnGrid(t, 16);
  EXPECT_EQ(labels.joints_px, t.joints_px);
  EXPECT_EQ(labels.camera.K(), t.camera.K());
  EXPECT_THAT(labels.bbox_px, ElementsAre(1.5, 2.5, 4, 6));
}

TEST(GridLabels, OnAnotherGridShowTheSamePoints) {
  Tuple t = ToyTuple(3);
  t.joints_px.row(4) << 3, 4.5;
  const GridLabels labels = LabelsOnGrid(t, 32);
  EXPECT_EQ(labels.size_px, 32);
  EXPECT_DOUBLE_EQ(labels.joints_px(4, 0), 6.5);  // (3 + 0.5) * 2 - 0.5
  EXPECT_DOUBLE_EQ(labels.joints_px(4, 1), 9.5);
  // Columns 2 to 5 are columns 4 to 11 there.
  EXPECT_THAT(labels.bbox_px, ElementsAre(3.5, 5.5, 8, 12));
  const Eigen::Vector3d x(20, -30, 400);
  const Eigen::Vector2d before = t.camera.Project(x), after = labels.camera.Project(x);
  EXPECT_NEAR(after.x(), (before.x() + 0.5) * 2 - 0.5, 1e-9);
  EXPECT_NEAR(after.y(), (before.y() + 0.5) * 2 - 0.5, 1e-9);
}

TEST(GridLabels, NumbersAreWrittenInTheFewestDigits) {
  EXPECT_EQ(JsonOf(std::array<double, 4>{0.1F, 1, 2.5, -3e-7F}).dump(), "[0.1,1.0,2.5,-3e-07]");
  Tuple t = ToyTuple(0);
  t.joints_in_cam(0, 2) = 512.3F;
  EXPECT_THAT(JsonOf(t.joints_in_cam).dump(), ::testing::HasSubstr("512.3]"));
}

}  // namespace
}  // namespace handforge
