#include "io/core/metrics.h"

#include "tests/io/core/random_geometry.h"
#include "tests/io/error_matchers.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;

constexpr Protocol kAll[] = {
    Protocol::kSpurr2018, Protocol::kRoot, Protocol::kScale, Protocol::kPa, Protocol::kAbsolute};

std::array<uint8_t, kNumJoints> AllVisible() {
  std::array<uint8_t, kNumJoints> visible;
  visible.fill(kVisible);
  return visible;
}

// What a protocol calls a perfect prediction.
Joints3 Perfect(Protocol protocol, const Joints3& truth) {
  return protocol == Protocol::kSpurr2018 ? NormalisePose(truth) : truth;
}

double MeanError(Protocol protocol, const Joints3& predicted, const Joints3& truth) {
  const AlignedPair pair = ApplyProtocol(protocol, predicted, truth);
  JointDistances distances;
  distances.Add(pair.predicted, pair.truth, AllVisible());
  return distances.Mean();
}

TEST(Protocol, PerfectPredictionsHaveNoError) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed, 0, 0, Purpose::kTest);
    const Joints3 truth = RandomJoints3(random, 50);
    for (const Protocol protocol : kAll) {
      EXPECT_NEAR(MeanError(protocol, Perfect(protocol, truth), truth), 0, 1e-9);
    }
  }
}

TEST(Protocol, EachForgivesWhatItSays) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed, 0, 0, Purpose::kTest);
    const Joints3 truth = RandomJoints3(random, 50);
    const Joints3 moved = truth.rowwise() + Eigen::RowVector3d(10, -20, 300);
    const Joints3 scaled = 1.3 * moved;
    const Joints3 turned = scaled * RandomRotation(random).transpose();
    EXPECT_NEAR(MeanError(Protocol::kAbsolute, moved, truth), std::hypot(10, 20, 300), 1e-9);
    EXPECT_NEAR(MeanError(Protocol::kRoot, moved, truth), 0, 1e-9);
    EXPECT_GT(MeanError(Protocol::kRoot, scaled, truth), 1);
    EXPECT_NEAR(MeanError(Protocol::kScale, scaled, truth), 0, 1e-9);
    EXPECT_GT(MeanError(Protocol::kScale, turned, truth), 1);
    EXPECT_NEAR(MeanError(Protocol::kPa, turned, truth), 0, 1e-9);
    Joints3 mirrored = turned;
    mirrored.col(0) *= -1;
    EXPECT_GT(MeanError(Protocol::kPa, mirrored, truth), 1);
  }
}

// Written out as the authors' evaluation does it: root = mean of wrist and middle MCP in the
// wrist's place, scale = length between their joints 12 and 11, prediction not centred again.
TEST(Protocol, Spurr2018EqualsTheAuthorsSteps) {
  Random random(1, 0, 0, Purpose::kTest);
  const Joints3 truth = RandomJoints3(random, 50);
  const Joints3 predicted = RandomJoints3(random, 1);
  Joints3 expected = truth;
  const Eigen::RowVector3d palm = 0.5 * (truth.row(kWrist) + truth.row(kMiddleMcp));
  expected.row(kWrist) = palm;
  expected.rowwise() -= palm;
  const double scale = (truth.row(kMiddlePip) - truth.row(kMiddleMcp)).norm();
  const AlignedPair pair = ApplyProtocol(Protocol::kSpurr2018, predicted, truth);
  EXPECT_LT((pair.truth - expected).norm(), 1e-12);
  EXPECT_LT((pair.predicted - scale * predicted).norm(), 1e-12);
  // A shift of the prediction is an error here.
  const Joints3 shifted = NormalisePose(truth).rowwise() + Eigen::RowVector3d(0.1, 0, 0);
  EXPECT_NEAR(MeanError(Protocol::kSpurr2018, shifted, truth), 0.1 * scale, 1e-9);
}

TEST(Protocol, NormalisedPoseHasItsPalmAtTheOriginAndABoneOfOne) {
  Random random(2, 0, 0, Purpose::kTest);
  const Joints3 pose = NormalisePose(RandomJoints3(random, 50));
  EXPECT_LT(pose.row(kWrist).norm(), 1e-12);
  EXPECT_NEAR(ReferenceBoneLength(pose), 1, 1e-12);
}

