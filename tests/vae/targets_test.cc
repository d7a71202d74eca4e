#include "vae/targets.h"

#include "io/core/camera.h"
#include "io/core/random.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace handforge {
namespace {

Joints3 RandomJoints(uint64_t index) {
  Random random(3, index, 0, Purpose::kTest);
  Joints3 joints;
  for (int j = 0; j < kNumJoints; ++j) {
    joints.row(j) << random.Uniform(-80, 80), random.Uniform(-80, 80), random.Uniform(400, 500);
  }
  return joints;
}

TEST(NormaliseJoints3, CentresOnThePalmInBoneLengths) {
  for (uint64_t i = 0; i < 50; ++i) {
    const Joints3 joints = RandomJoints(i);
    std::array<float, 63> normalised;
    NormaliseJoints3(joints, Handedness::kRight, normalised.data());
    const Joints3 back = MetricJoints3(normalised.data(), 1, Handedness::kRight);
    EXPECT_NEAR(PalmCentre(back).norm(), 0, 1e-5);
    EXPECT_NEAR(ReferenceBoneLength(back), 1, 1e-5);
  }
}

TEST(NormaliseJoints3, IsUndoneUpToTheTranslation) {
  for (const Handedness side : {Handedness::kLeft, Handedness::kRight}) {
    const Joints3 joints = RandomJoints(7);
    std::array<float, 63> normalised;
    NormaliseJoints3(joints, side, normalised.data());
    const Joints3 back = MetricJoints3(normalised.data(), ReferenceBoneLength(joints), side);
    const Joints3 centred = joints.rowwise() - PalmCentre(joints).transpose();
    EXPECT_LT((back - centred).cwiseAbs().maxCoeff(), 1e-3);
  }
}

TEST(NormaliseJoints3, MakesMirroredHandsEqual) {
  const Joints3 right = RandomJoints(9);
  Joints3 left = right;
  left.col(0) *= -1;
  std::array<float, 63> of_right;
  std::array<float, 63> of_left;
  NormaliseJoints3(right, Handedness::kRight, of_right.data());
  NormaliseJoints3(left, Handedness::kLeft, of_left.data());
  EXPECT_EQ(of_right, of_left);
}

TEST(NormaliseJoints2, SpansTheImageEdgeToEdge) {
  Joints2 joints = Joints2::Zero();
  joints.row(0) << -0.5, -0.5;
  joints.row(1) << 127.5, 127.5;
  joints.row(2) << 63.5, 63.5;
  std::array<float, 42> normalised;
  NormaliseJoints2(joints, 128, Handedness::kRight, normalised.data());
  EXPECT_FLOAT_EQ(normalised[0], -1);
  EXPECT_FLOAT_EQ(normalised[1], -1);
  EXPECT_FLOAT_EQ(normalised[2], 1);
  EXPECT_FLOAT_EQ(normalised[3], 1);
  EXPECT_NEAR(normalised[4], 0, 1e-7);
}

TEST(NormaliseJoints2, DoesNotDependOnTheGrid) {
  std::array<float, 42> on_64;
  std::array<float, 42> on_256;
  Joints2 joints = Joints2::Zero();
  joints.row(3) << 12.25, 50.5;
  NormaliseJoints2(joints, 64, Handedness::kLeft, on_64.data());
  for (int j = 0; j < kNumJoints; ++j) {
    joints.row(j) << RescalePixel(joints(j, 0), 64, 256), RescalePixel(joints(j, 1), 64, 256);
  }
  NormaliseJoints2(joints, 256, Handedness::kLeft, on_256.data());
  for (size_t i = 0; i < on_64.size(); ++i) EXPECT_NEAR(on_64[i], on_256[i], 1e-6);
  EXPECT_LT((PixelJoints2(on_256.data(), 256, Handedness::kLeft) - joints).cwiseAbs().maxCoeff(),
            1e-4);
}

TEST(NormaliseJoints2, MirrorsLikeTheColumnsOfTheImage) {
  constexpr int kPx = 32;
  ImageU8 image(kPx, kPx);
  image.at(5, 9) = 255;
  MirrorImage(&image);
  Joints2 joints = Joints2::Constant(5);
  joints.col(1).setConstant(9);
  std::array<float, 42> normalised;
  NormaliseJoints2(joints, kPx, Handedness::kLeft, normalised.data());
  const Joints2 mirrored = PixelJoints2(normalised.data(), kPx, Handedness::kRight);
  EXPECT_NEAR(mirrored(0, 0), kPx - 1 - 5, 1e-4);
  EXPECT_EQ(image.at(kPx - 1 - 5, 9), 255);
  EXPECT_EQ(image.at(5, 9), 0);
}

TEST(MirrorImage, KeepsChannelsTogetherAndUndoesItself) {
  ImageU8 image(5, 2, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(i);
  ImageU8 flipped = image;
  MirrorImage(&flipped);
  for (int y = 0; y < 2; ++y) {
    for (int x = 0; x < 5; ++x) {
      for (int c = 0; c < 3; ++c) EXPECT_EQ(flipped.at(x, y, c), image.at(4 - x, y, c));
    }
  }
  MirrorImage(&flipped);
  EXPECT_EQ(flipped.pixels, image.pixels);
}

TEST(NormaliseDepth, IsRelativeToTheMedianOfTheForeground) {
  // 100 pixels: specks, a hand between 400 and 480 mm, a wall behind, nothing measured.
  std::vector<float> depth_mm(100, 0.0F);
  depth_mm[0] = 150;
  for (int i = 1; i <= 81; ++i) depth_mm[static_cast<size_t>(i)] = 399.0F + static_cast<float>(i);
  for (size_t i = 82; i < 90; ++i) depth_mm[i] = 900;
  std::vector<float> relative(100);
  NormaliseDepth(depth_mm.data(), 100, relative.data());
  const float median_mm = 440;
  for (int i = 1; i <= 81; ++i) {
    const double expected = (depth_mm[static_cast<size_t>(i)] - median_mm) / kRelativeDepthMm;
    EXPECT_NEAR(relative[static_cast<size_t>(i)], expected, 1.5 / kRelativeDepthMm) << i;
  }
  EXPECT_EQ(relative[0], -1) << "cut off";
  for (size_t i = 82; i < 100; ++i) EXPECT_EQ(relative[i], 1) << i;
}

TEST(NormaliseDepth, DoesNotDependOnTheDistance) {
  std::vector<float> near_mm(64, 0.0F);
  for (size_t i = 8; i < 40; ++i) near_mm[i] = 500.0F + 3.0F * static_cast<float>(i);
  std::vector<float> far_mm = near_mm;
  for (float& z : far_mm) z += z > 0 ? 321.0F : 0.0F;
  std::vector<float> a(64);
  std::vector<float> b(64);
  NormaliseDepth(near_mm.data(), 64, a.data());
  NormaliseDepth(far_mm.data(), 64, b.data());
  for (size_t i = 0; i < 64; ++i) EXPECT_NEAR(a[i], b[i], 1e-5);
}

TEST(NormaliseDepth, SaysBackgroundWhereNothingIsMeasured) {
  const std::vector<float> depth_mm(16, 0.0F);
  std::vector<float> relative(16);
  NormaliseDepth(depth_mm.data(), 16, relative.data());
  EXPECT_EQ(relative, std::vector<float>(16, 1.0F));
}

}  // namespace
}  // namespace handforge
