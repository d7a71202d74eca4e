#include "tools/prediction_journal.h"

#include "io/core/error.h"
#include "io/files.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"

#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class PredictionJournalTest : public ::testing::Test {
 protected:
  fs::path Picture(int i) const {
    const fs::path picture = folder_ / (std::to_string(i) + ".png");
    if (!fs::exists(picture)) std::ofstream(picture) << "picture " << i;
    return picture;
  }
  static PictureOutcome Outcome(int i) {
    return {
        {{"joints", {0.1 * i, 1.0 / 3}}}, static_cast<size_t>(i + 1), "box " + std::to_string(i)};
  }
  void ExpectKnown(const PredictionJournal& journal, int i) const {
    const std::optional<PictureOutcome> known = journal.Find(Picture(i));
    ASSERT_TRUE(known) << i;
    EXPECT_EQ(known->answer, Outcome(i).answer);
    EXPECT_EQ(known->hands, Outcome(i).hands);
    EXPECT_EQ(known->skipped_because, Outcome(i).skipped_because);
  }

  const TemporaryFolder folder_;
  const fs::path file_ = folder_ / "journal.jsonl";
  const std::map<std::string, std::string> run_ = {{"settings", "a: 1\nb: 2\n"}, {"model", "12"}};
};

TEST_F(PredictionJournalTest, KnowsWhatEarlierRunsKnew) {
  {
    PredictionJournal first(file_, run_);
    EXPECT_EQ(first.size(), 0U);
    EXPECT_FALSE(first.Find(Picture(0)));
    for (const int i : {0, 1}) first.Append(Picture(i), Outcome(i));
  }
  {
    PredictionJournal second(file_, run_);
    EXPECT_EQ(second.size(), 2U);
    second.Append(Picture(2), Outcome(2));
  }
  PredictionJournal third(file_, run_);
  for (const int i : {0, 1, 2}) ExpectKnown(third, i);
  EXPECT_FALSE(third.Find(Picture(3)));
  third.Remove();
  EXPECT_FALSE(fs::exists(file_));
}

TEST_F(PredictionJournalTest, IsMadeWhenSomethingIsKnown) {
  {
    PredictionJournal nothing(file_, run_);
    nothing.Remove();
  }
  EXPECT_FALSE(fs::exists(file_));
}

TEST_F(PredictionJournalTest, ForgetsPicturesThatWereReplaced) {
  PredictionJournal(file_, run_).Append(Picture(0), Outcome(0));
  std::ofstream(Picture(0)) << "a larger picture";
  EXPECT_FALSE(PredictionJournal(file_, run_).Find(Picture(0)));
}

TEST_F(PredictionJournalTest, RefusesAnotherRunNamingWhatDiffers) {
  PredictionJournal(file_, run_).Append(Picture(0), Outcome(0));
  const std::string before = ReadText(file_);
  std::map<std::string, std::string> other = run_;
  other["model"] = "34";
  EXPECT_THAT(
      MessageOf<UsageError>([&] { PredictionJournal(file_, other); }),
      AllOf(HasSubstr("journal.jsonl"), HasSubstr("other model;"), Not(HasSubstr("settings"))));
  EXPECT_EQ(ReadText(file_), before);
}

// A process may be killed at any byte of what it writes.
TEST_F(PredictionJournalTest, GoesOnAfterALineThatIsNotWhole) {
  {
    PredictionJournal journal(file_, run_);
    for (const int i : {0, 1}) journal.Append(Picture(i), Outcome(i));
  }
  const std::string text = ReadText(file_);
  const size_t first_line = text.find('\n') + 1, second_line = text.find('\n', first_line) + 1;
  for (size_t bytes = 0; bytes <= text.size(); ++bytes) {
    std::ofstream(file_, std::ios::binary) << text.substr(0, bytes);
    PredictionJournal journal(file_, run_);
    const size_t known = bytes < second_line ? 0 : bytes < text.size() ? 1 : 2;
    ASSERT_EQ(journal.size(), known) << bytes;
    for (int i = static_cast<int>(known); i < 2; ++i) journal.Append(Picture(i), Outcome(i));
    ASSERT_EQ(ReadText(file_), text) << bytes;
  }
}

TEST_F(PredictionJournalTest, NamesALineThatWasSpoiled) {
  PredictionJournal(file_, run_).Append(Picture(0), Outcome(0));
  std::ofstream(file_, std::ios::app) << "{\"picture\": 3}\n";
  EXPECT_THAT(MessageOf<DataError>([&] { PredictionJournal(file_, run_); }),
              AllOf(HasSubstr("journal.jsonl"), HasSubstr("{\"picture\": 3}")));
}

TEST_F(PredictionJournalTest, RefusesABeginningOfOtherKinds) {
  for (const char* line : {"{\"model\": 1}", "[]", "3", "{"}) {
    std::ofstream(file_) << line << "\n";
    EXPECT_THAT(MessageOf<UsageError>([&] { PredictionJournal(file_, run_); }),
                HasSubstr("an unfinished run of other"))
        << line;
  }
}

TEST_F(PredictionJournalTest, TakesOutcomesFromSeveralThreads) {
  constexpr int kThreads = 4, kEach = 50;
  for (int i = 0; i < kThreads * kEach; ++i) Picture(i);
  {
    PredictionJournal journal(file_, run_);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = t; i < kThreads * kEach; i += kThreads) journal.Append(Picture(i), Outcome(i));
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  const PredictionJournal journal(file_, run_);
  EXPECT_EQ(journal.size(), static_cast<size_t>(kThreads * kEach));
  for (int i = 0; i < kThreads * kEach; ++i) ExpectKnown(journal, i);
}

}  // namespace
}  // namespace handforge
