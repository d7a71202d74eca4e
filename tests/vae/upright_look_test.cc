#include "vae/upright_look.h"

#include "io/core/random.h"
#include "io/core/skeleton.h"
#include "tests/io/temporary_folder.h"
#include "tests/vae/toy_hands.h"
#include "tests/vae/trained_toy.h"
#include "vae/augment.h"

#include <cmath>

#include <gtest/gtest.h>

namespace handforge {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr size_t kJoints3Size = kNumJoints * 3;

TEST(UprightAngle, TurnsTheMiddleKnuckleAboveTheWrist) {
  for (uint64_t i = 0; i < 1000; ++i) {
    Random random(1, i, 0, Purpose::kTest);
    std::vector<float> joints(kJoints3Size);
    for (float& value : joints) value = static_cast<float>(random.Uniform(-2, 2));
    AugmentDraw draw;
    draw.upright = true;
    draw.tilt_rad = random.Uniform(-0.5, 0.5);
    SetUpright(joints.data(), &draw);
    MoveJoints3(draw, joints.data());
    const double x = joints[3 * kMiddleMcp] - joints[3 * kWrist];
    const double y = joints[3 * kMiddleMcp + 1] - joints[3 * kWrist + 1];
    // Up is -y; a tilt goes from x towards y.
    EXPECT_NEAR(std::remainder(std::atan2(x, -y) - draw.tilt_rad, 2 * kPi), 0, 1e-4);
  }
  AugmentDraw other;
  other.angle_rad = 0.3;
  SetUpright(std::vector<float>(kJoints3Size, 1.0F).data(), &other);
  EXPECT_EQ(other.angle_rad, 0.3) << "not to be upright";
}

TEST(UprightViews, LieEvenlyAroundTheAngle) {
  EXPECT_EQ(UprightViews(0.5, 1), (std::vector<double>{0.5}));
  const std::vector<double> three = UprightViews(0.5, 3);
  ASSERT_EQ(three.size(), 3u);
  EXPECT_DOUBLE_EQ(three[0], 0.5 - kUprightReachRad);
  EXPECT_DOUBLE_EQ(three[1], 0.5);
  EXPECT_DOUBLE_EQ(three[2], 0.5 + kUprightReachRad);
  EXPECT_TRUE(UprightViews(0.5, 0).empty());
}

// A model of a few steps, which says something else of every picture.
class UprightLookTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const TemporaryFolder folder;
    WriteToyDataset(ToyOptions(), 64, folder / "data");
    TrainOptions training = ToyTraining(folder / "data", folder / "model");
    training.pairs = {"rgb->3d+2d", "depth->3d+2d"};
    training.model.depth_encoder_width = 8;
    vae_ = new HandVae(HandVae::Load(Train(training, false).model));
  }
  static void TearDownTestSuite() {
    delete vae_;
    vae_ = nullptr;
  }

  static std::vector<float> Pictures(Modality modality, int rows) {
    std::vector<float> pictures(static_cast<size_t>(rows) *
                                static_cast<size_t>(InputSize(modality, vae_->info().rgb_px)));
    Random random(2, static_cast<uint64_t>(modality), 0, Purpose::kTest);
    for (float& value : pictures) value = static_cast<float>(random.Uniform(0, 1));
    return pictures;
  }

  // Quarter turns from x towards y, pixel by pixel.
  static std::vector<float> QuarterTurned(const std::vector<float>& picture, size_t channels) {
    const size_t px = static_cast<size_t>(vae_->info().rgb_px);
    std::vector<float> turned(picture.size());
    for (size_t y = 0; y < px; ++y) {
      for (size_t x = 0; x < px; ++x) {
        for (size_t c = 0; c < channels; ++c) {
          turned[(x * px + (px - 1 - y)) * channels + c] = picture[(y * px + x) * channels + c];
        }
      }
    }
    return turned;
  }

  static HandVae* vae_;
};
HandVae* UprightLookTest::vae_ = nullptr;

TEST_F(UprightLookTest, TurnsThePictureAndWhatItSaysBack) {
  for (const Modality modality : {Modality::kRgb, Modality::kDepth}) {
    const std::vector<float> picture = Pictures(modality, 1);
    const TurnedLooks turned = LookTurned(*vae_, modality, picture.data(), {kPi / 2});
    const std::vector<float> by_hand = QuarterTurned(picture, modality == Modality::kRgb ? 3 : 1);
    const TurnedLooks plain = LookTurned(*vae_, modality, by_hand.data(), {0});
    for (size_t j = 0; j < kNumJoints; ++j) {
      // (x, y) of the turned picture is (y, -x) of the given one.
      EXPECT_NEAR(turned.joints3[3 * j], plain.joints3[3 * j + 1], 2e-3);
      EXPECT_NEAR(turned.joints3[3 * j + 1], -plain.joints3[3 * j], 2e-3);
      EXPECT_NEAR(turned.joints3[3 * j + 2], plain.joints3[3 * j + 2], 2e-3);
      EXPECT_NEAR(turned.joints2[2 * j], plain.joints2[2 * j + 1], 2e-3);
      EXPECT_NEAR(turned.joints2[2 * j + 1], -plain.joints2[2 * j], 2e-3);
    }
  }
}

TEST_F(UprightLookTest, CornersThatComeIntoDepthAreBackground) {
  const std::vector<float> background(static_cast<size_t>(InputSize(Modality::kDepth, 32)), 1.0F);
  const TurnedLooks turned = LookTurned(*vae_, Modality::kDepth, background.data(), {kPi / 4});
  const TurnedLooks plain = LookTurned(*vae_, Modality::kDepth, background.data(), {0});
  EXPECT_EQ(turned.mean, plain.mean);
}

TEST_F(UprightLookTest, AveragesTheViewsOfEachPicture) {
  constexpr int kRows = 3;
  const std::vector<float> pictures = Pictures(Modality::kRgb, kRows);
  const size_t size = pictures.size() / kRows;
  const TurnedLooks first = LookUpright(*vae_, Modality::kRgb, pictures.data(), kRows, 0);
  const TurnedLooks both = LookUpright(*vae_, Modality::kRgb, pictures.data(), kRows, 2);
  ASSERT_EQ(both.joints3.size(), kRows * kJoints3Size);
  for (size_t row = 0; row < kRows; ++row) {
    const float* picture = pictures.data() + row * size;
    const double upright = UprightAngle(first.joints3.data() + row * kJoints3Size);
    const TurnedLooks a = LookTurned(*vae_, Modality::kRgb, picture, {upright - kUprightReachRad});
    const TurnedLooks b = LookTurned(*vae_, Modality::kRgb, picture, {upright + kUprightReachRad});
    for (size_t i = 0; i < kJoints3Size; ++i) {
      EXPECT_NEAR(both.joints3[row * kJoints3Size + i], (a.joints3[i] + b.joints3[i]) / 2, 1e-3);
    }
  }
}

}  // namespace
}  // namespace handforge
