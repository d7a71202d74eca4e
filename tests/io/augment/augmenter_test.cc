#include "io/augment/augmenter.h"

#include "io/augment/camera_move.h"
#include "io/augment/move_tuple.h"
#include "io/core/error.h"
#include "io/drawing.h"
#include "tests/io/augment/augment_testing.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"

#include <gmock/gmock.h>

namespace handforge {
namespace {

using Rejections = std::map<std::string, uint64_t>;

AugmentationOptions Nothing() {
  AugmentationOptions options;
  options.geometry.flip = options.geometry.move = 0;
  options.occluders.share = 0;
  PictureOptions& p = options.picture;
  p.recolour = p.blur = p.sensor_noise = p.plain_noise = p.jpeg = p.cut_out = 0;
  return options;
}

TEST(Augmenter, WithEveryShareAtZeroChangesNothing) {
  const Augmenter augmenter(Nothing(), 32);
  Tuple t = ConsistentTuple(1, 7);
  const Tuple before = t;
  Rejections rejections;
  augmenter.Augment(5, 3, &rejections, &t);
  EXPECT_EQ(t.rgb.pixels, before.rgb.pixels);
  EXPECT_EQ(t.depth.pixels, before.depth.pixels);
  EXPECT_EQ(t.joints_px, before.joints_px);
  EXPECT_EQ(t.augmentation.applied, 0u);
  EXPECT_EQ(t.augmentation.source_index, 7u);
  EXPECT_EQ(t.augmentation.numbers[kZoomFactor], 1);
  EXPECT_TRUE(rejections.empty());
}

TEST(Augmenter, IsAFunctionOfSeedAndIndex) {
  const Augmenter augmenter(AugmentationOptions(), 32);
  const auto augmented = [&](uint64_t seed, uint64_t index) {
    Tuple t = ConsistentTuple(2, 0);
    Rejections rejections;
    augmenter.Augment(seed, index, &rejections, &t);
    return t;
  };
  const Tuple a = augmented(1, 10), again = augmented(1, 10);
  EXPECT_EQ(a.rgb.pixels, again.rgb.pixels);
  EXPECT_EQ(a.depth.pixels, again.depth.pixels);
  EXPECT_EQ(a.augmentation.numbers, again.augmentation.numbers);
  EXPECT_NE(a.rgb.pixels, augmented(1, 11).rgb.pixels);
  EXPECT_NE(a.rgb.pixels, augmented(2, 10).rgb.pixels);
}

TEST(Augmenter, TheRowsNumbersExplainItsCamera) {
  AugmentationOptions options = Nothing();
  options.geometry.flip = 0.5;
  options.geometry.move = 1;
  const Augmenter augmenter(options, 32);
  for (uint64_t i = 0; i < 100; ++i) {
    const Tuple before = ConsistentTuple(3, i);
    Tuple t = before, repeated = before;
    Rejections rejections;
    augmenter.Augment(9, i, &rejections, &t);
    MoveTuple(MoveOf(t.augmentation), Border::kReplicate, &repeated);
    ASSERT_EQ(t.depth.pixels, repeated.depth.pixels) << "draw " << i;
    ASSERT_EQ(t.rgb.pixels, repeated.rgb.pixels) << "draw " << i;
    ASSERT_EQ(t.joints_in_cam, repeated.joints_in_cam) << "draw " << i;
    ASSERT_EQ(t.visible, repeated.visible) << "draw " << i;
  }
}

TEST(Augmenter, EachShareAtOneSetsItsBit) {
  const std::vector<std::pair<uint32_t, std::function<void(AugmentationOptions*)>>> cases = {
      {kFlipped, [](auto* o) { o->geometry.flip = 1; }},
      {kRolled | kCameraTurned | kZoomed | kShifted, [](auto* o) { o->geometry.move = 1; }},
      {kOccluded, [](auto* o) { o->occluders.share = 1; }},
      {kRecoloured, [](auto* o) { o->picture.recolour = 1; }},
      {kBlurred, [](auto* o) { o->picture.blur = 1; }},
      {kSensorNoise, [](auto* o) { o->picture.sensor_noise = 1; }},
      {kPlainNoise, [](auto* o) { o->picture.plain_noise = 1; }},
      {kCompressed, [](auto* o) { o->picture.jpeg = 1; }},
      {kCutOut, [](auto* o) { o->picture.cut_out = 1; }},
  };
  for (const auto& [bits, change] : cases) {
    AugmentationOptions options = Nothing();
    change(&options);
    const Augmenter augmenter(options, 32);
    int with_bits = 0, changed = 0;
    for (uint64_t i = 0; i < 20; ++i) {
      Tuple t = ConsistentTuple(4, i);
      const Tuple before = t;
      Rejections rejections;
      augmenter.Augment(1, i, &rejections, &t);
      EXPECT_EQ(t.augmentation.applied & ~bits, 0u);
      with_bits += t.augmentation.applied == bits;
      changed += t.rgb.pixels != before.rgb.pixels;
    }
    EXPECT_GE(with_bits, 18) << "bits " << bits;
    EXPECT_GE(changed, 10) << "bits " << bits;  // the weakest draws round to nothing
  }
}

TEST(Augmenter, KeepsTheHandInThePicture) {
  AugmentationOptions options = Nothing();
  options.geometry.move = 1;
  options.geometry.shift = 0.5;
  options.geometry.turn_deg = 25;
  const Augmenter augmenter(options, 32);
  Rejections rejections;
  for (uint64_t i = 0; i < 200; ++i) {
    Tuple t = ConsistentTuple(5, i);
    const int before = CountHandPixels(t.mask);
    augmenter.Augment(1, i, &rejections, &t);
    const double zoom = t.augmentation.numbers[kZoomFactor];
    EXPECT_GE(CountHandPixels(t.mask), 0.69 * std::min(1.0, zoom * zoom) * before) << "draw " << i;
  }
  EXPECT_GT(rejections["joints_out_of_frame"] + rejections["hand_out_of_frame"], 0u);
}

// A hand that is only further away is whole.
TEST(Augmenter, ZoomingOutLosesNothing) {
  AugmentationOptions options = Nothing();
  options.geometry.move = 1;
  options.geometry.roll_deg = options.geometry.turn_deg = options.geometry.shift = 0;
  options.geometry.smallest_zoom = 0.5;
  options.geometry.largest_zoom = 1;
  const Augmenter augmenter(options, 32);
  Rejections rejections;
  for (uint64_t i = 0; i < 50; ++i) {
    Tuple t = ConsistentTuple(7, i);
    augmenter.Augment(1, i, &rejections, &t);
  }
  EXPECT_THAT(rejections, ::testing::IsEmpty());
}

TEST(Augmenter, MixesSpectraUpToTheStrongestMix) {
  const TemporaryFolder folder;
  WritePng(ImageU8(40, 40, 3, 90), folder / "grey.png");
  AugmentationOptions options = Nothing();
  options.spectrum.share = 1;
  options.spectrum.images = folder.path();
  options.spectrum.strongest_mix = 0.2;
  const Augmenter augmenter(options, 32);
  float strongest = 0;
  for (uint64_t i = 0; i < 50; ++i) {
    Tuple t = ConsistentTuple(8, i);
    Rejections rejections;
    augmenter.Augment(1, i, &rejections, &t);
    EXPECT_EQ(t.augmentation.applied, kSpectrumMixed);
    strongest = std::max(strongest, t.augmentation.numbers[kSpectrumMix]);
  }
  EXPECT_NEAR(strongest, 0.19f, 0.01f);
}

// Pictures without labels are crops of a hand all the same.
TEST(Augmenter, KeepsTheMiddleOfAPictureWithoutLabels) {
  AugmentationOptions options = Nothing();
  options.geometry.move = 1;
  options.geometry.turn_deg = 25;
  options.geometry.shift = 0.3;
  const Augmenter augmenter(options, 32);
  Rejections rejections;
  for (uint64_t i = 0; i < 200; ++i) {
    Tuple t = ConsistentTuple(6, i);
    t.present = kHasRgb;
    t.visible.fill(kVisibilityUnknown);
    const PinholeCamera before = t.camera;
    augmenter.Augment(1, i, &rejections, &t);
    const CameraMove move = MoveOf(t.augmentation);
    const Eigen::Vector3d middle(0, 0, 1);
    EXPECT_NEAR(before.Project(middle).x(), 0.5 * before.width_px - 0.5, 2);
    EXPECT_TRUE(t.camera.Contains(t.camera.Project(Eigen::Vector3d(move.new_from_cam * middle))))
        << i;
  }
  EXPECT_GT(rejections["hand_out_of_frame"], 50u);
}

TEST(Augmenter, ACutOutHidesTheJointsItCovers) {
  AugmentationOptions options = Nothing();
  options.picture.cut_out = 1;
  options.picture.cut_out_side = 0.9;
  const Augmenter augmenter(options, 32);
  int hidden = 0;
  for (uint64_t i = 0; i < 50; ++i) {
    Tuple t = ConsistentTuple(6, i);
    Rejections rejections;
    augmenter.Augment(1, i, &rejections, &t);
    const auto& n = t.augmentation.numbers;
    for (int j = 0; j < kNumJoints; ++j) {
      const double u = (t.joints_px(j, 0) + 0.5) / 2 - 0.5, v = (t.joints_px(j, 1) + 0.5) / 2 - 0.5;
      const bool inside = u >= n[kCutOutX] - 0.5 && u < n[kCutOutX] + n[kCutOutWidth] - 0.5 &&
                          v >= n[kCutOutY] - 0.5 && v < n[kCutOutY] + n[kCutOutHeight] - 0.5;
      EXPECT_EQ(t.visible[j], inside ? kHiddenByOccluder : kVisible);
      hidden += inside;
    }
  }
  EXPECT_GT(hidden, 20);
}

TEST(Augmenter, NamesOptionsThatDoNotFitTogether) {
  AugmentationOptions zoom;
  zoom.geometry.smallest_zoom = 1.5;
  EXPECT_THAT(MessageOf<UsageError>([&] { Augmenter(zoom, 32); }),
              ::testing::HasSubstr("smallest_zoom"));
  AugmentationOptions spectrum;
  spectrum.spectrum.share = 0.5;
  EXPECT_THAT(MessageOf<UsageError>([&] { Augmenter(spectrum, 32); }),
              ::testing::HasSubstr("spectrum.images"));
  AugmentationOptions range;
  range.picture.blur = 2;
  EXPECT_THAT(MessageOf<UsageError>([&] { Augmenter(range, 32); }), ::testing::HasSubstr("blur"));
}

// However often a camera's move is drawn again, and however little it sees.
TEST(Augmenter, SharesAreThoseAskedFor) {
  AugmentationOptions options = Nothing();
  options.geometry.flip = 0.5;
  options.geometry.move = 0.8;
  const Augmenter augmenter(options, 32);
  constexpr int kTuples = 400;
  for (const double zoom : {1.0, 4.0}) {
    Rejections rejections;
    int flipped = 0, turned = 0;
    for (uint64_t i = 0; i < kTuples; ++i) {
      Tuple t = ConsistentTuple(5, i);
      t.camera.fx *= zoom;  // as if from further away
      t.camera.fy *= zoom;
      t.joints_in_cam.col(2) *= zoom;
      const double seen_deg = std::atan(t.camera.width_px / 2.0 / t.camera.fx) * 180 / M_PI;
      augmenter.Augment(1, i, &rejections, &t);
      flipped += (t.augmentation.applied & kFlipped) != 0;
      turned += (t.augmentation.applied & kCameraTurned) != 0;
      EXPECT_LE(std::abs(t.augmentation.numbers[kPanDeg]), seen_deg) << i;
      EXPECT_LE(std::abs(t.augmentation.numbers[kTiltDeg]), seen_deg) << i;
    }
    EXPECT_NEAR(flipped, 0.5 * kTuples, 40) << zoom;
    EXPECT_NEAR(turned, 0.8 * kTuples, 32) << zoom;
  }
}

}  // namespace
}  // namespace handforge
