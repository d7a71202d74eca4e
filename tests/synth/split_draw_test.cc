#include "synth/split_draw.h"

#include "io/core/error.h"
#include "tests/io/error_matchers.h"

#include <algorithm>
#include <array>

#include <gmock/gmock.h>

namespace handforge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::set<SplitGroup> Persons(int64_t count) {
  std::set<SplitGroup> groups;
  for (int64_t i = 0; i < count; ++i) groups.insert({GroupKind::kSubject, 0, i});
  return groups;
}

using Fates = std::map<SplitGroup, GroupFate>;

// Train, validation, test.
std::array<int, 3> CountsOf(const Fates& fates) {
  std::array<int, 3> counts{};
  for (const auto& [group, fate] : fates) ++counts[static_cast<size_t>(fate.split)];
  return counts;
}

std::set<int64_t> NumbersOf(const Fates& fates, Split split) {
  std::set<int64_t> numbers;
  for (const auto& [group, fate] : fates) {
    if (fate.split == split) numbers.insert(group.number);
  }
  return numbers;
}

std::set<int64_t> Labelled(const Fates& fates) {
  std::set<int64_t> numbers;
  for (const auto& [group, fate] : fates) {
    if (fate.split == Split::kTrain && fate.keeps_labels) numbers.insert(group.number);
  }
  return numbers;
}

bool Contains(const std::set<int64_t>& all, const std::set<int64_t>& some) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

TEST(DrawSplits, SharesAreExactForAnySeed) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_THAT(CountsOf(DrawSplits(Persons(100), {0.1, 0.1}, seed)), ElementsAre(80, 10, 10));
    EXPECT_THAT(CountsOf(DrawSplits(Persons(100), {0.25, 0.4}, seed)), ElementsAre(35, 25, 40));
  }
}

TEST(DrawSplits, WhatDoesNotDivideIsRoundedByLargestRemainders) {
  // 5.25, 0.7, 1.05 of 7.
  EXPECT_THAT(CountsOf(DrawSplits(Persons(7), {0.1, 0.15}, 1)), ElementsAre(5, 1, 1));
  // 10.5, 3.0, 1.5 of 15.
  EXPECT_THAT(CountsOf(DrawSplits(Persons(15), {0.2, 0.1}, 1)), ElementsAre(11, 3, 1));
  // 4.4, 1.65, 4.95 of 11.
  EXPECT_THAT(CountsOf(DrawSplits(Persons(11), {0.15, 0.45}, 1)), ElementsAre(4, 2, 5));
}

TEST(DrawSplits, AShareAboveZeroGivesAtLeastOne) {
  EXPECT_THAT(CountsOf(DrawSplits(Persons(3), {0.01, 0.01}, 1)), ElementsAre(1, 1, 1));
  EXPECT_THAT(CountsOf(DrawSplits(Persons(2), {0, 0.99}, 1)), ElementsAre(1, 0, 1));
  EXPECT_THAT(CountsOf(DrawSplits(Persons(40), {0.001, 0}, 1)), ElementsAre(39, 1, 0));
}

TEST(DrawSplits, AShareOfZeroGivesNone) {
  EXPECT_THAT(CountsOf(DrawSplits(Persons(9), {0, 0}, 1)), ElementsAre(9, 0, 0));
  EXPECT_THAT(CountsOf(DrawSplits(Persons(9), {0.9, 0.1}, 1)), ElementsAre(0, 8, 1));
  EXPECT_THAT(CountsOf(DrawSplits(Persons(1), {0, 1}, 1)), ElementsAre(0, 0, 1));
}

TEST(DrawSplits, FewerGroupsThanPartsAreRefused) {
  const std::string message = MessageOf<UsageError>([] { DrawSplits(Persons(2), {0.1, 0.1}, 1); });
  EXPECT_THAT(message, HasSubstr("2 groups"));
  EXPECT_THAT(message, HasSubstr("3 parts have a share"));
  EXPECT_THAT(message, HasSubstr("split.validation_share"));
  EXPECT_NO_THROW(DrawSplits(Persons(2), {0, 0.1}, 1));
}

TEST(DrawSplits, AnotherSeedDrawsOthers) {
  const Fates one = DrawSplits(Persons(50), {0.2, 0.2}, 1);
  EXPECT_EQ(NumbersOf(one, Split::kTest),
            NumbersOf(DrawSplits(Persons(50), {0.2, 0.2}, 1), Split::kTest));
  EXPECT_NE(NumbersOf(one, Split::kTest),
            NumbersOf(DrawSplits(Persons(50), {0.2, 0.2}, 2), Split::kTest));
}