TEST(Protocol, NamesRoundTripAndUnknownOnesAreRefused) {
  for (const Protocol protocol : kAll) EXPECT_EQ(ParseProtocol(Describe(protocol).name), protocol);
  EXPECT_EQ(ProtocolLine(Protocol::kRoot), "root, root wrist, scale as predicted, 21 joints");
  EXPECT_THAT(
      MessageOf<UsageError>([] { ParseProtocol("procrustes"); }),
      ::testing::HasSubstr("'procrustes'; expected spurr2018, root, scale, pa or absolute"));
}

TEST(JointDistances, AveragesOverJointsNotOverDistances) {
  JointDistances distances(3);
  for (const double d : {1.0, 2.0, 6.0}) distances.Add(0, d);
  distances.Add(1, 10.0);
  EXPECT_EQ(distances.count(), 4u);
  EXPECT_DOUBLE_EQ(distances.Mean(), (3.0 + 10.0) / 2);
  EXPECT_DOUBLE_EQ(distances.Median(), (2.0 + 10.0) / 2);
  EXPECT_DOUBLE_EQ(distances.Pck(2.0), (2.0 / 3 + 0) / 2);
  EXPECT_TRUE(std::isnan(distances.MeanPerJoint()[2]));
  EXPECT_THAT(distances.Pck({0.5, 6, 10}), ElementsAre(0, 0.5, 1));
}

TEST(JointDistances, MedianOfAnEvenCountIsTheMiddle) {
  JointDistances distances(1);
  for (const double d : {4.0, 1.0, 3.0, 100.0}) distances.Add(0, d);
  EXPECT_THAT(distances.MedianPerJoint(), ElementsAre(DoubleEq(3.5)));
}

TEST(JointDistances, OnlyVisibleOrUnknownJointsCount) {
  JointDistances distances;
  Joints3 truth = Joints3::Zero();
  Joints3 predicted = Joints3::Constant(1);
  auto visible = AllVisible();
  visible[3] = kHiddenByHand;
  visible[4] = kOutOfFrame;
  visible[5] = kVisibilityUnknown;
  visible[7] = kHidden;
  truth.row(6).setConstant(std::nan(""));  // the source has no such joint
  distances.Add(predicted, truth, visible);
  EXPECT_EQ(distances.count(), 17u);
  EXPECT_TRUE(std::isnan(distances.MeanPerJoint()[3]));
  EXPECT_FALSE(std::isnan(distances.MeanPerJoint()[5]));
  EXPECT_NEAR(distances.Mean(), std::sqrt(3.0), 1e-12);
}

TEST(JointDistances, NothingVisibleIsNotANumber) {
  const JointDistances distances;
  EXPECT_TRUE(std::isnan(distances.Mean()));
  EXPECT_TRUE(std::isnan(distances.Pck(10)));
  EXPECT_TRUE(std::isnan(MakePoseReport(Protocol::kRoot, distances).auc_0_50));
}

TEST(JointDistances, PredictionThatIsNoNumberDoesNotVanish) {
  JointDistances distances;
  Joints3 predicted = Joints3::Zero();
  predicted(7, 1) = std::nan("");
  EXPECT_THAT(
      MessageOf<DataError>([&] { distances.Add(predicted, Joints3::Zero(), AllVisible()); }),
      ::testing::HasSubstr("joint 7"));
}

TEST(JointDistances, ExactAreaIsTheLimitOfFineSampling) {
  Random random(3, 0, 0, Purpose::kTest);
  JointDistances distances(4);
  for (int i = 0; i < 400; ++i) distances.Add(i % 4, random.Uniform(0, 80));
  const std::vector<double> fine = Linspace(20, 50, 6001);
  EXPECT_NEAR(distances.AreaUnderPck(20, 50), AreaUnderCurve(fine, distances.Pck(fine)), 1e-4);
  EXPECT_GT(distances.AreaUnderPck(20, 50), 0.3);
}

TEST(AreaUnderCurve, ClosedForms) {
  EXPECT_DOUBLE_EQ(AreaUnderCurve({0, 50}, {1, 1}), 1);
  EXPECT_DOUBLE_EQ(AreaUnderCurve({0, 25, 50}, {0, 0.5, 1}), 0.5);
  EXPECT_THROW(AreaUnderCurve({0}, {1}), UsageError);
  EXPECT_THROW(AreaUnderCurve({0, 1}, {1}), UsageError);
  EXPECT_THROW(AreaUnderCurve({1, 0}, {1, 1}), UsageError);
}

