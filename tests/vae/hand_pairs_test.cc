#include "vae/hand_pairs.h"

#include "io/core/random.h"
#include "vae/augment.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

using ::testing::ElementsAre;

// Around a hand with a box of this side.
CropSquare Hand(double x_px, double y_px, double box_px = 100) {
  return {x_px, y_px, box_px / kCanonicalFill};
}

TEST(HandPairs, EachIsTheNearestOfTheOther) {
  EXPECT_TRUE(PairHands({}).empty());
  EXPECT_THAT(PairHands({Hand(0, 0)}), ElementsAre(std::nullopt));
  EXPECT_THAT(PairHands({Hand(0, 0), Hand(150, 0)}), ElementsAre(1, 0));
  // The third hand is nearest to one that has a nearer.
  EXPECT_THAT(PairHands({Hand(0, 0), Hand(150, 0), Hand(150, 400)}),
              ElementsAre(1, 0, std::nullopt));
  // Two persons.
  EXPECT_THAT(PairHands({Hand(0, 0), Hand(900, 0), Hand(150, 0), Hand(900, 200)}),
              ElementsAre(2, 3, 0, 1));
}

TEST(HandPairs, NotHandsOfUnlikeSizesOrTooFarApartNorOneHandTwice) {
  const auto paired = [](const CropSquare& a, const CropSquare& b) {
    return PairHands({a, b})[0].has_value() && PairHands({b, a})[0].has_value();
  };
  EXPECT_TRUE(paired(Hand(0, 0), Hand(300, 0, 190)));
  EXPECT_FALSE(paired(Hand(0, 0), Hand(300, 0, 210)));
  EXPECT_TRUE(paired(Hand(0, 0), Hand(0, 890)));
  EXPECT_FALSE(paired(Hand(0, 0), Hand(0, 910)));
  EXPECT_TRUE(paired(Hand(0, 0), Hand(34, 0)));   // 66 of 134
  EXPECT_FALSE(paired(Hand(0, 0), Hand(33, 0)));  // 67 of 133
  EXPECT_FALSE(paired(Hand(0, 0), Hand(0, 0)));
}

// Whatever the order they are given in.
TEST(HandPairs, AreMutualAndFollowTheHands) {
  for (uint64_t i = 0; i < 200; ++i) {
    Random random(1, i, 0, Purpose::kTest);
    std::vector<CropSquare> hands;
    for (int k = 0; k < 6; ++k) {
      hands.push_back(
          Hand(random.Uniform(0, 800), random.Uniform(0, 800), random.Uniform(60, 200)));
    }
    const std::vector<CropSquare> backwards(hands.rbegin(), hands.rend());
    const auto others = PairHands(hands), others_backwards = PairHands(backwards);
    for (size_t hand = 0; hand < hands.size(); ++hand) {
      const auto other = others_backwards[hands.size() - 1 - hand];
      ASSERT_EQ(others[hand].has_value(), other.has_value());
      if (!other) continue;
      EXPECT_EQ(*others[hand], hands.size() - 1 - *other);
      EXPECT_EQ(others[*others[hand]], hand);
    }
  }
}

// Against the four combinations of the two sides, counted out.
TEST(HandPairs, TheOtherHandCountsAsMuchAsBayesSays) {
  for (uint64_t i = 0; i < 200; ++i) {
    Random random(2, i, 0, Purpose::kTest);
    const double own = random.Normal(0, 3), other = random.Normal(0, 3);
    const double opposite = random.Uniform(0.01, 0.99);
    double left = 0, right = 0;
    for (const bool other_left : {false, true}) {
      const double odds_of_other = other_left ? std::exp(other) : 1;
      left += std::exp(own) * odds_of_other * (other_left ? 1 - opposite : opposite);
      right += odds_of_other * (other_left ? opposite : 1 - opposite);
    }
    EXPECT_NEAR(own + LeftLogOddsByOther(other, opposite), std::log(left / right), 1e-9);
  }
}

TEST(HandPairs, NothingIsLearnedWhereNothingIsKnown) {
  EXPECT_EQ(LeftLogOddsByOther(3, 0.5), 0);
  EXPECT_EQ(LeftLogOddsByOther(0, 0.9), 0);
  // However sure the other is, its pair is no surer than pairs are.
  EXPECT_NEAR(LeftLogOddsByOther(-1e4, 0.9), std::log(9), 1e-12);
  EXPECT_NEAR(LeftLogOddsByOther(1e4, 0.9), -std::log(9), 1e-12);
}

}  // namespace
}  // namespace handforge
