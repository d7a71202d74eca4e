#include "vae/self_supervision.h"

#include "io/core/error.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
#include "tests/vae/toy_hands.h"
#include "tests/vae/trained_toy.h"
#include "vae/augment.h"
#include "vae/batch.h"
#include "vae/learner.h"
#include "vae/networks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include <gmock/gmock.h>

namespace handforge {
namespace {

using torch::Tensor;

TEST(TurnedBack, UndoesTheTurnOfAugmentation) {
  torch::manual_seed(1);
  const Tensor joints = torch::randn({5, 21, 3});
  const Tensor angles = torch::tensor({0.0F, 1.0F, -2.5F, 3.0F, 0.3F});
  Tensor turned = joints.clone();
  for (int i = 0; i < 5; ++i) {
    AugmentDraw draw;
    draw.angle_rad = angles[i].item<double>();
    MoveJoints3(draw, turned.data_ptr<float>() + i * 63);
  }
  EXPECT_GT((turned - joints).abs().max().item<double>(), 0.1);
  EXPECT_TRUE(TurnedBack(turned, angles).allclose(joints, 1e-5, 1e-5));
}

TEST(DisagreementOfLooks, IsThatOfTheHandNotOfTheTurn) {
  torch::manual_seed(2);
  const Tensor hands = torch::randn({3, 21, 3});
  const Tensor angles = torch::tensor({0.1F, 2.0F, -1.0F, 1.5F, 0.0F, -3.0F});
  const Tensor looks = TurnedBack(at::cat({hands, hands}), -angles);
  EXPECT_LT(DisagreementOfLooks(looks, angles).item<double>(), 2e-3);
  // The second look shifted by 3, 4, 0: 5 away from the first.
  Tensor moved = at::cat({hands, hands + torch::tensor({3.0F, 4.0F, 0.0F})});
  moved = TurnedBack(moved, -angles);
  EXPECT_NEAR(DisagreementOfLooks(moved, angles).item<double>(), 5, 1e-3);
}

TEST(WithOwnAlpha, LeavesLabels) {
  torch::manual_seed(3);
  const Tensor logits = torch::randn({2, 4, 8, 8});
  const Tensor planes = torch::rand({2, 5, 8, 8});
  const Tensor own = WithOwnAlpha(planes, torch::tensor({1.0F, 0.0F}), logits);
  EXPECT_TRUE(own[0].equal(planes[0]));
  EXPECT_TRUE(own[1][3].equal(logits[1][3].sigmoid()));
  EXPECT_TRUE(own[1].slice(0, 0, 3).equal(planes[1].slice(0, 0, 3)));
  EXPECT_TRUE(own[1][4].equal(planes[1][4]));
}

// However many pictures without a mask stand beside them, those with one teach alpha alike.
TEST(WithOwnAlpha, LeavesTheLossOfAlphaToLabels) {
  torch::manual_seed(3);
  const Tensor planes = torch::rand({4, 5, 8, 8});
  const Tensor has_alpha = torch::tensor({1.0F, 0.0F, 0.0F, 0.0F});
  Tensor logits = torch::randn({4, 4, 8, 8}).set_requires_grad(true);
  const Tensor own = WithOwnAlpha(planes, has_alpha, logits);
  const Tensor loss = ComputeImageLoss(logits, own, has_alpha, torch::ones({4}), 0).alpha;
  loss.backward();
  const Tensor alone =
      ComputeImageLoss(
          logits.slice(0, 0, 1), planes.slice(0, 0, 1), torch::ones({1}), torch::ones({1}), 0)
          .alpha;
  EXPECT_NEAR(loss.item<double>(), alone.item<double>(), 1e-6);
  EXPECT_GT(logits.grad()[0][3].abs().max().item<double>(), 1e-5);
  EXPECT_EQ(logits.grad().slice(0, 1, 4).abs().max().item<double>(), 0);
}

TEST(WithOwnAlpha, TheColourLossLooksAtTheHand) {
  Tensor logits = torch::zeros({1, 4, 8, 8});
  logits[0][3].slice(1, 0, 4).fill_(20);  // the left half is said to be hand
  logits[0][3].slice(1, 4, 8).fill_(-20);
  const Tensor planes = torch::ones({1, 5, 8, 8}), none = torch::zeros({1});
  planes[0][0].slice(1, 4, 8).fill_(0.1);  // errors of colour only in the right half
  planes[0].slice(0, 0, 3).slice(2, 0, 4).fill_(0.5);
  const auto colour = [&](const Tensor& target, const Tensor& has_mask) {
    return ComputeImageLoss(logits, target, none, has_mask, 0).colour.item<double>();
  };
  EXPECT_GT(colour(planes, none), 0.1);
  EXPECT_LT(colour(WithOwnAlpha(planes, none, logits), torch::ones({1})), 1e-6);
}

TEST(DecodedOver, CutsTheHandOut) {
  Tensor logits = torch::full({2, 4, 8, 8}, 30.0F);
  logits.select(1, 3).slice(2, 0, 4).fill_(-30);  // the left half is background
  const Tensor seen = DecodedOver(torch::full({2, 3, 8, 8}, 0.25F), logits);
  EXPECT_TRUE(seen.slice(3, 0, 4).allclose(torch::full({2, 3, 8, 4}, 0.25F)));
  EXPECT_TRUE(seen.slice(3, 4, 8).allclose(torch::ones({2, 3, 8, 4})));
}

class DecodedPictures : public testing::Test {
 protected:
  DecodedPictures() {
    WriteToyDataset(ToyOptions(), 32, folder_ / "data");
    options_ = ToyTraining(folder_ / "data", folder_ / "model");
    options_.pairs = {"rgb->3d+2d", "3d->3d", "3d->rgb"};
    samples_ = LoadTrainingData(options_.data, 32).train;
  }

