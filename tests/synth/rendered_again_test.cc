#include "synth/rendered_again.h"

#include <gtest/gtest.h>

namespace handforge {
namespace {

constexpr int kSidePx = 32;
constexpr int kShiftPx = 8;
constexpr uint16_t kHandDepth = 4000;

// A wall of palm over the whole picture, joints in its middle.
Tuple Wall() {
  Tuple t;
  t.camera = {100, 100, 0.5 * kSidePx - 0.5, 0.5 * kSidePx - 0.5, kSidePx, kSidePx};
  t.depth = ImageU16(kSidePx, kSidePx, 1, kHandDepth);
  t.mask = ImageU8(kSidePx, kSidePx, 1, kPartPalm);
  t.joints_in_cam.setZero();
  t.joints_in_cam.col(2).setConstant(kHandDepth * kDepthUnitMm);
  t.joints_px.setConstant(kSidePx / 2);
  t.visible.fill(kVisible);
  return t;
}

// The same after its picture moved to the right: nothing is known of its left margin.
Tuple Moved() {
  Tuple t = Wall();
  t.camera.cx += kShiftPx;
  t.augmentation.applied = kShifted;
  t.augmentation.numbers[kShiftX] = kShiftPx;
  for (int y = 0; y < kSidePx; ++y) {
    for (int x = 0; x < kShiftPx; ++x) t.depth.at(x, y) = t.mask.at(x, y) = 0;
  }
  return t;
}

void PutOccluder(int x, uint16_t depth, Tuple* t) {
  t->augmentation.applied |= kOccluded;
  for (int y = 0; y < kSidePx; ++y) {
    t->depth.at(x, y) = depth;
    t->mask.at(x, y) = kPartFirstOccluder;
  }
}

// The wall is the same wherever the camera stands.
std::vector<Difference> Compare(const Tuple& stored, const Tuple& rendered) {
  return CompareWithRendered(stored, rendered, rendered);
}

TEST(CompareWithRendered, WantsEqualPixelsOfRowsAsTheyWereMade) {
  EXPECT_TRUE(Compare(Wall(), Wall()).empty());
  Tuple off = Wall();
  off.depth.at(3, 4) += 1;
  const std::vector<Difference> differences = Compare(off, Wall());
  ASSERT_EQ(differences.size(), 1u);
  EXPECT_EQ(differences[0].column, "depth");
}

TEST(CompareWithRendered, WantsNothingBeyondTheFirstPicture) {
  EXPECT_TRUE(Compare(Moved(), Wall()).empty());
  Tuple invented = Moved();
  for (int y = 0; y < kSidePx; ++y) invented.mask.at(2, y) = kPartPalm;
  EXPECT_EQ(Compare(invented, Wall()).size(), 1u);
}

TEST(CompareWithRendered, WantsOccludersBeforeWhatTheyHide) {
  for (const uint16_t depth : {3000, 5000}) {
    Tuple t = Moved();
    PutOccluder(kSidePx / 2 + 4, depth, &t);
    EXPECT_EQ(Compare(t, Wall()).empty(), depth < kHandDepth);
  }
}

// There was nothing to hide when it was put there.
TEST(CompareWithRendered, OccludersBeyondTheFirstPictureMayLieAnywhere) {
  Tuple t = Moved();
  PutOccluder(2, 5000, &t);
  EXPECT_TRUE(Compare(t, Wall()).empty());
}

}  // namespace
}  // namespace handforge
