#include "io/core/alignment.h"

#include "tests/io/core/random_geometry.h"

#include <cmath>

#include <Eigen/LU>
#include <gtest/gtest.h>

namespace handforge {
namespace {

Similarity3 RandomSimilarity(Random& random) {
  return {std::exp(random.Normal(0, 0.5)), RandomRotation(random), RandomVector(random, 300)};
}

// Sum of squared distances after the motion.
double Cost(const Similarity3& motion, const Joints3& source, const Joints3& target) {
  return (motion.Apply(source) - target).squaredNorm();
}

TEST(Align, RecoversEverySimilarity) {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed, 0, 0, Purpose::kTest);
    const Joints3 source = RandomJoints3(random, 40);
    const Similarity3 truth = RandomSimilarity(random);
    const Similarity3 found = Align(source, truth.Apply(source), true);
    EXPECT_NEAR(found.scale, truth.scale, 1e-9 * truth.scale);
    EXPECT_LT((found.rotation - truth.rotation).norm(), 1e-9);
    EXPECT_LT((found.translation - truth.translation).norm(), 1e-7);
  }
}

TEST(Align, RigidMotionKeepsScaleOne) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed, 0, 0, Purpose::kTest);
    const Joints3 source = RandomJoints3(random, 40);
    Similarity3 truth = RandomSimilarity(random);
    truth.scale = 1;
    const Similarity3 found = Align(source, truth.Apply(source), false);
    EXPECT_EQ(found.scale, 1);
    EXPECT_LT((found.Apply(source) - truth.Apply(source)).norm(), 1e-7);
  }
}

TEST(Align, NeverReflects) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed, 0, 0, Purpose::kTest);
    const Joints3 source = RandomJoints3(random, 40);
    Joints3 mirrored = source;
    mirrored.col(0) *= -1;
    EXPECT_NEAR(Align(source, mirrored, true).rotation.determinant(), 1, 1e-9);
    EXPECT_GT(Cost(Align(source, mirrored, true), source, mirrored), 1);
    const Joints3 unrelated = RandomJoints3(random, 40);
    EXPECT_NEAR(Align(source, unrelated, true).rotation.determinant(), 1, 1e-9);
  }
}

TEST(Align, FlatHandsAreAlignedWithoutReflection) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed, 0, 0, Purpose::kTest);
    Joints3 source = RandomJoints3(random, 40);
    source.col(2).setZero();
    const Similarity3 truth = RandomSimilarity(random);
    const Similarity3 found = Align(source, truth.Apply(source), true);
    EXPECT_NEAR(found.rotation.determinant(), 1, 1e-9);
    EXPECT_LT(std::sqrt(Cost(found, source, truth.Apply(source))), 1e-7);
  }
}

TEST(Align, NoSmallChangeIsBetter) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed, 0, 0, Purpose::kTest);
    const Joints3 source = RandomJoints3(random, 40);
    const Joints3 target = RandomSimilarity(random).Apply(source) + RandomJoints3(random, 10);
    const Similarity3 best = Align(source, target, true);
    const double cost = Cost(best, source, target);
    for (int i = 0; i < 20; ++i) {
      Similarity3 other = best;
      other.scale *= 1 + random.Normal(0, 0.01);
      other.translation += RandomVector(random, 0.5);
      const Eigen::Vector3d axis = RandomVector(random, 1).normalized();
      other.rotation *= Eigen::AngleAxisd(random.Normal(0, 0.02), axis).toRotationMatrix();
      EXPECT_GE(Cost(other, source, target), cost);
    }
  }
}

TEST(Align, PointsThatCoincideGiveAFiniteMotion) {
  const Joints3 source = Joints3::Zero();
  Random random(1, 0, 0, Purpose::kTest);
  const Similarity3 found = Align(source, RandomJoints3(random, 40), true);
  EXPECT_EQ(found.scale, 1);
  EXPECT_TRUE(found.rotation.allFinite());
  EXPECT_TRUE(found.translation.allFinite());
}

TEST(BestRotation, WeightsDecideWhomToBelieve) {
  Random random(2, 0, 0, Purpose::kTest);
  const Eigen::Matrix3d truth = RandomRotation(random);
  Eigen::MatrixX3d source(6, 3);
  for (int i = 0; i < 6; ++i) source.row(i) = RandomVector(random, 30).transpose();
  Eigen::MatrixX3d target = source * truth.transpose();
  target.row(5) = RandomVector(random, 300).transpose();  // an outlier
  Eigen::VectorXd weights = Eigen::VectorXd::Ones(6);
  EXPECT_GT((BestRotation(source, target, weights) - truth).norm(), 1e-3);
  weights[5] = 0;
  EXPECT_LT((BestRotation(source, target, weights) - truth).norm(), 1e-9);
}

}  // namespace
}  // namespace handforge
