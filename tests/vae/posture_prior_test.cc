#include "vae/posture_prior.h"

#include <cmath>

#include <Eigen/Geometry>
#include <gtest/gtest.h>

namespace handforge {
namespace {

using Eigen::Matrix3d;
using Eigen::Vector3d;

// Columns: where the palm looks, the thumb's side, the fingers.
HandRotation RightHand(const Vector3d& fingers, const Vector3d& palm) {
  HandRotation hand;
  hand << palm, fingers.cross(palm), fingers;
  return hand;
}

// Uniform over all rotations (K. Shoemake, Uniform random rotations, Graphics Gems III, 1992).
Matrix3d AnyRotation(Random& random) {
  const Eigen::Vector4d q(random.Normal(), random.Normal(), random.Normal(), random.Normal());
  return Eigen::Quaterniond(q.normalized()).toRotationMatrix();
}

// Flat, thumb spread; as RightHand of `fingers` and `palm`.
Joints3 Joints(const HandRotation& hand) {
  Joints3 joints = Joints3::Zero();
  for (int f = 0; f < kNumFingers; ++f) {
    for (int level = 0; level < 4; ++level) {
      const Vector3d place = hand.col(1) * (20.0 * (2 - f)) + hand.col(2) * (90 + 25.0 * level);
      joints.row(FingerJoint(f, level)) = place.transpose();
    }
  }
  return joints;
}

// In an upright picture of hands seen from the back, as they type.
HandRotation Typing(double left_of_up_deg) {
  const double angle_rad = left_of_up_deg * M_PI / 180;
  return RightHand({-std::sin(angle_rad), -std::cos(angle_rad), 0}, Vector3d::UnitZ());
}

// As a left hand would have to be turned to look so: the same fingers and back, mirrored.
HandRotation Mirrored(const HandRotation& hand) {
  const Vector3d flip(-1, 1, 1);
  return RightHand(flip.cwiseProduct(hand.col(2)), flip.cwiseProduct(hand.col(0)));
}

TEST(PosturePrior, RotationIsThatOfTheJointsWhateverTheirSizeAndPlace) {
  for (uint64_t i = 0; i < 50; ++i) {
    Random random(1, i, 0, Purpose::kTest);
    const Matrix3d hand = AnyRotation(random);
    const Joints3 joints = (random.Uniform(0.01, 10) * Joints(hand)).rowwise() +
                           Eigen::RowVector3d(random.Normal(), 5, -900);
    const std::optional<HandRotation> found = RotationOfRightHand(joints);
    ASSERT_TRUE(found);
    EXPECT_LT((*found - hand).norm(), 1e-9);
  }
}

TEST(PosturePrior, JointsWithoutADirectionSayNothing) {
  const PosturePrior prior;
  Joints3 on_a_line = Joints3::Zero(), broken = Joints(Matrix3d::Identity());
  for (int j = 0; j < kNumJoints; ++j) on_a_line(j, 2) = j;
  broken(kMiddleMcp, 1) = std::nan("");
  for (const Joints3& joints : {Joints3(Joints3::Zero()), on_a_line, broken}) {
    EXPECT_FALSE(RotationOfRightHand(joints));
    EXPECT_EQ(prior.LogRatio(joints), 0);
  }
}

TEST(PosturePrior, SampledHandsAreRotations) {
  for (uint64_t i = 0; i < 500; ++i) {
    Random random(2, i, 0, Purpose::kTest);
    const HandRotation hand = SampleRightHand(random);
    EXPECT_LT((hand * hand.transpose() - Matrix3d::Identity()).norm(), 1e-9);
    EXPECT_NEAR(hand.determinant(), 1, 1e-9);
  }
}

// Over all rotations its mean is 1.
TEST(PosturePrior, IsADensity) {
  constexpr int kDraws = 8000;
  const PosturePrior prior;
  double sum = 0, squares = 0;
  for (uint64_t i = 0; i < kDraws; ++i) {
    Random random(3, i, 0, Purpose::kTest);
    const double density = std::exp(prior.LogRatio(HandRotation(AnyRotation(random))));
    sum += density;
    squares += density * density;
  }
  const double mean = sum / kDraws;
  const double error = std::sqrt((squares / kDraws - mean * mean) / kDraws);
  EXPECT_LT(error, 0.03);
  EXPECT_NEAR(mean, 1, 4 * error);
}

TEST(PosturePrior, HandsThatTypeAreTurnedInwards) {
  const PosturePrior prior;
  const auto for_right = [&prior](const HandRotation& hand) {
    return prior.LogRatio(hand) - prior.LogRatio(Mirrored(hand));
  };
  const Matrix3d half_turn = Eigen::AngleAxisd(M_PI, Vector3d::UnitZ()).toRotationMatrix();
  for (const double deg : {20.0, 35.0, 50.0}) {
    EXPECT_GT(for_right(Typing(deg)), 0.1) << "seen by the person, " << deg;
    EXPECT_GT(for_right(half_turn * Typing(deg)), 0.1) << "seen from before, " << deg;
    EXPECT_LT(for_right(Typing(-deg)), -0.1) << deg;
  }
  EXPECT_NEAR(for_right(Typing(0)), 0, 1e-9);
}

TEST(PosturePrior, ABackIsLikelierThanThePalmOfTheOtherHand) {
  const PosturePrior prior;
  for (const double deg : {-20.0, 0.0, 35.0}) {
    const HandRotation back = Typing(deg);
    const HandRotation palm_of_left = RightHand(Mirrored(back).col(2), -Vector3d::UnitZ());
    EXPECT_GT(prior.LogRatio(back), prior.LogRatio(palm_of_left) + 0.5) << deg;
  }
}

TEST(PosturePrior, PalmsAreSeenLessThanBacks) {
  int backs = 0;
  for (uint64_t i = 0; i < 2000; ++i) {
    Random random(4, i, 0, Purpose::kTest);
    backs += SampleRightHand(random)(2, 0) > 0;
  }
  EXPECT_GT(backs, 1300);
  EXPECT_LT(backs, 1800);
}

// Wrists bend towards the little finger rather than towards the thumb.
TEST(PosturePrior, ThumbsPointUpMoreThanDown) {
  constexpr int kDraws = 20000;
  int up = 0;
  for (uint64_t i = 0; i < kDraws; ++i) {
    Random random(5, i, 0, Purpose::kTest);
    up += SampleRightHand(random)(1, 1) < 0;
  }
  EXPECT_GT(up, kDraws * 51 / 100);
  EXPECT_LT(up, kDraws * 56 / 100);
}

TEST(PosturePrior, IsTheSameEachTime) {
  const PosturePrior one, other;
  for (const double deg : {-120.0, 0.0, 30.0}) {
    EXPECT_EQ(one.LogRatio(Typing(deg)), other.LogRatio(Typing(deg)));
  }
}

}  // namespace
}  // namespace handforge
