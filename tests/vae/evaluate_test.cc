#include "vae/evaluate.h"

#include "io/core/random.h"
#include "io/core/skeleton.h"
#include "tests/io/temporary_folder.h"
#include "tests/vae/toy_hands.h"
#include "tests/vae/trained_toy.h"
#include "vae/augment.h"
#include "vae/targets.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

namespace handforge {
namespace {

constexpr int kPx = 32;
constexpr int kGridPx = 200;

// Held-out toy hands and a model of a few steps, which is far from right about them.
class EvaluateTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const TemporaryFolder folder;
    WriteToyDataset(ToyOptions(), 48, folder / "data");
    TrainOptions options = ToyTraining(folder / "data", folder / "model");
    options.pairs = {"3d->3d+2d", "2d->2d+depth"};
    options.model.depth_decoder_width = 16;
    vae_ = new HandVae(HandVae::Load(Train(options, false).model));
    samples_ = new SampleSet(LoadTrainingData(options.data, kPx).held_out);
  }
  static void TearDownTestSuite() {
    delete vae_;
    delete samples_;
  }

  // What the model says of one row.
  static DecodedBatch Said(int64_t row, Modality from) {
    std::vector<float> input(static_cast<size_t>(InputSize(from, kPx)));
    samples_->CopyInput(row, from, input.data());
    std::vector<float> z(static_cast<size_t>(vae_->info().latent_dim));
    vae_->Encode(from, input.data(), 1, z.data(), nullptr);
    DecodedBatch said;
    vae_->Decode(z.data(), 1, &said);
    return said;
  }
  static PairScore Score(const SampleSet& samples, const char* pair, const char* measure) {
    for (const PairScore& score : EvaluateModel(*vae_, samples, {ParsePairs({pair}), 0, kGridPx})) {
      if (score.measure == measure) return score;
    }
    ADD_FAILURE() << "no score " << pair << " " << measure;
    return {};
  }

  static Joints2 OnGrid(const float* joints2) {
    return PixelJoints2(joints2, kGridPx, Handedness::kRight);
  }
  static Joints2 TruthOnGrid(int64_t row) {
    return OnGrid(samples_->joints2.data() + row * kNumJoints * 2);
  }
  static double Distance(const Joints2& a, const Joints2& b) {
    return (a - b).rowwise().norm().mean();
  }

  static HandVae* vae_;
  static SampleSet* samples_;
};
HandVae* EvaluateTest::vae_ = nullptr;
SampleSet* EvaluateTest::samples_ = nullptr;

TEST_F(EvaluateTest, JointsInTheCropAreMeasuredInPixelsOfTheGrid) {
  const int64_t rows = samples_->size();
  double error_px = 0, mean_error_px = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const Joints2 said = OnGrid(Said(row, Modality::kJoints2).joints2.data());
    error_px += Distance(said, TruthOnGrid(row)) / static_cast<double>(rows);
    const Joints2 mean = OnGrid(vae_->mean_joints2().data());
    mean_error_px += Distance(mean, TruthOnGrid(row)) / static_cast<double>(rows);
  }
  const PairScore score = Score(*samples_, "2d->2d", "epe_px");
  EXPECT_NEAR(score.value, error_px, 1e-3);
  EXPECT_NEAR(score.baseline, mean_error_px, 1e-3);
  EXPECT_EQ(score.samples, rows);
}

TEST_F(EvaluateTest, WhatAPoseAloneShowsIsComparedInTheCanonicalFraming) {
  const int64_t rows = samples_->size();
  double error_px = 0;
  for (int64_t row = 0; row < rows; ++row) {
    Joints2 framed = TruthOnGrid(row);
    const Eigen::RowVector2d low = framed.colwise().minCoeff(), high = framed.colwise().maxCoeff();
    framed.rowwise() -= (low + high) / 2;
    framed *= kCanonicalFill * kGridPx / (high - low).maxCoeff();
    framed.array() += (kGridPx - 1) / 2.0;
    const Joints2 said = OnGrid(Said(row, Modality::kJoints3).joints2.data());
    error_px += Distance(said, framed) / static_cast<double>(rows);
  }
  EXPECT_NEAR(Score(*samples_, "3d->2d", "epe_px").value, error_px, 1e-3);
}

