#include "io/augment/occluder_blobs.h"

#include "tests/io/augment/augment_testing.h"

#include <gtest/gtest.h>

namespace handforge {
namespace {

OccluderBlob Disc(double x, double y, double radius) {
  OccluderBlob blob;
  blob.x = x;
  blob.y = y;
  blob.radius = radius;
  blob.colour = {200, 10, 10};
  blob.front_mm = 300;
  blob.thickness_mm = 20;
  return blob;
}

TEST(OccluderBlob, WithoutSwellIsADisc) {
  const OccluderBlob blob = Disc(0.5, 0.5, 0.2);
  EXPECT_NEAR(blob.RelativeRadius(0.7, 0.5), 1, 1e-12);
  EXPECT_NEAR(blob.RelativeRadius(0.5, 0.4), 0.5, 1e-12);
}

TEST(PlaceBlobs, CoversExactlyItsPixelsInEveryColumn) {
  Tuple t = ConsistentTuple(1, 0);
  const Tuple before = t;
  const OccluderBlob blob = Disc(0.55, 0.45, 0.15);
  PlaceBlobs({blob}, &t);
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      const bool inside = std::hypot((x + 0.5) / 64 - 0.55, (y + 0.5) / 64 - 0.45) < 0.15;
      EXPECT_EQ(t.mask.at(x, y),
                inside ? static_cast<uint8_t>(kPartFirstOccluder) : before.mask.at(x, y));
      if (!inside) {
        EXPECT_EQ(t.depth.at(x, y), before.depth.at(x, y));
        continue;
      }
      EXPECT_GE(t.depth.at(x, y), 3000);
      EXPECT_LE(t.depth.at(x, y), 3200);
    }
  }
  // rgb has half the resolution: (17, 14) lies well inside, (2, 2) well outside.
  EXPECT_GT(t.rgb.at(17, 14, 0), 100);
  EXPECT_EQ(t.alpha.at(17, 14), 0);
  EXPECT_EQ(t.rgb.at(2, 2, 0), before.rgb.at(2, 2, 0));
  EXPECT_EQ(t.bbox_px, BoxOfHand(t.mask));
}

TEST(PlaceBlobs, WhereTwoLieEveryColumnShowsTheLast) {
  OccluderBlob far = Disc(0.45, 0.5, 0.15), near = Disc(0.55, 0.5, 0.15);
  far.front_mm = 200;
  near.front_mm = 190;
  near.thickness_mm = 60;  // its rim lies further than the other's middle
  Tuple both = ConsistentTuple(1, 0), alone = both;
  PlaceBlobs({far, near}, &both);
  PlaceBlobs({near}, &alone);
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      if (near.RelativeRadius((x + 0.5) / 64, (y + 0.5) / 64) >= 1) continue;
      EXPECT_EQ(both.depth.at(x, y), alone.depth.at(x, y));
    }
  }
  EXPECT_EQ(both.rgb.at(15, 16, 0), alone.rgb.at(15, 16, 0)) << "where the first is deepest";
}

TEST(PlaceBlobs, JointsBehindAreHiddenByAnOccluder) {
  Tuple t = ConsistentTuple(2, 0);
  t.joints_px.setConstant(10);
  t.joints_px.row(kIndexTip) << 35, 28;
  t.joints_px.row(kThumbTip) << 35, 28;
  t.visible[kThumbTip] = kOutOfFrame;
  t.visible[kWrist] = kHiddenByArm;
  PlaceBlobs({Disc(35.5 / 64, 28.5 / 64, 0.1)}, &t);
  EXPECT_EQ(t.visible[kIndexTip], kHiddenByOccluder);
  EXPECT_EQ(t.visible[kThumbTip], kOutOfFrame);
  EXPECT_EQ(t.visible[kWrist], kHiddenByArm);
  EXPECT_EQ(t.visible[kMiddleTip], kVisible);
}

TEST(PlaceBlobs, LeavesAloneWhatIsNotThere) {
  Tuple t = ConsistentTuple(3, 0);
  t.present = kHasRgb | kHasJoints2;
  const Tuple before = t;
  PlaceBlobs({Disc(0.5, 0.5, 0.2)}, &t);
  EXPECT_EQ(t.mask.pixels, before.mask.pixels);
  EXPECT_EQ(t.depth.pixels, before.depth.pixels);
  EXPECT_EQ(t.alpha.pixels, before.alpha.pixels);
  EXPECT_EQ(t.bbox_px, before.bbox_px);
  EXPECT_NE(t.rgb.pixels, before.rgb.pixels);
}

TEST(DrawBlobs, StandBeforeWhatTheyHide) {
  OccluderOptions options;
  for (uint64_t i = 0; i < 100; ++i) {
    const Tuple before = ConsistentTuple(4, i);
    Random random(5, i, 0, Purpose::kTest);
    const auto blobs = DrawBlobs(options, before, &random);
    EXPECT_GE(blobs.size(), 1u);
    EXPECT_LE(blobs.size(), 3u);
    EXPECT_TRUE(std::is_sorted(blobs.begin(), blobs.end(), [](const auto& a, const auto& b) {
      return a.front_mm > b.front_mm;
    }));
    Tuple t = before;
    PlaceBlobs(blobs, &t);
    int hidden = 0, hand = 0;
    for (size_t p = 0; p < t.mask.pixels.size(); ++p) {
      hand += before.mask.pixels[p] != 0;
      if (t.mask.pixels[p] != kPartFirstOccluder) continue;
      hidden += before.mask.pixels[p] != 0;
      ASSERT_GT(t.depth.pixels[p], 0) << "draw " << i;
      if (before.depth.pixels[p] > 0) {
        ASSERT_LT(t.depth.pixels[p], before.depth.pixels[p]) << "draw " << i;
      }
    }
    EXPECT_NEAR(HiddenShare(blobs, before), static_cast<double>(hidden) / hand, 1e-12);
  }
}

}  // namespace
}  // namespace handforge
