#include "vae/hand_predictor.h"

#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
#include "tests/vae/toy_hands.h"
#include "tests/vae/trained_toy.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

using ::testing::HasSubstr;

// A network that has hardly been trained: what is tested here holds for any weights.
class HandPredictorTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const TemporaryFolder folder;
    WriteToyDataset(ToyOptions(), 32, folder / "data");
    TrainOptions options = ToyTraining(folder / "data", folder / "model");
    options.pairs = {"rgb->3d", "rgb->2d", "3d->3d"};
    vae_ = new HandVae(HandVae::Load(Train(options, false).model));
  }
  static void TearDownTestSuite() {
    delete vae_;
    vae_ = nullptr;
  }

  static PredictorOptions Plain(const std::string& side) {
    PredictorOptions options;
    options.handedness = side;
    options.refinements = 0;
    return options;
  }
  static HandPrediction Predict(const PredictorOptions& options, const ImageU8& image) {
    return HandPredictor(*vae_, options).Predict(image, WholeImage(image.width, image.height), 3);
  }
  static ImageU8 Picture() { return ToyTuple(ToyOptions(), 0).rgb; }

  static HandVae* vae_;
};
HandVae* HandPredictorTest::vae_ = nullptr;

// The prediction turns with the picture, but for the interpolation of its second look.
constexpr double kTurnTolerance = 0.5;  // px, mm
TEST_F(HandPredictorTest, TurnedPictureTurnedHand) {
  const ImageU8 image = Picture();
  ImageU8 turned(image.width, image.height, 3);
  const int n = image.width;
  for (int y = 0; y < n; ++y) {
    for (int x = 0; x < n; ++x) {
      for (int c = 0; c < 3; ++c) turned.at(n - 1 - y, x, c) = image.at(x, y, c);  // clockwise
    }
  }
  const HandPrediction a = Predict(Plain("right"), image);
  const HandPrediction b = Predict(Plain("right"), turned);
  for (int j = 0; j < kNumJoints; ++j) {
    EXPECT_NEAR(b.joints_px(j, 0), n - 1 - a.joints_px(j, 1), kTurnTolerance);
    EXPECT_NEAR(b.joints_px(j, 1), a.joints_px(j, 0), kTurnTolerance);
    EXPECT_NEAR(b.joints_in_crop_mm(j, 0), -a.joints_in_crop_mm(j, 1), kTurnTolerance);
    EXPECT_NEAR(b.joints_in_crop_mm(j, 1), a.joints_in_crop_mm(j, 0), kTurnTolerance);
    EXPECT_NEAR(b.joints_in_crop_mm(j, 2), a.joints_in_crop_mm(j, 2), kTurnTolerance);
  }
}

TEST_F(HandPredictorTest, MirroredPictureMirroredHand) {
  const ImageU8 image = Picture();
  ImageU8 mirrored = image;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      for (int c = 0; c < 3; ++c) mirrored.at(x, y, c) = image.at(image.width - 1 - x, y, c);
    }
  }
  const HandPrediction right = Predict(Plain("right"), image);
  const HandPrediction left = Predict(Plain("left"), mirrored);
  EXPECT_EQ(left.handedness, Handedness::kLeft);
  EXPECT_NEAR(left.spread_mm, right.spread_mm, 1e-6);
  for (int j = 0; j < kNumJoints; ++j) {
    EXPECT_NEAR(left.joints_px(j, 0), image.width - 1 - right.joints_px(j, 0), 1e-6);
    EXPECT_NEAR(left.joints_in_crop_mm(j, 0), -right.joints_in_crop_mm(j, 0), 1e-6);
    EXPECT_NEAR(left.joints_in_crop_mm(j, 2), right.joints_in_crop_mm(j, 2), 1e-6);
  }
}

TEST_F(HandPredictorTest, CropOfALargerPictureIsTheSmallerPicture) {
  const ImageU8 image = Picture();
  ImageU8 larger(200, 120, 3, 90);
  for (int y = 0; y < image.height; ++y) {
    std::copy_n(&image.at(0, y), 3 * image.width, &larger.at(70, y + 31));
  }
  const HandPrediction alone = Predict(Plain("right"), image);
  const CropSquare square{70 + (image.width - 1) / 2.0,
                          31 + (image.height - 1) / 2.0,
                          static_cast<double>(image.width)};
  const HandPrediction inside = HandPredictor(*vae_, Plain("right")).Predict(larger, square, 3);
  EXPECT_LT((inside.joints_in_crop_mm - alone.joints_in_crop_mm).norm(), 1e-9);
  const Joints2 moved = alone.joints_px.rowwise() + Eigen::RowVector2d(70, 31);
  EXPECT_LT((inside.joints_px - moved).norm(), 1e-9);
}

