#include "io/files.h"

#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

size_t EntriesIn(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), {}));
}

// The id of a process that has run and ended.
pid_t EndedProcess() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return child;
}

fs::path WithProcess(fs::path temporary, pid_t process) {
  std::string name = temporary.filename().string();
  name = name.substr(0, name.rfind('-') + 1) + std::to_string(process);
  return temporary.replace_filename(name);
}

TEST(Sha256, KnownVectorsOfFips180) {
  EXPECT_EQ(Sha256("", 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256("abc", 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const std::string two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  EXPECT_EQ(Sha256(two_blocks.data(), two_blocks.size()),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  const std::string million(1000000, 'a');
  EXPECT_EQ(Sha256(million.data(), million.size()),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, OfFileEqualsThatOfItsBytes) {
  const TemporaryFolder folder;
  const std::string text(3 * 1024 * 1024 + 17, 'x');  // several blocks of reading
  std::ofstream(folder / "file") << text;
  EXPECT_EQ(Sha256OfFile(folder / "file"), Sha256(text.data(), text.size()));
  EXPECT_THAT(MessageOf<DataError>([&] { Sha256OfFile(folder / "none"); }),
              AllOf(HasSubstr("none"), HasSubstr("No such file")));
}

TEST(TemporaryName, LiesBesideTheFinalNameAndIsRecognised) {
  const fs::path temporary = TemporaryName("some/folder/data.h5");
  EXPECT_EQ(temporary.parent_path(), "some/folder");
  EXPECT_THAT(temporary.filename().string(), StartsWith(".data.h5.tmp-"));
  EXPECT_TRUE(IsTemporaryName(temporary));
  EXPECT_TRUE(IsTemporaryName(TemporaryName("data.h5")));
}

TEST(TemporaryName, OrdinaryNamesAreNotMistaken) {
  for (const char* name : {"data.h5",
                           ".hidden",
                           "data.h5.tmp-host-12",
                           ".data.tmp-",
                           ".data.tmp-12",
                           ".data.tmp-host-",
                           ".data.tmp-host-12x",
                           ".tmp-host-12",
                           ""}) {
    EXPECT_FALSE(IsTemporaryName(name)) << name;
  }
}

TEST(Publish, TextAppearsWholeAndAlone) {
  const TemporaryFolder folder;
  PublishText(folder / "a.txt", "first");
  PublishText(folder / "a.txt", std::string("sec\0ond", 7));
  EXPECT_EQ(ReadText(folder / "a.txt"), std::string("sec\0ond", 7));
  EXPECT_EQ(EntriesIn(folder.path()), 1u);
}

TEST(Publish, BytesComeBack) {
  const TemporaryFolder folder;
  const std::vector<uint8_t> bytes = {0, 255, 10, 13, 7};
  PublishBytes(folder / "a.bin", bytes.data(), bytes.size());
  EXPECT_EQ(ReadBytes(folder / "a.bin"), bytes);
  PublishBytes(folder / "empty.bin", nullptr, 0);
  EXPECT_TRUE(ReadBytes(folder / "empty.bin").empty());
}

TEST(Publish, FileIsRenamed) {
  const TemporaryFolder folder;
  const fs::path temporary = TemporaryName(folder / "a");
  std::ofstream(temporary) << "content";
  PublishFile(temporary, folder / "a");
  EXPECT_EQ(ReadText(folder / "a"), "content");
  EXPECT_FALSE(fs::exists(temporary));
}

TEST(Publish, FailureNamesTheFileAndLeavesNothing) {
  const TemporaryFolder folder;
  EXPECT_THAT(MessageOf<EnvironmentError>([&] { PublishText(folder / "no/a.txt", "x"); }),
              AllOf(HasSubstr("no/a.txt"), HasSubstr("No such file")));
  // A folder that is not empty cannot be replaced by a file.
  fs::create_directories(folder / "taken/inside");
  EXPECT_THAT(MessageOf<EnvironmentError>([&] { PublishText(folder / "taken", "x"); }),
              AllOf(HasSubstr("taken"), HasSubstr("final name")));
  EXPECT_EQ(EntriesIn(folder.path()), 1u);
}

TEST(StaleTemporaries, OnlyThoseOfEndedProcessesAreRemoved) {
  const TemporaryFolder folder;
  const fs::path own = TemporaryName(folder / "own");
  const fs::path stale = WithProcess(TemporaryName(folder / "stale"), EndedProcess());
  const fs::path elsewhere = folder / ".remote.tmp-anotherhost-12";
  const fs::path long_ago = folder / ".old.tmp-anotherhost-12";
  for (const fs::path& path : {own, stale, elsewhere, long_ago, folder / "data.h5"}) {
    std::ofstream(path) << "x";
  }
  fs::last_write_time(long_ago, fs::file_time_type::clock::now() - std::chrono::hours(48));
  // A folder is as old as the youngest file in it.
  const auto long_ago_time = fs::file_time_type::clock::now() - std::chrono::hours(48);
  const fs::path busy = folder / ".busy.tmp-anotherhost-13",
                 done = folder / ".done.tmp-anotherhost-14";
  for (const fs::path& path : {busy, done}) {
    fs::create_directories(path / "train");
    std::ofstream(path / "train/0.png") << "x";
    if (path == done) fs::last_write_time(path / "train/0.png", long_ago_time);
    fs::last_write_time(path / "train", long_ago_time);
    fs::last_write_time(path, long_ago_time);
  }
  RemoveStaleTemporaries(folder.path());
  EXPECT_TRUE(fs::exists(busy));
  EXPECT_FALSE(fs::exists(done));
  EXPECT_TRUE(fs::exists(own));
  EXPECT_FALSE(fs::exists(stale));
  EXPECT_TRUE(fs::exists(elsewhere));
  EXPECT_FALSE(fs::exists(long_ago));
  EXPECT_TRUE(fs::exists(folder / "data.h5"));
  RemoveStaleTemporaries(folder / "no such folder");
}

TEST(WritableFolder, IsCreatedAndLeftEmpty) {
  const TemporaryFolder folder;
  EnsureWritableFolder(folder / "a/b/c");
  EXPECT_TRUE(fs::is_directory(folder / "a/b/c"));
  EXPECT_EQ(EntriesIn(folder / "a/b/c"), 0u);
  EnsureWritableFolder(folder / "a/b/c");
}

TEST(WritableFolder, FileInThePlaceIsNamed) {
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";
  EXPECT_THAT(MessageOf<EnvironmentError>([&] { EnsureWritableFolder(folder / "file"); }),
              HasSubstr("file"));
  EXPECT_THAT(MessageOf<EnvironmentError>([&] { EnsureWritableFolder(folder / "file/below"); }),
              HasSubstr("file/below"));
}

TEST(WritableFolder, FolderThatTakesNoFilesIsNamed) {
  // Nobody, root included, makes files in /proc.
  EXPECT_THAT(MessageOf<EnvironmentError>([] { EnsureWritableFolder("/proc/self"); }),
              HasSubstr("/proc/self: no file can be made in it"));
}

TEST(FreeBytes, AlsoOfAFolderThatIsNotThereYet) {
  const TemporaryFolder folder;
  EXPECT_GT(FreeBytes(folder.path()), 0u);
  EXPECT_GT(FreeBytes(folder / "not/yet"), 0u);
}

TEST(ReadText, MissingFileAndFolderAreNamed) {
  const TemporaryFolder folder;
  EXPECT_THAT(MessageOf<DataError>([&] { ReadText(folder / "none"); }),
              AllOf(HasSubstr("none"), HasSubstr("No such file")));
  EXPECT_THAT(MessageOf<DataError>([&] { ReadBytes(folder.path()); }), HasSubstr("is a folder"));
}

}  // namespace
}  // namespace handforge
