#include "vae/hand_predictor.h"

#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
#include "tests/vae/toy_hands.h"
#include "tests/vae/trained_toy.h"
#include "vae/augment.h"
#include "vae/hand_pairs.h"
#include "vae/samples.h"
#include "vae/targets.h"

#include <algorithm>
#include <cmath>
#include <optional>

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
    return HandPredictor(*vae_, options).Predict(image, WholeImage(image.width, image.height));
  }
  static ImageU8 Picture() { return ToyTuple(ToyOptions(), 0).rgb; }

  static HandVae* vae_;
};
HandVae* HandPredictorTest::vae_ = nullptr;

// The prediction turns with the picture, but for the interpolation of later looks.
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
  PredictorOptions options = Plain("right");
  options.crop_sizes = 3;
  const HandPrediction a = Predict(options, image);
  const HandPrediction b = Predict(options, turned);
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
  EXPECT_FALSE(left.handedness_probability) << "the side was said";
  EXPECT_FALSE(left.side_evidence);
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
  PredictorOptions options = Plain("right");
  const HandPrediction alone = Predict(options, image);
  const CropSquare square{70 + (image.width - 1) / 2.0,
                          31 + (image.height - 1) / 2.0,
                          static_cast<double>(image.width)};
  const HandPrediction inside = HandPredictor(*vae_, options).Predict(larger, square);
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
  EXPECT_FALSE(chosen.handedness_probability) << "no side head";
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
  EXPECT_NEAR(large.spread_mm, 2 * small.spread_mm, 1e-9);
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

TEST_F(HandPredictorTest, OnlyCropsThatAreFramedOtherwiseThanTrainingDataAreMadeAnew) {
  PredictorOptions once = Plain("right"), again = once;
  again.refinements = 1;
  int kept = 0, made_anew = 0, limited = 0;
  for (uint64_t i = 0; i < 600; ++i) {
    const ImageU8 image = ToyTuple(ToyOptions(), i).rgb;
    Random random(5, i, 0, Purpose::kTest);
    CropSquare square = WholeImage(image.width, image.height);
    square.side_px *= random.Uniform(0.5, 2);
    square.centre_x_px += random.Uniform(-0.3, 0.3) * square.side_px;
    const HandPrediction first = HandPredictor(*vae_, once).Predict(image, square);
    const HandPrediction second = HandPredictor(*vae_, again).Predict(image, square);
    const Eigen::RowVector2d low = first.joints_px.colwise().minCoeff();
    const Eigen::RowVector2d high = first.joints_px.colwise().maxCoeff();
    const double zoom = (high - low).maxCoeff() / kCanonicalFill / square.side_px;
    const Eigen::RowVector2d given(square.centre_x_px, square.centre_y_px);
    const double moved = ((low + high) / 2 - given).norm() / square.side_px;
    const bool too_small = zoom * square.side_px <= 4;
    const bool framed = too_small || (zoom < 1.35 && zoom > 1 / 1.35 && moved < 0.12);
    EXPECT_EQ(second.joints_px == first.joints_px, framed) << "zoom " << zoom << ", " << moved;
    EXPECT_EQ(first.square.side_px, square.side_px);
    const double by = framed ? 1 : std::clamp(zoom, 1 / 2.5, 2.5);
    EXPECT_NEAR(second.square.side_px, by * square.side_px, 1e-9);
    limited += !framed && by != zoom;
    const HandPrediction there = HandPredictor(*vae_, once).Predict(image, second.square);
    EXPECT_EQ(there.joints_in_crop_mm, second.joints_in_crop_mm) << "in the axes of that crop";
    ++(framed ? kept : made_anew);
  }
  EXPECT_GT(kept, 3);
  EXPECT_GT(made_anew, 3);
  EXPECT_GT(limited, 3);
}

