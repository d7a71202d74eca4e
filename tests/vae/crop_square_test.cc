#include "vae/crop_square.h"

#include <gtest/gtest.h>

namespace handforge {
namespace {

TEST(CropSquare, WholeImagesAndBoxes) {
  const CropSquare whole = WholeImage(100, 60);
  EXPECT_EQ(whole.side_px, 100);
  EXPECT_EQ(whole.centre_x_px, 49.5);
  EXPECT_EQ(whole.centre_y_px, 29.5);
  const CropSquare around = AroundBox({10, 20, 33, 66});
  EXPECT_NEAR(around.side_px, 100, 1e-9);
  EXPECT_EQ(around.centre_x_px, 26);
  EXPECT_EQ(around.centre_y_px, 52.5);
}

}  // namespace
}  // namespace handforge