// What a seed draws is part of the contract of reproducibility.
TEST(DrawSplits, ASeedDrawsWhatItAlwaysDrew) {
  const Fates fates = DrawSplits(Persons(10), {0.2, 0.2, 0.5}, 1);
  EXPECT_THAT(NumbersOf(fates, Split::kTest), ElementsAre(2, 9));
  EXPECT_THAT(NumbersOf(fates, Split::kValidation), ElementsAre(1, 4));
  EXPECT_THAT(Labelled(fates), ElementsAre(5, 6, 8));
}

// A person's place in the order hangs on no other person.
TEST(DrawSplits, AddedPersonsLeaveTheOrderOfTheOthers) {
  const std::set<int64_t> few = NumbersOf(DrawSplits(Persons(50), {0, 0.5}, 3), Split::kTest);
  const std::set<int64_t> many = NumbersOf(DrawSplits(Persons(60), {0, 0.5}, 3), Split::kTest);
  std::set<int64_t> of_the_first;  // among the 50
  for (const int64_t number : many) {
    if (number < 50) of_the_first.insert(number);
  }
  EXPECT_TRUE(Contains(few, of_the_first) || Contains(of_the_first, few));
}

TEST(DrawSplits, ALargerTestShareOnlyAddsToTheTests) {
  const Fates small = DrawSplits(Persons(60), {0.1, 0.1}, 5);
  const Fates large = DrawSplits(Persons(60), {0.3, 0.2}, 5);
  EXPECT_TRUE(Contains(NumbersOf(large, Split::kTest), NumbersOf(small, Split::kTest)));
}

TEST(DrawSplits, LabelsAreKeptByAnExactShareOfTheTrainingGroups) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const Fates fates = DrawSplits(Persons(100), {0.1, 0.1, 0.25}, seed);
    EXPECT_EQ(Labelled(fates).size(), 20U);
    for (const auto& [group, fate] : fates) {
      EXPECT_TRUE(fate.keeps_labels || fate.split == Split::kTrain);
    }
  }
  EXPECT_EQ(Labelled(DrawSplits(Persons(100), {0.1, 0.1, 0}, 1)).size(), 0U);
  EXPECT_EQ(Labelled(DrawSplits(Persons(100), {0.1, 0.1, 0.001}, 1)).size(), 1U);
  EXPECT_EQ(Labelled(DrawSplits(Persons(100), {0.1, 0.1, 1}, 1)).size(), 80U);
}

TEST(DrawSplits, ThoseOfASmallerShareOfLabelsAreAmongThoseOfALarger) {
  const std::set<int64_t> tenth = Labelled(DrawSplits(Persons(90), {0.1, 0.1, 0.1}, 4));
  const std::set<int64_t> half = Labelled(DrawSplits(Persons(90), {0.1, 0.1, 0.5}, 4));
  EXPECT_TRUE(Contains(half, tenth));
  EXPECT_LT(tenth.size(), half.size());
}

// Else those with labels would be those that come next in the order of splits.
TEST(DrawSplits, LabelsHaveAnOrderOfTheirOwn) {
  const std::set<int64_t> labelled = Labelled(DrawSplits(Persons(100), {0, 0, 0.5}, 6));
  const std::set<int64_t> tests = NumbersOf(DrawSplits(Persons(100), {0, 0.5}, 6), Split::kTest);
  const std::set<int64_t> others = NumbersOf(DrawSplits(Persons(100), {0, 0.5}, 6), Split::kTrain);
  EXPECT_NE(labelled, tests);
  EXPECT_NE(labelled, others);
}

TEST(DrawSplits, KindsAndRunsAreDrawnApart) {
  std::set<SplitGroup> groups;
  for (int64_t i = 0; i < 100; ++i) {
    groups.insert({GroupKind::kSubject, 0, i});
    groups.insert({GroupKind::kImage, 0, i});
    groups.insert({GroupKind::kTuple, 77, i});
  }
  const Fates fates = DrawSplits(groups, {0, 0.5}, 1);
  EXPECT_THAT(CountsOf(fates), ElementsAre(150, 0, 150));
  for (int64_t i = 0; i < 100; ++i) groups.insert({GroupKind::kTuple, 78, i});
  const Fates of_two_runs = DrawSplits(groups, {0, 0.5}, 1);
  int alike = 0, alike_runs = 0;
  for (int64_t i = 0; i < 100; ++i) {
    const Split subject = fates.at({GroupKind::kSubject, 0, i}).split;
    alike += subject == fates.at({GroupKind::kImage, 0, i}).split;
    alike_runs += of_two_runs.at({GroupKind::kTuple, 78, i}).split ==
                  of_two_runs.at({GroupKind::kTuple, 77, i}).split;
  }
  EXPECT_LT(alike, 75);
  EXPECT_LT(alike_runs, 75);
}

}  // namespace
}  // namespace handforge
