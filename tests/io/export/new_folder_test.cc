#include "io/export/new_folder.h"

#include "io/core/error.h"
#include "io/files.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"

#include <gmock/gmock.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

size_t EntriesIn(const fs::path& folder) {
  return static_cast<size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(NewFolder, AppearsWhole) {
  const TemporaryFolder parent;
  NewFolder folder(parent / "out");
  folder.Write("a.txt", {'h', 'i'});
  EXPECT_TRUE(IsTemporaryName(folder.path()));
  EXPECT_FALSE(fs::exists(parent / "out"));
  folder.Publish();
  EXPECT_EQ(ReadText(parent / "out/a.txt"), "hi");
  EXPECT_EQ(EntriesIn(parent.path()), 1U);
}

TEST(NewFolder, IsGoneWhereItWasNotPublished) {
  const TemporaryFolder parent;
  {
    NewFolder folder(parent / "out");
    folder.Write("a.txt", {'h', 'i'});
    EXPECT_EQ(EntriesIn(parent.path()), 1U);
  }
  EXPECT_EQ(EntriesIn(parent.path()), 0U);
}

TEST(NewFolder, TakesAnEmptyFolderAndASlashAtTheEnd) {
  const TemporaryFolder parent;
  fs::create_directory(parent / "out");
  NewFolder folder(parent / "out/");
  folder.Write("a.txt", {});
  folder.Publish();
  EXPECT_TRUE(fs::exists(parent / "out/a.txt"));
}

TEST(NewFolder, MakesTheFoldersAboveIt) {
  const TemporaryFolder parent;
  NewFolder folder(parent / "deep/er/out");
  folder.Publish();
  EXPECT_TRUE(fs::is_directory(parent / "deep/er/out"));
}

TEST(NewFolder, LeavesWhatIsThere) {
  const TemporaryFolder parent;
  fs::create_directory(parent / "out");
  PublishText(parent / "out/mine.txt", "mine");
  const auto refusal = [&](const std::string& name) {
    return MessageOf<UsageError>([&] { NewFolder folder(parent / name); });
  };
  EXPECT_THAT(refusal("out"), HasSubstr("out is there already and no empty folder"));
  EXPECT_THAT(refusal("out/mine.txt"), HasSubstr("is there already"));
  fs::create_directory_symlink(parent / "nowhere", parent / "link");
  EXPECT_THAT(refusal("link"), HasSubstr("is there already"));
  EXPECT_EQ(ReadText(parent / "out/mine.txt"), "mine");
}

// Something may come to lie there meanwhile.
TEST(NewFolder, DoesNotReplaceWhatCameMeanwhile) {
  const TemporaryFolder parent;
  {
    NewFolder folder(parent / "out");
    fs::create_directory(parent / "out");
    PublishText(parent / "out/mine.txt", "mine");
    EXPECT_THAT(MessageOf<EnvironmentError>([&] { folder.Publish(); }),
                HasSubstr("out: cannot be given its final name"));
  }
  EXPECT_EQ(EntriesIn(parent.path()), 1U);
  EXPECT_EQ(ReadText(parent / "out/mine.txt"), "mine");
}

TEST(NewFolder, RemovesWhatAKilledProcessLeft) {
  const TemporaryFolder parent;
  const std::string mine = TemporaryName(parent / "out").filename().string();
  // No process has this number.
  const fs::path left = parent / (mine.substr(0, mine.rfind('-')) + "-999999999");
  fs::create_directory(left);
  PublishText(left / "half.png", "x");
  NewFolder folder(parent / "out");
  EXPECT_FALSE(fs::exists(left));
}

TEST(NewFolder, SaysWhatCannotBeWritten) {
  const TemporaryFolder parent;
  const NewFolder folder(parent / "out");
  EXPECT_THAT(MessageOf<EnvironmentError>([&] { folder.Write("none/a.txt", {1}); }),
              HasSubstr("out/none/a.txt: cannot be written"));
  EXPECT_THAT(MessageOf<EnvironmentError>([] { NewFolder none("/proc/none/out"); }),
              HasSubstr("/proc/none"));
}

}  // namespace
}  // namespace handforge