TEST_F(HandPredictorTest, CropsOfSeveralSizesAreAveraged) {
  PredictorOptions one = Plain("right");
  one.turns = false;
  one.upright_views = 0;
  PredictorOptions three = one;
  three.crop_sizes = 3;
  ImageU8 image(400, 300, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<uint8_t>(i % 1200 / 6 + i / 1200 / 6);
  }
  CropSquare square{210.5, 140.5, 100};
  const HandPrediction together = HandPredictor(*vae_, three).Predict(image, square);
  HandPrediction mean;
  for (const double side_px : {84.0, 100.0, 118.0}) {  // 100 / 1.18 and 118, to even pixels
    square.side_px = side_px;
    const HandPrediction alone = HandPredictor(*vae_, one).Predict(image, square);
    mean.joints_px += alone.joints_px / 3;
    mean.joints_in_crop_mm += alone.joints_in_crop_mm / 3;
  }
  EXPECT_LT((together.joints_px - mean.joints_px).norm(), 1e-3);
  EXPECT_LT((together.joints_in_crop_mm - mean.joints_in_crop_mm).norm(), 1e-3);
}

TEST_F(HandPredictorTest, RefusesNumbersThatMeanNothing) {
  const auto message = [](void (*change)(PredictorOptions*)) {
    PredictorOptions options;
    change(&options);
    return MessageOf<UsageError>([&] { HandPredictor(*vae_, options); });
  };
  EXPECT_THAT(message([](PredictorOptions* o) { o->draws = 0; }), HasSubstr("draws = 0"));
  EXPECT_THAT(message([](PredictorOptions* o) { o->crop_sizes = 0; }), HasSubstr("crop_sizes = 0"));
  EXPECT_THAT(message([](PredictorOptions* o) { o->upright_views = -1; }),
              HasSubstr("upright_views = -1"));
  EXPECT_THAT(message([](PredictorOptions* o) { o->refinements = -1; }),
              HasSubstr("refinements = -1"));
  EXPECT_THAT(message([](PredictorOptions* o) { o->bone_mm = std::nan(""); }),
              HasSubstr("bone_mm = nan"));
  EXPECT_THAT(message([](PredictorOptions* o) { o->opposite_pairs = 1.5; }),
              HasSubstr("opposite_pairs = 1.5"));
}

