#include "vae/hand_limits.h"

#include "io/core/error.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
#include "tests/vae/gradient_check.h"
#include "tests/vae/toy_hands.h"
#include "tests/vae/trained_toy.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Geometry>
#include <gmock/gmock.h>

namespace handforge {
namespace {

using testing::HasSubstr;
using torch::Tensor;

constexpr double kDegree = 0.017453292519943295;

// A right hand with its palm in the plane z = 0, palm side towards +z, fingers along -y; the index
// finger's joints are bent by these angles in degrees.
Joints3 Hand(double mcp = 0, double abduction = 0, double pip = 0, double dip = 0) {
  const double breadth[] = {35, 25, 5, -15, -32};
  Joints3 joints = Joints3::Zero();
  for (int finger = 0; finger < kNumFingers; ++finger) {
    Eigen::RowVector3d at(-breadth[finger], finger == kThumb ? -30 : -80, 0);
    joints.row(FingerJoint(finger, 0)) = at;
    double bend = 0;
    const double bends[] = {mcp, pip, dip};
    for (int level = 1; level < 4; ++level) {
      if (finger == kIndex) bend += bends[level - 1] * kDegree;
      const double side = finger == kIndex ? abduction * kDegree : 0;
      const Eigen::RowVector3d along(
          -std::sin(side) * std::cos(bend), -std::cos(side) * std::cos(bend), std::sin(bend));
      at += 30 * along;
      joints.row(FingerJoint(finger, level)) = at;
    }
  }
  return joints;
}

Tensor ToTensor(const std::vector<Joints3>& hands) {
  std::vector<Tensor> rows;
  for (const Joints3& hand : hands) {
    rows.push_back(
        torch::from_blob(const_cast<double*>(hand.data()), {1, kNumJoints, 3}, at::kDouble)
            .clone());
  }
  return at::cat(rows);
}

double Angle(const Joints3& hand, const std::string& name) {
  const Tensor angles = JointAnglesDeg(ToTensor({hand}));
  for (int i = 0; i < kNumJointAngles; ++i) {
    if (AngleRanges()[i].name == name) return angles[0][i].item<double>();
  }
  ADD_FAILURE() << "no angle " << name;
  return 0;
}

TEST(JointAnglesDeg, AreThoseTheFingerWasBentBy) {
  const double straight = Angle(Hand(), "index_mcp_flexion");
  EXPECT_NEAR(straight, 0, 1e-6);
  for (const double bend : {-20.0, 30.0, 70.0}) {
    EXPECT_NEAR(Angle(Hand(bend), "index_mcp_flexion"), bend, 2) << "chord and finger differ a bit";
    EXPECT_NEAR(Angle(Hand(10, 0, bend), "index_pip_flexion"), bend, 0.5);
    EXPECT_NEAR(Angle(Hand(10, 0, 20, bend), "index_dip_flexion"), bend, 0.5);
  }
  const double neutral = Angle(Hand(), "index_mcp_abduction");
  EXPECT_NEAR(Angle(Hand(0, 12), "index_mcp_abduction") - neutral, 12, 0.1);
  EXPECT_NEAR(Angle(Hand(0, 0, 40), "middle_pip_flexion"), 0, 1e-3);
}

TEST(JointAnglesDeg, DoNotDependOnPlaceTurnOrSize) {
  const Joints3 hand = Hand(30, 5, 60, 20);
  const Eigen::Matrix3d turn = (Eigen::AngleAxisd(2.1, Eigen::Vector3d::UnitX()) *
                                Eigen::AngleAxisd(-0.8, Eigen::Vector3d::UnitZ()))
                                   .toRotationMatrix();
  Joints3 moved = 1.7 * hand * turn.transpose();
  moved.rowwise() += Eigen::RowVector3d(10, -20, 500);
  const Tensor angles = JointAnglesDeg(ToTensor({hand, moved}));
  EXPECT_TRUE(angles[0].allclose(angles[1], 1e-5, 1e-5));
}

TEST(AngleExcess, IsZeroForHandsAndGrowsBeyondTheRange) {
  EXPECT_EQ(AngleExcess(ToTensor({Hand(), Hand(60, 10, 90, 50)})).item<double>(), 0);
  std::vector<Joints3> toys;
  for (uint64_t i = 0; i < 20; i += 2) toys.push_back(ToyTuple(ToyOptions(), i).joints_in_cam);
  EXPECT_LT(AngleExcess(ToTensor(toys)).item<double>(), 1e-2);

  // A PIP bent backwards by 38 degrees, 30 beyond its range, is one of kNumJointAngles.
  const double excess = AngleExcess(ToTensor({Hand(0, 0, -38)})).item<double>();
  EXPECT_NEAR(excess, 30 * kDegree / kNumJointAngles, 0.5 * kDegree / kNumJointAngles);
  // The same hand mirrored bends every finger the wrong way.
  Joints3 left = Hand(60, 0, 60, 40);
  left.col(0) *= -1;
  EXPECT_GT(AngleExcess(ToTensor({left})).item<double>(), 0.05);
}

SampleSet ToySamples(const TemporaryFolder& folder) {
  WriteToyDataset(ToyOptions(), 32, folder / "data");
  return LoadTrainingData({(folder / "data").string()}, 32).train;
}

TEST(MeasureBones, HoldsTheBonesOfTheData) {
  const TemporaryFolder folder;
  const SampleSet samples = ToySamples(folder);
  const BoneRanges ranges = MeasureBones(samples);
  const int reference = kMiddlePip - 1;  // edges are in order of their child joint
  EXPECT_NEAR(ranges.low[reference], 1, 1e-5);
  EXPECT_NEAR(ranges.high[reference], 1, 1e-5);
  const Tensor joints = torch::tensor(samples.joints3).view({-1, kNumJoints, 3});
  EXPECT_LT(BoneExcess(joints, ranges).item<double>(), 1e-3);
  EXPECT_GT(BoneExcess(1.2 * joints, ranges).item<double>(), 0.05);
  EXPECT_GT(BoneExcess(0.8 * joints, ranges).item<double>(), 0.05);

  SampleSet unlabelled = samples;
  DropLabels(0, true, 1, &unlabelled);
  EXPECT_THAT(MessageOf<DataError>([&] { MeasureBones(unlabelled); }), HasSubstr("3D joints"));
}

TEST(HandLimits, GradientsAreThoseOfDifferences) {
  constexpr double kStep = 1e-5;
  torch::manual_seed(4);
  // Hands so bad that most bounds are crossed.
  const Tensor hands = ToTensor({Hand(-60, 60, -50, -50), Hand(130, -70, 150, 120)}) / 30 +
                       0.3 * torch::randn({2, kNumJoints, 3}, at::kDouble);
  EXPECT_LT(GradientError(AngleExcess, hands, kStep), 1e-5);
  BoneRanges ranges;
  ranges.low.fill(0.9);
  ranges.high.fill(1.1);
  EXPECT_LT(GradientError([&](const Tensor& x) { return BoneExcess(x, ranges); }, hands, kStep),
            1e-5);
  // Joints on one spot give no infinite gradient.
  Tensor spot = torch::zeros({1, kNumJoints, 3}, at::kDouble).set_requires_grad(true);
  (AngleExcess(spot) + BoneExcess(spot, ranges)).backward();
  EXPECT_TRUE(spot.grad().isfinite().all().item<bool>());
}

TEST(HandLimits, TrainingWithThemMakesHandsMorePossible) {
  const TemporaryFolder folder;
  const SampleSet samples = ToySamples(folder);
  const auto excess_after = [&](double weight) {
    TrainOptions options = ToyTraining(folder / "data", folder / std::to_string(weight));
    options.pairs = {"rgb->3d", "rgb->rgb"};
    options.limits_weight = weight;
    options.steps = 120;
    options.eval_every = options.checkpoint_every = 120;
    const HandVae vae = HandVae::Load(Train(options, false).model);
    const int rows = static_cast<int>(samples.size());
    const size_t size = static_cast<size_t>(InputSize(Modality::kRgb, samples.rgb_px));
    std::vector<float> pictures(size * samples.present.size());
    for (int64_t row = 0; row < rows; ++row) {
      samples.CopyInput(row, Modality::kRgb, pictures.data() + static_cast<size_t>(row) * size);
    }
    std::vector<float> z(samples.present.size() * static_cast<size_t>(vae.info().latent_dim));
    vae.Encode(Modality::kRgb, pictures.data(), rows, z.data(), nullptr);
    DecodedBatch said;
    vae.Decode(z.data(), rows, &said);
    const Tensor joints = torch::tensor(said.joints3).view({-1, kNumJoints, 3});
    return BoneExcess(joints, MeasureBones(samples)).item<double>() +
           AngleExcess(joints).item<double>();
  };
  EXPECT_LT(excess_after(5), 0.8 * excess_after(0));
}

TEST(HandLimits, WantsRightHandsAndAPairThatSaysThem) {
  TrainOptions options = ToyTraining("data", "out");
  options.limits_weight = 1;
  options.model.side_input = 1;
  EXPECT_THAT(MessageOf<UsageError>([&] { options.Check(); }), HasSubstr("side_input = 0, not 1"));
  options.model.side_input = 0;
  options.pairs = {"rgb->rgb"};
  EXPECT_THAT(MessageOf<UsageError>([&] { options.Check(); }), HasSubstr("limits_weight"));
}

}  // namespace
}  // namespace handforge