TEST(AreaUnderCurve, PublishedCurvesGiveThePublishedNumbers) {
  ASSERT_EQ(PublishedCurves().size(), 2u);
  for (const PublishedCurve& curve : PublishedCurves()) {
    SCOPED_TRACE(curve.name);
    ASSERT_EQ(curve.thresholds_mm.size(), 12u);
    EXPECT_NEAR(curve.thresholds_mm.front(), 21.05, 0.005);
    EXPECT_NEAR(curve.thresholds_mm[5], 34.21, 0.005);
    EXPECT_NEAR(AreaUnderCurve(curve.thresholds_mm, curve.pck), curve.auc_20_50_published, 0.0005);
  }
  EXPECT_EQ(PublishedCurves()[0].auc_20_50_published, 0.849);
  EXPECT_EQ(PublishedCurves()[1].auc_20_50_published, 0.983);
}

TEST(JointDistances, SuccessIsTheShareOfFramesWhoseWorstJointIsNear) {
  JointDistances distances(2);
  const auto at = [](double a, double b) {
    Points3 points = Points3::Zero(2, 3);
    points(0, 0) = a;
    points(1, 2) = b;
    return points;
  };
  const Points3 truth = Points3::Zero(2, 3);
  distances.Add(at(1, 9), truth);
  distances.Add(at(4, 2), truth);
  distances.Add(at(20, 0), truth);
  EXPECT_EQ(distances.frames(), 3u);
  EXPECT_DOUBLE_EQ(distances.SuccessRate(3.9), 0);
  EXPECT_DOUBLE_EQ(distances.SuccessRate(4), 1.0 / 3);
  EXPECT_DOUBLE_EQ(distances.SuccessRate(10), 2.0 / 3);
  EXPECT_DOUBLE_EQ(distances.SuccessRate(20), 1);
  EXPECT_DOUBLE_EQ(distances.Mean(), 36.0 / 6);
  EXPECT_THAT(MessageOf<DataError>([&] { distances.Add(Points3::Zero(3, 3), truth); }),
              ::testing::HasSubstr("3 predicted and 2 true points"));
}

TEST(JointDistances, HiddenJointsDoNotSpoilAFrame) {
  JointDistances distances;
  Joints3 predicted = Joints3::Zero();
  predicted(5, 0) = 100;
  auto visible = AllVisible();
  visible[5] = kHiddenByHand;
  distances.Add(predicted, Joints3::Zero(), visible);
  EXPECT_EQ(distances.SuccessRate(1), 1);
}

TEST(MeanPerFinger, GroupsByTheNamesOfTheJoints) {
  const std::vector<FingerMean> means = MeanPerFinger(
      {2, 3, 5, std::nan(""), 7}, {"palm_top", "thumb_tip", "thumb_ip", "index_tip", "wrist"});
  ASSERT_EQ(means.size(), 3u);
  EXPECT_EQ(means[0].finger, "palm");
  EXPECT_DOUBLE_EQ(means[0].mean, 4.5);
  EXPECT_EQ(means[1].finger, "thumb");
  EXPECT_DOUBLE_EQ(means[1].mean, 4);
  EXPECT_EQ(means[2].finger, "index");
  EXPECT_TRUE(std::isnan(means[2].mean)) << "known joint without a distance";
}

TEST(PoseReport, NumbersOfOneKnownError) {
  JointDistances distances;
  for (int j = 0; j < kNumJoints; ++j) distances.Add(j, 30.0);
  const PoseReport report = MakePoseReport(Protocol::kScale, distances);
  EXPECT_EQ(report.protocol, Protocol::kScale);
  EXPECT_EQ(report.distances, 21u);
  EXPECT_DOUBLE_EQ(report.mean_mm, 30);
  EXPECT_DOUBLE_EQ(report.median_mm, 30);
  ASSERT_EQ(report.thresholds_mm.size(), 20u);
  EXPECT_EQ(report.pck[11], 0);  // 28.95 mm
  EXPECT_EQ(report.pck[12], 1);  // 31.58 mm
  EXPECT_DOUBLE_EQ(report.auc_20_50_exact, 20.0 / 30);
  EXPECT_EQ(report.joint_names.size(), 21u);
  ASSERT_EQ(report.mean_per_finger_mm.size(), 6u);
  for (const FingerMean& finger : report.mean_per_finger_mm) EXPECT_DOUBLE_EQ(finger.mean, 30);
  EXPECT_NEAR(report.auc_0_50, 7.5 / 19, 1e-12);  // a trapezoid, then seven steps
  EXPECT_NEAR(report.auc_20_50_published, 7.5 / 11, 1e-12);
}

}  // namespace
}  // namespace handforge
