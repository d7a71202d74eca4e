#include "io/core/random.h"

#include <cmath>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

using ::testing::ElementsAre;

// Known answers of Random123 1.x, kat_vectors, philox4x32 10 rounds.
TEST(Philox, KnownAnswers) {
  EXPECT_THAT(Philox4x32({0, 0, 0, 0}, {0, 0}),
              ElementsAre(0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u));
  EXPECT_THAT(Philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
              ElementsAre(0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu));
  EXPECT_THAT(
      Philox4x32({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}),
      ElementsAre(0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u));
}

TEST(Random, IsAFunctionOfItsArguments) {
  const auto first = [](uint64_t seed, uint64_t index, uint32_t attempt, Purpose purpose) {
    return Random(seed, index, attempt, purpose).NextU64();
  };
  EXPECT_EQ(first(1, 2, 3, Purpose::kPose), first(1, 2, 3, Purpose::kPose));
  const std::set<uint64_t> different = {first(1, 2, 3, Purpose::kPose),
                                        first(2, 2, 3, Purpose::kPose),
                                        first(uint64_t{1} << 32, 2, 3, Purpose::kPose),
                                        first(1, 3, 3, Purpose::kPose),
                                        first(1, uint64_t{1} << 32, 3, Purpose::kPose),
                                        first(1, 2, 4, Purpose::kPose),
                                        first(1, 2, 3, Purpose::kCamera)};
  EXPECT_EQ(different.size(), 7u);
}

// Written down once: a change of these numbers changes every dataset.
TEST(Random, StreamIsFixedForEver) {
  Random random(42, 7, 1, Purpose::kPose);
  const auto block = Philox4x32({0, (2u << 24) | 1u, 7, 0}, {42, 0});
  EXPECT_EQ(random.NextU32(), block[0]);
  EXPECT_EQ(random.NextU32(), block[1]);
  EXPECT_EQ(random.NextU64(), (uint64_t{block[2]} << 32) | block[3]);
  const auto next = Philox4x32({1, (2u << 24) | 1u, 7, 0}, {42, 0});
  EXPECT_EQ(random.NextU32(), next[0]);
}

// Pearson's statistic of `counts` against equal shares.
double ChiSquared(const std::vector<int>& counts) {
  double total = 0;
  for (const int count : counts) total += count;
  const double expected = total / static_cast<double>(counts.size());
  double sum = 0;
  for (const int count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

TEST(Random, UniformFillsItsRangeEvenly) {
  Random random(1, 0, 0, Purpose::kTest);
  std::vector<int> counts(100, 0);
  double sum = 0;
  for (int i = 0; i < 200000; ++i) {
    const double draw = random.Uniform();
    ASSERT_GE(draw, 0.0);
    ASSERT_LT(draw, 1.0);
    ++counts[static_cast<size_t>(draw * 100)];
    sum += draw;
  }
  EXPECT_NEAR(sum / 200000, 0.5, 0.003);
  EXPECT_LT(ChiSquared(counts), 149);  // 99 degrees of freedom, p = 0.001
}

TEST(Random, FirstDrawsOfNeighbouringIndicesAreUniformAndUncorrelated) {
  std::vector<int> counts(100, 0);
  double product = 0;
  double previous = 0.5;
  for (uint64_t index = 0; index < 100000; ++index) {
    const double draw = Random(1, index, 0, Purpose::kTest).Uniform();
    ++counts[static_cast<size_t>(draw * 100)];
    product += (draw - 0.5) * (previous - 0.5);
    previous = draw;
  }
  EXPECT_LT(ChiSquared(counts), 149);
  EXPECT_NEAR(product / 100000 * 12, 0, 0.015);
}

TEST(Random, IntegersAreEvenAndInRange) {
  Random random(3, 0, 0, Purpose::kTest);
  std::vector<int> counts(7, 0);
  for (int i = 0; i < 70000; ++i) ++counts.at(static_cast<size_t>(random.Integer(7)));
  EXPECT_LT(ChiSquared(counts), 22.5);  // 6 degrees of freedom, p = 0.001
  EXPECT_EQ(random.Integer(1), 0);
}

TEST(Random, UniformOfARange) {
  Random random(4, 0, 0, Purpose::kTest);
  double low = 10;
  double high = -10;
  for (int i = 0; i < 10000; ++i) {
    const double draw = random.Uniform(-3, 5);
    low = std::min(low, draw);
    high = std::max(high, draw);
  }
  EXPECT_GE(low, -3);
  EXPECT_LT(high, 5);
  EXPECT_NEAR(low, -3, 0.01);
  EXPECT_NEAR(high, 5, 0.01);
}

TEST(Random, NormalHasItsMoments) {
  Random random(5, 0, 0, Purpose::kTest);
  constexpr int kDraws = 200000;
  double moments[5] = {};
  int within_one = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double draw = random.Normal();
    for (int m = 1; m < 5; ++m) moments[m] += std::pow(draw, m) / kDraws;
    within_one += std::abs(draw) < 1 ? 1 : 0;
  }
  EXPECT_NEAR(moments[1], 0, 0.01);
  EXPECT_NEAR(moments[2], 1, 0.02);
  EXPECT_NEAR(moments[3], 0, 0.04);
  EXPECT_NEAR(moments[4], 3, 0.12);
  EXPECT_NEAR(within_one / double{kDraws}, std::erf(std::sqrt(0.5)), 0.005);
}

TEST(Random, TruncatedNormalStaysWithinItsCut) {
  Random random(6, 0, 0, Purpose::kTest);
  double sum = 0;
  for (int i = 0; i < 20000; ++i) {
    const double draw = random.TruncatedNormal(10, 2, 1.5);
    ASSERT_LE(std::abs(draw - 10), 3.0);
    sum += draw;
  }
  EXPECT_NEAR(sum / 20000, 10, 0.05);
}

TEST(Random, ChanceHasItsProbability) {
  Random random(7, 0, 0, Purpose::kTest);
  int count = 0;
  for (int i = 0; i < 100000; ++i) count += random.Chance(0.2) ? 1 : 0;
  EXPECT_NEAR(count / 100000.0, 0.2, 0.006);
  EXPECT_FALSE(random.Chance(0));
  EXPECT_TRUE(random.Chance(1));
}

}  // namespace
}  // namespace handforge
