#include "io/export/tar_writer.h"

#include "io/core/error.h"
#include "io/files.h"
#include "tests/io/error_matchers.h"
#include "tests/io/export/read_tar.h"
#include "tests/io/temporary_folder.h"

#include <gmock/gmock.h>

namespace handforge {
namespace {

using ::testing::HasSubstr;

std::string Octal(const TarMember& member, size_t offset, size_t length) {
  std::string digits = member.header.substr(offset, length);
  while (!digits.empty() && (digits.back() == '\0' || digits.back() == ' ')) digits.pop_back();
  return digits;
}

TEST(TarWriter, HoldsFilesWithoutTimesAndOwners) {
  const TemporaryFolder folder;
  TarWriter tar(folder / "a.tar");
  tar.Add("00000000.json", {'{', '}'});
  tar.Add("00000000.rgb.png", std::vector<uint8_t>(1000, 7));
  tar.Add("empty", {});
  tar.Close();
  const std::string bytes = ReadText(folder / "a.tar");
  const std::vector<TarMember> members = ReadTar(bytes);
  ASSERT_EQ(members.size(), 3U);
  EXPECT_EQ(members[0].name, "00000000.json");
  EXPECT_EQ(members[0].content, "{}");
  EXPECT_EQ(members[1].content, std::string(1000, 7));
  EXPECT_EQ(members[2].content, "");
  for (const TarMember& member : members) {
    EXPECT_EQ(member.header.substr(257, 8), std::string("ustar\00000", 8));
    EXPECT_EQ(member.header[156], '0') << "a regular file";
    EXPECT_EQ(Octal(member, 100, 8), "000444") << "mode";
    EXPECT_EQ(Octal(member, 108, 8), "000000") << "owner";
    EXPECT_EQ(Octal(member, 116, 8), "000000") << "group";
    EXPECT_EQ(Octal(member, 136, 12), "00000000000") << "time";
    EXPECT_EQ(member.header.substr(265, 64), std::string(64, '\0')) << "names of both";
  }
}

TEST(TarWriter, SaysThatTheDiskIsFull) {
  const std::string message = MessageOf<EnvironmentError>([] {
    TarWriter tar("/dev/full");
    tar.Add("a", std::vector<uint8_t>(100000, 1));
    tar.Close();
  });
  EXPECT_THAT(message, HasSubstr("/dev/full: cannot be written"));
}

// Longer names than ustar has room for would need the headers of later formats.
TEST(TarWriter, SaysThatANameIsTooLong) {
  const TemporaryFolder folder;
  TarWriter tar(folder / "a.tar");
  EXPECT_NO_THROW(tar.Add(std::string(90, 'd') + "/" + std::string(90, 'f'), {}));
  EXPECT_THAT(MessageOf<EnvironmentError>([&] { tar.Add(std::string(300, 'f'), {}); }),
              HasSubstr("a.tar: cannot be written"));
}

TEST(TarWriter, SaysThatThereIsNoFolder) {
  const TemporaryFolder folder;
  EXPECT_THAT(MessageOf<EnvironmentError>([&] { TarWriter tar(folder / "none/a.tar"); }),
              HasSubstr("none/a.tar: cannot be written"));
}

}  // namespace
}  // namespace handforge
