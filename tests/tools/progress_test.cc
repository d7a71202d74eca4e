#include "tools/progress.h"

#include <cmath>
#include <thread>

#include <gmock/gmock.h>

namespace handforge {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(FormatDuration, PicksItsUnits) {
  EXPECT_EQ(FormatDuration(0), "0:00");
  EXPECT_EQ(FormatDuration(5.4), "0:05");
  EXPECT_EQ(FormatDuration(59.6), "1:00");
  EXPECT_EQ(FormatDuration(754), "12:34");
  EXPECT_EQ(FormatDuration(3723), "1:02:03");
  EXPECT_EQ(FormatDuration(-1), "-");
  EXPECT_EQ(FormatDuration(NAN), "-");
  EXPECT_EQ(FormatDuration(INFINITY), "-");
}

TEST(ProgressLine, RateAndEstimate) {
  const std::string line = ProgressLine("rendering", "tuples", 250, 1000, 0, 10, "", 0);
  EXPECT_EQ(line, "rendering 250/1000  25 %  25.0 tuples/s  ETA 0:30");
}

TEST(ProgressLine, EarlierWorkDoesNotCountTowardsTheRate) {
  const std::string line = ProgressLine("rendering", "tuples", 600, 1000, 500, 10, "", 0);
  EXPECT_THAT(line, HasSubstr("10.0 tuples/s  ETA 0:40"));
}

TEST(ProgressLine, NothingKnownYet) {
  EXPECT_THAT(ProgressLine("x", "steps", 0, 10, 0, 0, "", 0), HasSubstr("ETA -"));
  EXPECT_THAT(ProgressLine("x", "steps", 0, 0, 0, 1, "", 0), HasSubstr("100 %"));
}

TEST(ProgressLine, FinishedSaysHowLongItTook) {
  const std::string line = ProgressLine("training", "steps", 10, 10, 0, 65, "loss 0.3", 0);
  EXPECT_EQ(line, "training 10/10  100 %  0.15 steps/s  took 1:05  loss 0.3");
}

TEST(ProgressLine, FitsTheTerminal) {
  for (int columns = 1; columns < 200; ++columns) {
    for (const uint64_t done : {0u, 1u, 500u, 999u, 1000u}) {
      const std::string line = ProgressLine("rendering", "tuples", done, 1000, 0, 3, "n", columns);
      EXPECT_LT(static_cast<int>(line.size()), columns);
    }
  }
  EXPECT_THAT(ProgressLine("r", "t", 500, 1000, 0, 3, "", 100), HasSubstr("[============>"));
  EXPECT_THAT(ProgressLine("r", "t", 500, 1000, 0, 3, "", 40), Not(HasSubstr("[")));
}

TEST(Progress, TerminalLineIsDrawnOverAndEnded) {
  ::testing::internal::CaptureStderr();
  {
    Progress progress("rendering", "tuples", 4, 0, Progress::Style::kTerminal);
    progress.Update(2);
    progress.Update(4);
  }
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, StartsWith("\r\033[Krendering"));
  EXPECT_THAT(text, HasSubstr("4/4"));
  EXPECT_EQ(text.back(), '\n');
}

TEST(Progress, FollowsATotalThatMoves) {
  ::testing::internal::CaptureStderr();
  {
    Progress progress("training", "steps", 4, 0, Progress::Style::kTerminal);
    progress.SetTotal(8);
    progress.Update(6);
  }
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("6/8"));
}

TEST(Progress, MayBeUpdatedFromManyThreads) {
  ::testing::internal::CaptureStderr();
  {
    Progress progress("rendering", "tuples", 4000, 0, Progress::Style::kTerminal);
    std::vector<std::thread> threads;
    for (uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&progress, t] {
        for (uint64_t i = 0; i < 1000; ++i) progress.Update(1000 * t + i + 1);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("4000/4000"));
}

}  // namespace
}  // namespace handforge