TEST_F(HandPredictorTest, AutoTakesTheSideThatAgreesMoreWithItself) {
  const ImageU8 image = Picture();
  const HandPrediction left = Predict(Plain("left"), image);
  const HandPrediction right = Predict(Plain("right"), image);
  const HandPrediction chosen = Predict(Plain("auto"), image);
  const HandPrediction& better = left.spread_mm < right.spread_mm ? left : right;
  EXPECT_EQ(chosen.handedness, better.handedness);
  EXPECT_EQ(chosen.joints_in_crop_mm, better.joints_in_crop_mm);
  EXPECT_DOUBLE_EQ(chosen.confidence, std::exp(-better.spread_mm / 20));
}

TEST_F(HandPredictorTest, ScaleIsThatOfTheBone) {
  PredictorOptions options = Plain("right");
  options.bone_mm = 40;
  const HandPrediction small = Predict(options, Picture());
  options.bone_mm = 80;
  const HandPrediction large = Predict(options, Picture());
  EXPECT_LT((large.joints_in_crop_mm - 2 * small.joints_in_crop_mm).norm(), 1e-9);
  EXPECT_EQ(large.joints_px, small.joints_px);
  EXPECT_EQ(large.joints_in_crop_mm.row(kWrist).norm(), 0);
}

TEST_F(HandPredictorTest, PicturesOfAnyShapeAreTaken) {
  for (const auto& [width, height] : {std::pair(1, 1), std::pair(300, 20), std::pair(17, 90)}) {
    PredictorOptions options;
    options.refinements = 3;
    const HandPrediction hand = Predict(options, ImageU8(width, height, 3, 128));
    EXPECT_TRUE(hand.joints_px.allFinite());
    EXPECT_TRUE(hand.joints_in_crop_mm.allFinite());
    EXPECT_GT(hand.confidence, 0);
  }
}

TEST_F(HandPredictorTest, RefusesUnknownSidesAndModelsThatLackADecoder) {
  EXPECT_THAT(MessageOf<UsageError>([&] { HandPredictor(*vae_, Plain("both")); }),
              HasSubstr("handedness = both"));
  const TemporaryFolder folder;
  WriteToyDataset(ToyOptions(), 16, folder / "data");
  TrainOptions options = ToyTraining(folder / "data", folder / "model");
  options.pairs = {"3d->3d"};
  const HandVae blind = HandVae::Load(Train(options, false).model);
  EXPECT_THAT(MessageOf<UsageError>([&] { HandPredictor(blind, Plain("auto")); }),
              HasSubstr("no encoder of rgb"));
}

TEST(HandPredictorSide, AutoIsWhatTheSideHeadSays) {
  const TemporaryFolder folder;
  ToyOptions toy;
  toy.rgb_px = 32;  // the model's size: a crop is the picture itself
  WriteToyDataset(toy, 32, folder / "data");
  TrainOptions training = ToyTraining(folder / "data", folder / "model");
  training.pairs = {"rgb->3d", "rgb->2d", "3d->3d"};
  training.model.side_head = 1;
  const HandVae vae = HandVae::Load(Train(training, false).model);
  PredictorOptions options;
  options.turns = false;
  for (uint64_t i = 0; i < 8; ++i) {
    const ImageU8 image = ToyTuple(toy, i).rgb;
    const std::vector<float> input(image.pixels.begin(), image.pixels.end());
    std::vector<float> scaled;
    for (const float value : input) scaled.push_back(value / 255.0F);
    float left = 0;
    vae.EncodeSide(Modality::kRgb, scaled.data(), 1, &left);
    const HandPrediction hand = HandPredictor(vae, options).Predict(image, WholeImage(32, 32), i);
    EXPECT_EQ(hand.handedness, left > 0.5F ? Handedness::kLeft : Handedness::kRight) << left;
  }
}

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