  Batch Make(double share, int process = 0, int processes = 1) const {
    BatchOptions options;
    options.image_rows = 8;
    options.latent_dim = static_cast<int>(options_.model.latent_dim);
    options.decoded_share = share;
    options.process = process;
    options.processes = processes;
    return BatchMaker(samples_, ParsePasses({"rgb->3d+2d"}), options).Make(0);
  }
  double Loss(const Batch& batch) const { return Learner(options_).Step(batch, 1e-9)[0].loss; }

  TemporaryFolder folder_;
  TrainOptions options_;
  SampleSet samples_;
};

TEST_F(DecodedPictures, AreOfTheFirstRowsFramedAsDecodersFrameThem) {
  const Batch batch = Make(0.25);
  EXPECT_EQ(batch.decoded_rows, 2);
  EXPECT_EQ(batch.backgrounds.size(), 2u * 3 * 32 * 32);
  for (int row = 0; row < 2; ++row) {
    const float* joints = &batch.targets[1][static_cast<size_t>(row) * kNumJoints * 2];
    std::array<double, 2> low = {1, 1};
    std::array<double, 2> high = {-1, -1};
    for (size_t i = 0; i < kNumJoints * 2; ++i) {
      low[i % 2] = std::min<double>(low[i % 2], joints[i]);
      high[i % 2] = std::max<double>(high[i % 2], joints[i]);
    }
    EXPECT_NEAR(std::max(high[0] - low[0], high[1] - low[1]), 2 * kCanonicalFill, 1e-4);
  }
  EXPECT_EQ(Make(0).decoded_rows, 0);
  // Parts of a batch hold the parts of it.
  EXPECT_EQ(Make(0.75, 0, 2).decoded_rows, 4);
  EXPECT_EQ(Make(0.75, 1, 2).decoded_rows, 2);
}

TEST_F(DecodedPictures, AreShownInPlaceOfTheDatas) {
  Batch shown = Make(1);
  Batch hidden = shown;
  std::fill(hidden.input.begin(), hidden.input.end(), 0.5F);
  EXPECT_EQ(Loss(shown), Loss(hidden));
  Batch another = shown;
  std::fill(another.backgrounds.begin(), another.backgrounds.end(), 0.5F);
  EXPECT_NE(Loss(shown), Loss(another));
  // And as they are where none is decoded.
  shown.decoded_rows = hidden.decoded_rows = 0;
  EXPECT_NE(Loss(shown), Loss(hidden));
}

TEST_F(DecodedPictures, NeedPassesThatPaintAndReadThem) {
  options_.decoded_share = 0.5;
  options_.Check();
  for (const char* missing : {"rgb->3d+2d", "3d->3d", "3d->rgb"}) {
    TrainOptions options = options_;
    options.pairs = {"2d->3d", "rgb->rgb"};
    if (missing != std::string("rgb->3d+2d")) options.pairs.push_back("rgb->3d+2d");
    if (missing != std::string("3d->3d")) options.pairs.push_back("3d->3d");
    if (missing == std::string("3d->rgb")) options.pairs[1] = "2d->2d";
    EXPECT_THAT(MessageOf<UsageError>([&] { options.Check(); }),
                testing::HasSubstr("decoded_share"))
        << missing;
  }
  options_.model.side_input = 1;
  EXPECT_THAT(MessageOf<UsageError>([&] { options_.Check(); }),
              testing::HasSubstr("side_input = 0, not 1"));
}

class TwoLooks : public testing::Test {
 protected:
  TwoLooks() {
    WriteToyDataset(ToyOptions(), 32, folder_ / "data");
    options_ = ToyTraining(folder_ / "data", folder_ / "model");
    options_.pairs = {"rgb->rgb", "rgb->3d"};
    options_.turns_weight = 1;
    samples_ = LoadTrainingData(options_.data, 32).train;
  }

  Batch Make(bool move) const {
    BatchOptions options;
    options.image_rows = 8;
    options.latent_dim = static_cast<int>(options_.model.latent_dim);
    options.two_looks = true;
    options.augment.rotate = move;
    options.augment.brightness = options.augment.colour = move ? 0.15 : 0;
    return BatchMaker(samples_, ParsePasses({"rgb->rgb"}), options).Make(0);
  }
  double Disagreement(const Batch& batch) const {
    for (const StepLosses& losses : Learner(options_).Step(batch, 1e-9)) {
      if (losses.pair == "rgb->turns") return losses.reconstruction;
    }
    ADD_FAILURE() << "no loss rgb->turns";
    return 0;
  }

  TemporaryFolder folder_;
  TrainOptions options_;
  SampleSet samples_;
};

TEST_F(TwoLooks, ShowTheSamePicturesTwice) {
  const Batch still = Make(false);
  ASSERT_EQ(still.turns.size(), 8u);
  const std::vector<float>& target = still.targets[0];
  const size_t half = target.size() / 2;
  EXPECT_TRUE(std::equal(target.begin(), target.begin() + half, target.begin() + half));
  const Batch moved = Make(true);
  for (int i = 0; i < 4; ++i) EXPECT_NE(moved.turns[i], moved.turns[i + 4]);
  EXPECT_NE(moved.targets[0], target);
}

TEST_F(TwoLooks, AgreeWhereTheyAreEqualAndNotWhereOneIsSaidToBeTurned) {
  Batch batch = Make(false);
  EXPECT_LT(Disagreement(batch), 2e-3);
  std::fill(batch.turns.begin() + 4, batch.turns.end(), 1.5F);
  EXPECT_GT(Disagreement(batch), 2e-2);
}

}  // namespace
}  // namespace handforge