TEST_F(EvaluateTest, DepthIsMeasuredInsideTheForegroundOfHandsThatAreSeen) {
  constexpr size_t kPixels = size_t{kPx} * kPx;
  SampleSet samples = *samples_;
  Random random(1, 0, 0, Purpose::kTest);
  for (int8_t& level : samples.depth) {
    level = static_cast<int8_t>(random.Chance(0.5) ? kDepthLevels : random.Integer(200) - 100);
  }
  std::fill_n(samples.depth.begin(), kPixels, static_cast<int8_t>(kDepthLevels));  // no hand at all
  const int64_t rows = samples.size();
  double error_mm = 0, plane_error_mm = 0;
  for (int64_t row = 1; row < rows; ++row) {
    const std::vector<float> said = Said(row, Modality::kJoints2).depth;
    double error = 0, plane_error = 0, count = 0;
    for (size_t i = 0; i < kPixels; ++i) {
      const int level = samples.depth[static_cast<size_t>(row) * kPixels + i];
      if (level == kDepthLevels) continue;
      const double truth = static_cast<double>(level) / kDepthLevels;
      error += std::abs(static_cast<double>(said[i]) - truth);
      plane_error += std::abs(truth);
      ++count;
    }
    error_mm += kRelativeDepthMm * error / count / static_cast<double>(rows - 1);
    plane_error_mm += kRelativeDepthMm * plane_error / count / static_cast<double>(rows - 1);
  }
  const PairScore score = Score(samples, "2d->depth", "depth_mm");
  EXPECT_NEAR(score.value, error_mm, 1e-3);
  EXPECT_NEAR(score.baseline, plane_error_mm, 1e-3);
  EXPECT_EQ(score.samples, rows - 1);
}

// Means over the joints of the mean distance of each where it counts.
TEST_F(EvaluateTest, HiddenJointsCountUnderTheRootProtocolAlone) {
  SampleSet samples = *samples_;
  Random random(2, 0, 0, Purpose::kTest);
  for (uint8_t& visible : samples.visible) visible = random.Chance(0.5) ? kVisible : kHiddenByHand;
  Eigen::Matrix<double, kNumJoints, 1> of_visible, of_all, visible;
  of_visible.setZero();
  of_all.setZero();
  visible.setZero();
  const int64_t rows = samples.size();
  for (int64_t row = 0; row < rows; ++row) {
    const double bone_mm = samples.bone_mm[static_cast<size_t>(row)];
    const float* joints3 = samples.joints3.data() + row * kNumJoints * 3;
    const Joints3 truth = MetricJoints3(joints3, bone_mm, Handedness::kRight);
    const DecodedBatch decoded = Said(row, Modality::kJoints3);
    const Joints3 said = MetricJoints3(decoded.joints3.data(), bone_mm, Handedness::kRight);
    for (int j = 0; j < kNumJoints; ++j) {
      const Eigen::RowVector3d off = said.row(j) - truth.row(j);
      of_all[j] += (off - said.row(kWrist) + truth.row(kWrist)).norm() / static_cast<double>(rows);
      if (samples.visible[static_cast<size_t>(row * kNumJoints + j)] == kHiddenByHand) continue;
      // The palm's centre takes the wrist's place, and is where the truth is centred.
      of_visible[j] += j == kWrist ? PalmCentre(said).norm() : off.norm();
      ++visible[j];
    }
  }
  ASSERT_GT(visible.minCoeff(), 0);
  EXPECT_NEAR(
      Score(samples, "3d->3d", "epe_mm").value, of_visible.cwiseQuotient(visible).mean(), 1e-3);
  EXPECT_NEAR(Score(samples, "3d->3d", "epe_root_mm").value, of_all.mean(), 1e-3);
}

}  // namespace
}  // namespace handforge
