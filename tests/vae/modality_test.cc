#include "vae/modality.h"

#include "io/core/error.h"
#include "tests/io/error_matchers.h"

#include <map>

#include <gmock/gmock.h>

namespace handforge {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(ParsePairs, ReadsModalitiesAndWeights) {
  const std::vector<Pair> pairs = ParsePairs({"3d->3d*8", "rgb->2d"});
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].from, Modality::kJoints3);
  EXPECT_EQ(pairs[0].to, Modality::kJoints3);
  EXPECT_EQ(pairs[0].weight, 8);
  EXPECT_EQ(pairs[1].from, Modality::kRgb);
  EXPECT_EQ(pairs[1].to, Modality::kJoints2);
  EXPECT_EQ(pairs[1].weight, 1);
  EXPECT_EQ(pairs[1].Name(), "rgb->2d");
}

TEST(ParsePairs, RefusesWhatIsNoPair) {
  for (const char* text : {"",
                           "3d",
                           "3d>2d",
                           "3d->4d",
                           "ir->3d",
                           "rgb->3d+",
                           "rgb->3d+3d",
                           "rgb+2d->3d",
                           "3d->3d*",
                           "3d->3d*0",
                           "3d->3d*-1",
                           "3d->3d*1.5",
                           "3d->3d*1001",
                           "3d->3d*12345",
                           "3d*2->3d"}) {
    EXPECT_THAT(MessageOf<UsageError>([&] { ParsePairs({text}); }),
                AllOf(HasSubstr("pairs: \"" + std::string(text) + "\""), HasSubstr("rgb, 2d, 3d")));
  }
}

TEST(ParsePairs, RefusesAnEmptyListAndRepetition) {
  EXPECT_THAT(MessageOf<UsageError>([] { ParsePairs({}); }), HasSubstr("pairs: empty"));
  EXPECT_THAT(MessageOf<UsageError>([] {
                ParsePairs({"2d->3d", "2d->3d*2"});
              }),
              HasSubstr("2d->3d is listed twice"));
}

TEST(ParsePasses, ReadsDecodersThatShareAnEncoder) {
  const std::vector<Pass> passes = ParsePasses({"rgb->3d+2d*3", "depth->3d", "rgb->3d+rgb"});
  ASSERT_EQ(passes.size(), 3u);
  EXPECT_EQ(passes[0].from, Modality::kRgb);
  EXPECT_EQ(passes[0].to, (std::vector<Modality>{Modality::kJoints3, Modality::kJoints2}));
  EXPECT_EQ(passes[0].weight, 3);
  EXPECT_EQ(passes[0].Name(), "rgb->3d+2d");
  EXPECT_TRUE(passes[0].Decodes(Modality::kJoints2));
  EXPECT_FALSE(passes[0].Decodes(Modality::kRgb));
  EXPECT_TRUE(passes[1].HasImages());

  // Each pair once, its steps counted.
  const std::vector<Pair> pairs = PairsOf(passes);
  std::map<std::string, int> steps;
  for (const Pair& pair : pairs) steps[pair.Name()] += pair.weight;
  EXPECT_EQ(pairs.size(), 4u);
  EXPECT_EQ(steps,
            (std::map<std::string, int>{
                {"rgb->3d", 4}, {"rgb->2d", 3}, {"depth->3d", 1}, {"rgb->rgb", 1}}));
}

TEST(PassSchedule, StepsEachPairByItsWeight) {
  const PassSchedule schedule(ParsePasses({"3d->3d*5", "2d->3d*3", "rgb->3d*1"}));
  std::map<int, int> steps;
  for (int64_t step = 0; step < 90; ++step) ++steps[schedule.PassAt(step)];
  EXPECT_EQ(steps[0], 50);
  EXPECT_EQ(steps[1], 30);
  EXPECT_EQ(steps[2], 10);
}

TEST(PassSchedule, CountsOccurrences) {
  const PassSchedule schedule(ParsePasses({"3d->3d*5", "2d->3d*3", "rgb->3d*1"}));
  std::map<int, int64_t> seen;
  for (int64_t step = 0; step < 100; ++step) {
    EXPECT_EQ(schedule.Occurrence(step), seen[schedule.PassAt(step)]++) << "step " << step;
  }
}

TEST(PassSchedule, SpreadsAPairOverTheRound) {
  const PassSchedule schedule(ParsePasses({"3d->3d*9", "rgb->3d*3"}));
  std::vector<int64_t> at;
  for (int64_t step = 0; step < 24; ++step) {
    if (schedule.PassAt(step) == 1) at.push_back(step);
  }
  ASSERT_EQ(at.size(), 6u);
  for (size_t i = 1; i < at.size(); ++i) EXPECT_EQ(at[i] - at[i - 1], 4);
}

}  // namespace
}  // namespace handforge