TEST_F(HandPredictorTest, RefusesPicturesThatAreNotOfThreeColours) {
  for (const int channels : {1, 4}) {
    EXPECT_THAT(MessageOf<DataError>([&] { Predict(Plain("right"), ImageU8(8, 6, channels)); }),
                HasSubstr("not {6, 8, " + std::to_string(channels) + "}"));
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

// RGB->3D, as of the paper's variants.
TEST_F(HandPredictorTest, AModelWithout2dSaysThePoseAlone) {
  const TemporaryFolder folder;
  WriteToyDataset(ToyOptions(), 16, folder / "data");
  TrainOptions options = ToyTraining(folder / "data", folder / "model");
  options.pairs = {"rgb->3d"};
  const HandVae vae = HandVae::Load(Train(options, false).model);
  PredictorOptions plain = Plain("right");
  const ImageU8 image = Picture();
  const CropSquare whole = WholeImage(image.width, image.height);
  const HandPrediction once = HandPredictor(vae, plain).Predict(image, whole);
  EXPECT_FALSE(once.HasJoints2());
  EXPECT_TRUE(once.joints_in_crop_mm.allFinite());
  plain.refinements = 2;
  const HandPrediction refined = HandPredictor(vae, plain).Predict(image, whole);
  EXPECT_EQ(refined.joints_in_crop_mm, once.joints_in_crop_mm) << "nothing says where to look";
}

TEST_F(HandPredictorTest, TheSpreadIsThatOfItsJoints) {
  const HandPrediction hand = Predict(Plain("right"), Picture());
  double squares = 0;
  for (const double mm : hand.joint_spread_mm) {
    EXPECT_GT(mm, 0);
    squares += mm * mm;
  }
  EXPECT_NEAR(hand.spread_mm, std::sqrt(squares / kNumJoints), 1e-9);
}

// A crop is the picture itself.
ToyOptions ToysOfTheModelsSize() {
  ToyOptions toy;
  toy.rgb_px = 32;
  return toy;
}

// What an encoder is shown of a picture of its size, so many times.
std::vector<float> Shown(const ImageU8& image, size_t times) {
  std::vector<float> input;
  for (size_t i = 0; i < times; ++i) {
    for (const uint8_t value : image.pixels) input.push_back(static_cast<float>(value) / 255.0F);
  }
  return input;
}

// Mean of what is seen of the picture turned by the angles, turned back, in units of the model.
Joints3 MeanOfLooks(const HandVae& vae, const ImageU8& image, const std::vector<double>& angles) {
  const std::vector<float> input = Shown(image, angles.size());
  const TurnedLooks looks = LookTurned(vae, Modality::kRgb, input.data(), angles);
  Joints3 mean = Joints3::Zero();
  for (size_t i = 0; i < looks.joints3.size(); ++i) {
    mean.data()[i % (3 * kNumJoints)] +=
        static_cast<double>(looks.joints3[i]) / static_cast<double>(angles.size());
  }
  return mean;
}

double UprightAngleOf(const Joints3& joints) {
  const Eigen::Matrix<float, kNumJoints, 3, Eigen::RowMajor> floats = joints.cast<float>();
  return UprightAngle(floats.data());
}

TEST_F(HandPredictorTest, WhichWayIsUpIsSaidByTwoLooksAtTheHandNearlyUpright) {
  PredictorOptions options = Plain("right");
  options.bone_mm = 1;
  for (uint64_t i = 0; i < 5; ++i) {
    const ImageU8 image = ToyTuple(ToysOfTheModelsSize(), i).rgb;
    const double guess =
        UprightAngleOf(MeanOfLooks(*vae_, image, {0, M_PI / 2, M_PI, 3 * M_PI / 2}));
    const double upright = UprightAngleOf(
        MeanOfLooks(*vae_, image, {guess - kUprightReachRad / 2, guess + kUprightReachRad / 2}));
    const Joints3 joints = MeanOfLooks(*vae_, image, UprightViews(upright, 5));
    const Joints3 from_wrist = joints.rowwise() - joints.row(kWrist).eval();
    EXPECT_LT((Predict(options, image).joints_in_crop_mm - from_wrist).norm(), 1e-4);
    EXPECT_GT(std::abs(upright - guess), 1e-3) << "nothing to tell";
  }
}

// Of the joints that a draw from the posterior of each look says, turned back, from their mean.
TEST_F(HandPredictorTest, SpreadIsThatOfDrawsTurnedBack) {
  PredictorOptions options = Plain("right");
  options.upright_views = 0;
  options.draws = 1;
  options.bone_mm = 1;
  const std::vector<double> angles = {0, M_PI / 2, M_PI, 3 * M_PI / 2};
  const ImageU8 image = ToyTuple(ToysOfTheModelsSize(), 0).rgb;
  const Joints3 mean = MeanOfLooks(*vae_, image, angles);
  const std::vector<float> input = Shown(image, angles.size());
  const TurnedLooks looks = LookTurned(*vae_, Modality::kRgb, input.data(), angles);
  const size_t dim = static_cast<size_t>(vae_->info().latent_dim);
  double squares = 0;
  for (size_t k = 0; k < angles.size(); ++k) {
    Random random(options.seed, k, 0, Purpose::kLatent);
    std::vector<float> z(looks.mean.begin() + k * dim, looks.mean.begin() + (k + 1) * dim);
    for (size_t d = 0; d < dim; ++d) {
      z[d] += std::exp(0.5F * looks.logvar[k * dim + d]) * static_cast<float>(random.Normal());
    }
    DecodedBatch said;
    vae_->Decode(z.data(), 1, &said);
    const Joints3 turned = MetricJoints3(said.joints3.data(), 1, Handedness::kRight);
    // What was seen in the picture turned from x to y is turned from y to x.
    const Eigen::AngleAxisd back(-angles[k], Eigen::Vector3d::UnitZ());
    squares += (turned * back.toRotationMatrix().transpose() - mean).squaredNorm();
  }
  EXPECT_NEAR(Predict(options, image).spread_mm, std::sqrt(squares / 4 / kNumJoints), 1e-4);
}

HandVae VaeWithSideHead(const ToyOptions& toy) {
  const TemporaryFolder folder;
  WriteToyDataset(toy, 32, folder / "data");
  TrainOptions training = ToyTraining(folder / "data", folder / "model");
  training.pairs = {"rgb->3d", "rgb->2d", "3d->3d"};
  training.model.side_head = 1;
  return HandVae::Load(Train(training, false).model);
}

TEST(HandPredictorSide, AutoIsWhatTheSideHeadSaysOfThePictureAndItsMirrorImage) {
  const ToyOptions toy = ToysOfTheModelsSize();
  const HandVae vae = VaeWithSideHead(toy);
  PredictorOptions options;
  options.turns = false;
  options.upright_views = 0;
  const auto says_left = [&vae](const ImageU8& image) {
    float left = 0;
    vae.EncodeSide(Modality::kRgb, Shown(image, 1).data(), 1, &left);
    return left;
  };
  for (uint64_t i = 0; i < 8; ++i) {
    const ImageU8 image = ToyTuple(toy, i).rgb;
    ImageU8 mirrored = image;
    MirrorImage(&mirrored);
    const float left = (says_left(image) + 1 - says_left(mirrored)) / 2;
    const HandPrediction hand = HandPredictor(vae, options).Predict(image, WholeImage(32, 32));
    EXPECT_EQ(hand.handedness, left > 0.5F ? Handedness::kLeft : Handedness::kRight) << left;
  }
}

// Mean distance of the four quarter turns' joints from their mean.
double DisagreementOfTurns(const HandVae& vae, const ImageU8& image, double* log_odds_of_left) {
  const std::vector<double> angles = {0, M_PI / 2, M_PI, 3 * M_PI / 2};
  const std::vector<float> input = Shown(image, angles.size());
  *log_odds_of_left = 0;
  for (const double angle : angles) {
    *log_odds_of_left += LeftLogOddsTurned(vae, Modality::kRgb, input.data(), {angle}) / 4;
  }
  const TurnedLooks looks = LookTurned(vae, Modality::kRgb, input.data(), angles);
  double sum = 0;
  for (int j = 0; j < kNumJoints; ++j) {
    std::array<Eigen::Vector3f, 4> places;
    Eigen::Vector3f mean = Eigen::Vector3f::Zero();
    for (size_t k = 0; k < 4; ++k) {
      places[k] = Eigen::Map<const Eigen::Vector3f>(looks.joints3.data() +
                                                    3 * (k * kNumJoints + static_cast<size_t>(j)));
      mean += places[k] / 4;
    }
    for (const Eigen::Vector3f& place : places) sum += (place - mean).norm() / 4 / kNumJoints;
  }
  return sum;
}

TEST(HandPredictorSide, AutoAddsHowWellItsLooksAgreeToWhatTheSideHeadSays) {
  const ToyOptions toy = ToysOfTheModelsSize();
  const HandVae vae = VaeWithSideHead(toy);
  PredictorOptions options;
  options.upright_views = 0;
  options.refinements = 0;
  int sides[2] = {0, 0};
  for (uint64_t i = 0; i < 40; ++i) {
    const ImageU8 image = ToyTuple(toy, i).rgb;
    ImageU8 mirrored = image;
    MirrorImage(&mirrored);
    double head = 0, head_of_mirrored = 0;
    const double as_right = DisagreementOfTurns(vae, image, &head);
    const double as_left = DisagreementOfTurns(vae, mirrored, &head_of_mirrored);
    const double heads = (head - head_of_mirrored) / 2, agreement = std::log(as_right / as_left);
    const double evidence = 0.98 * heads + 1.27 * agreement;
    const HandPrediction hand = HandPredictor(vae, options).Predict(image, WholeImage(32, 32));
    EXPECT_NEAR(hand.side_evidence->head, heads, 1e-3);
    EXPECT_NEAR(hand.side_evidence->agreement, agreement, 1e-3);
    EXPECT_NEAR(*hand.handedness_probability, 1 / (1 + std::exp(-std::abs(evidence))), 1e-3);
    if (std::abs(evidence) < 1e-3) continue;
    EXPECT_EQ(hand.handedness, evidence > 0 ? Handedness::kLeft : Handedness::kRight) << evidence;
    ++sides[evidence > 0];
  }
  EXPECT_GT(sides[0], 2);
  EXPECT_GT(sides[1], 2);
}

TEST(HandPredictorSide, PostureOfPhotographsIsWeighedAgainstWhatIsRead) {
  const ToyOptions toy = ToysOfTheModelsSize();
  const HandVae vae = VaeWithSideHead(toy);
  const PosturePrior prior;
  PredictorOptions options;
  options.upright_views = 0;
  options.refinements = 0;
  for (uint64_t i = 0; i < 20; ++i) {
    const ImageU8 image = ToyTuple(toy, i).rgb;
    const auto predict = [&](const std::string& side, bool posture) {
      options.handedness = side;
      options.posture_prior = posture;
      return HandPredictor(vae, options).Predict(image, WholeImage(32, 32));
    };
    Joints3 left_mirrored = predict("left", false).joints_in_crop_mm;
    left_mirrored.col(0) *= -1;
    const double posture =
        prior.LogRatio(left_mirrored) - prior.LogRatio(predict("right", false).joints_in_crop_mm);
    const HandPrediction plain = predict("auto", false), weighed = predict("auto", true);
    EXPECT_FALSE(plain.side_evidence->posture);
    ASSERT_TRUE(weighed.side_evidence->posture);
    EXPECT_NEAR(*weighed.side_evidence->posture, posture, 1e-6);
    const double log_odds = 0.6 * plain.side_evidence->LeftLogOdds() + posture;
    EXPECT_NEAR(weighed.side_evidence->LeftLogOdds(), log_odds, 1e-6);
    EXPECT_EQ(weighed.handedness, log_odds > 0 ? Handedness::kLeft : Handedness::kRight);
    EXPECT_EQ(predict("left", true).handedness, Handedness::kLeft);
  }
}

// Two pictures in one, a hand's width between them.
struct TwoHands {
  ImageU8 picture{3 * 32, 32, 3, 128};
  std::vector<CropSquare> squares = {{15.5, 15.5, 32}, {79.5, 15.5, 32}};

  TwoHands(const ImageU8& first, const ImageU8& second) {
    for (int y = 0; y < 32; ++y) {
      std::copy_n(&first.at(0, y), 3 * 32, &picture.at(0, y));
      std::copy_n(&second.at(0, y), 3 * 32, &picture.at(64, y));
    }
  }
};

TEST(HandPredictorSide, HandsOfAPairAreToldTogether) {
  const ToyOptions toy = ToysOfTheModelsSize();
  const HandVae vae = VaeWithSideHead(toy);
  PredictorOptions options;
  options.upright_views = 0;
  options.opposite_pairs = 0.99;
  const HandPredictor predictor(vae, options);
  int changed = 0;
  for (uint64_t i = 0; i < 20; ++i) {
    const TwoHands hands(ToyTuple(toy, 2 * i).rgb, ToyTuple(toy, 2 * i + 1).rgb);
    std::vector<HandPrediction> alone;
    for (const CropSquare& square : hands.squares) {
      alone.push_back(predictor.Predict(hands.picture, square));
      EXPECT_EQ(alone.back().side_evidence->other_hand, 0);
    }
    const std::vector<HandPrediction> pair = predictor.Predict(hands.picture, hands.squares);
    ASSERT_EQ(pair.size(), 2U);
    for (const size_t k : {0, 1}) {
      const double own = alone[k].side_evidence->LeftLogOdds();
      const double other =
          LeftLogOddsByOther(alone[1 - k].side_evidence->LeftLogOdds(), options.opposite_pairs);
      EXPECT_DOUBLE_EQ(pair[k].side_evidence->other_hand, other);
      EXPECT_DOUBLE_EQ(pair[k].side_evidence->LeftLogOdds(), own + other);
      EXPECT_EQ(pair[k].handedness, own + other > 0 ? Handedness::kLeft : Handedness::kRight);
      changed += pair[k].handedness != alone[k].handedness;
    }
  }
  EXPECT_GT(changed, 0);
}

TEST(HandPredictorSide, HandsWhoseSideIsSaidAreSeenByThemselves) {
  const ToyOptions toy = ToysOfTheModelsSize();
  const HandVae vae = VaeWithSideHead(toy);
  PredictorOptions options;
  options.handedness = "left";
  const HandPredictor predictor(vae, options);
  const TwoHands hands(ToyTuple(toy, 0).rgb, ToyTuple(toy, 1).rgb);
  const std::vector<HandPrediction> pair = predictor.Predict(hands.picture, hands.squares);
  for (const size_t k : {0, 1}) {
    EXPECT_EQ(pair[k].handedness, Handedness::kLeft);
    EXPECT_EQ(pair[k].joints_px, predictor.Predict(hands.picture, hands.squares[k]).joints_px);
  }
  EXPECT_TRUE(predictor.Predict(hands.picture, std::vector<CropSquare>()).empty());
}

TEST(HandPredictorSide, AHandAsItIsNeedsToBeToldOrSaid) {
  const TemporaryFolder folder;
  WriteToyDataset(ToyOptions(), 32, folder / "data");
  TrainOptions training = ToyTraining(folder / "data", folder / "model");
  training.pairs = {"rgb->3d", "rgb->2d"};
  training.model.side_input = 1;
  const HandVae told = HandVae::Load(Train(training, false).model);
  const ImageU8 image = ToyTuple(ToyOptions(), 1).rgb;
  const CropSquare square = WholeImage(image.width, image.height);
  PredictorOptions options;
  options.handedness = "left";
  const HandPrediction left = HandPredictor(told, options).Predict(image, square);
  options.handedness = "right";
  const HandPrediction right = HandPredictor(told, options).Predict(image, square);
  EXPECT_NE(left.joints_in_crop_mm, right.joints_in_crop_mm);

  training.model.side_input = 2;
  training.out = (folder / "untold").string();
  const HandVae untold = HandVae::Load(Train(training, false).model);
  const HandPrediction as_right = HandPredictor(untold, options).Predict(image, square);
  options.handedness = "left";
  const HandPrediction as_left = HandPredictor(untold, options).Predict(image, square);
  EXPECT_EQ(as_left.joints_in_crop_mm, as_right.joints_in_crop_mm);
  EXPECT_EQ(as_left.handedness, Handedness::kLeft);
  options.handedness = "auto";
  EXPECT_THAT(MessageOf<UsageError>([&] { HandPredictor(untold, options); }),
              HasSubstr("side_input = 2"));
}

// ---- Depth --------------------------------------------------------------------------------------

class HandPredictorDepth : public ::testing::Test {
 protected:
  HandPredictorDepth() {
    WriteToyDataset(toy_, 32, folder_ / "data");
    TrainOptions training = ToyTraining(folder_ / "data", folder_ / "model");
    training.pairs = {"depth->3d", "depth->2d"};
    training.model.metric_scale = 1;
    training.steps = 300;  // until the norms' running moments have settled
    vae_.emplace(HandVae::Load(Train(training, false).model));
    options_.handedness = "right";
  }
  HandPrediction Predict(const ImageU16& depth, double unit_mm) const {
    const CropSquare square = WholeImage(depth.width, depth.height);
    return HandPredictor(*vae_, options_).Predict(depth, unit_mm, square);
  }

  TemporaryFolder folder_;
  ToyOptions toy_;
  std::optional<HandVae> vae_;
  PredictorOptions options_;
};

TEST_F(HandPredictorDepth, SaysWhatTheModelSaysOfTheTrainingRow) {
  options_.turns = false;
  options_.upright_views = 0;
  const Tuple tuple = ToyTuple(toy_, 0);
  const HandPrediction hand = Predict(tuple.depth, kDepthUnitMm);
  const SampleSet samples =
      LoadSamples({(folder_ / "data").string()}, SampleForm(vae_->info().model), {});
  std::vector<float> input(32 * 32);
  samples.CopyInput(0, Modality::kDepth, input.data());
  std::vector<float> z(static_cast<size_t>(vae_->info().latent_dim));
  vae_->Encode(Modality::kDepth, input.data(), 1, z.data(), nullptr);
  DecodedBatch said;
  vae_->Decode(z.data(), 1, &said);
  Joints3 expected = MetricJoints3(said.joints3.data(), kMetricUnitMm, Handedness::kRight);
  expected = expected.rowwise() - expected.row(kWrist).eval();
  EXPECT_LT((hand.joints_in_crop_mm - expected).cwiseAbs().maxCoeff(), 4);  // int8 steps of depth
}

TEST_F(HandPredictorDepth, StepsOfAnyLengthAndNothingMeasured) {
  const ImageU16 depth = ToyTuple(toy_, 0).depth;
  ImageU16 in_mm = depth;
  for (uint16_t& d : in_mm.pixels) d = static_cast<uint16_t>(std::lround(d * kDepthUnitMm));
  const HandPrediction fine = Predict(depth, kDepthUnitMm);
  const HandPrediction coarse = Predict(in_mm, 1);
  EXPECT_LT((fine.joints_in_crop_mm - coarse.joints_in_crop_mm).cwiseAbs().maxCoeff(), 2);
  EXPECT_TRUE(Predict(ImageU16(40, 30), 1).joints_in_crop_mm.allFinite());

  // A wall far behind the hand changes nothing.
  ImageU16 before_a_wall = in_mm;
  for (uint16_t& d : before_a_wall.pixels) d = d == 0 ? 2000 : d;
  const HandPrediction walled = Predict(before_a_wall, 1);
  EXPECT_LT((walled.joints_in_crop_mm - coarse.joints_in_crop_mm).cwiseAbs().maxCoeff(), 1e-6);
}

TEST_F(HandPredictorDepth, NothingIsMeasuredBeyondThePicture) {
  const ImageU16 depth = ToyTuple(toy_, 0).depth;
  ImageU16 padded(depth.width + 32, depth.height);
  for (int y = 0; y < depth.height; ++y) {
    for (int x = 0; x < depth.width; ++x) padded.at(x + 32, y) = depth.at(x, y);
  }
  const HandPredictor predictor(*vae_, options_);
  const HandPrediction half = predictor.Predict(depth, kDepthUnitMm, {-0.5, 31.5, 64});
  const HandPrediction inside = predictor.Predict(padded, kDepthUnitMm, {31.5, 31.5, 64});
  EXPECT_EQ(half.joints_in_crop_mm, inside.joints_in_crop_mm);
}

TEST_F(HandPredictorDepth, SizeIsTheModelsUnlessABoneIsGiven) {
  const ImageU16 depth = ToyTuple(toy_, 0).depth;
  options_.bone_mm = 50;
  const HandPrediction hand = Predict(depth, kDepthUnitMm);
  EXPECT_NEAR(ReferenceBoneLength(hand.joints_in_crop_mm), 50, 1e-6);
  options_.bone_mm = 0;
  const HandPrediction own = Predict(depth, kDepthUnitMm);
  const double factor =
      ReferenceBoneLength(own.joints_in_crop_mm) / ReferenceBoneLength(hand.joints_in_crop_mm);
  EXPECT_LT((own.joints_in_crop_mm - factor * hand.joints_in_crop_mm).norm(), 1e-6);
}

TEST(HandPredictorSide, PostureIsThatOfPhotographsAlone) {
  const TemporaryFolder folder;
  const ToyOptions toy = ToysOfTheModelsSize();
  WriteToyDataset(toy, 32, folder / "data");
  TrainOptions training = ToyTraining(folder / "data", folder / "model");
  training.pairs = {"depth->3d", "depth->2d"};
  training.model.side_head = 1;
  const HandVae vae = HandVae::Load(Train(training, false).model);
  PredictorOptions options;
  options.posture_prior = true;
  const Tuple tuple = ToyTuple(toy, 0);
  const CropSquare square = WholeImage(tuple.depth.width, tuple.depth.height);
  const HandPrediction hand =
      HandPredictor(vae, options).Predict(tuple.depth, kDepthUnitMm, square);
  ASSERT_TRUE(hand.side_evidence);
  EXPECT_FALSE(hand.side_evidence->posture);
}

TEST_F(HandPredictorDepth, RefusesColours) {
  const HandPredictor predictor(*vae_, options_);
  EXPECT_TRUE(predictor.Sees(Modality::kDepth));
  EXPECT_FALSE(predictor.Sees(Modality::kRgb));
  EXPECT_THAT(
      MessageOf<UsageError>([&] { predictor.Predict(ToyTuple(toy_, 0).rgb, WholeImage(64, 64)); }),
      HasSubstr("no encoder of rgb"));
}

}  // namespace
}  // namespace handforge
