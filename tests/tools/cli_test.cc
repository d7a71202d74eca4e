// The built command itself: what scripts rely on.
#include "tests/io/temporary_folder.h"
#include "tests/tools/run_command.h"

#include <fstream>

#include <gmock/gmock.h>

namespace handforge {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

TEST(Cli, VersionIsOneLine) {
  const CommandResult result = RunHandforge({"--version"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, MatchesRegex("handforge [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  EXPECT_THAT(result.err, IsEmpty());
}

TEST(Cli, HelpListsTheCommands) {
  const CommandResult result = RunHandforge({"--help"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("\n  doctor "));
}

TEST(Cli, HelpOfACommandListsTheCommonOptions) {
  const CommandResult result = RunHandforge({"doctor", "--help"});
  EXPECT_EQ(result.exit_code, 0);
  for (const char* option :
       {"--config", "--set", "--out", "--seed", "--threads", "--log-level", "--json"}) {
    EXPECT_THAT(result.out, HasSubstr(option));
  }
}

TEST(Cli, UnknownCommandNamesTheNearest) {
  const CommandResult result = RunHandforge({"docter"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("unknown command 'docter'; did you mean 'doctor'?"));
}

TEST(Cli, UsageFaultIsSummedUpInJson) {
  const CommandResult result = RunHandforge({"doctor", "--threads", "many", "--json"});
  EXPECT_EQ(result.exit_code, 2);
  const nlohmann::json summary = Summary(result);
  ASSERT_TRUE(summary.is_object()) << result.out;
  EXPECT_EQ(summary["ok"], false);
  EXPECT_EQ(summary["exit_code"], 2);
  EXPECT_THAT(summary["error"].get<std::string>(), HasSubstr("'many'"));
}

TEST(Cli, DoctorSumsUpInJson) {
  const CommandResult result = RunHandforge({"doctor", "--json"});
  const nlohmann::json summary = Summary(result);
  ASSERT_TRUE(summary.is_object()) << result.out;
  EXPECT_EQ(result.exit_code, summary["ok"].get<bool>() ? 0 : 4);
  std::string names;
  for (const nlohmann::json& check : summary["checks"]) {
    names += check["name"].get<std::string>() + "\n";
    EXPECT_THAT(check["state"].get<std::string>(), ::testing::AnyOf("ok", "warning", "fault"));
    EXPECT_EQ(check["state"] == "ok", check["mend"].get<std::string>().empty()) << check;
  }
  for (const char* name :
       {"LibTorch", "OpenCV", "Embree", "Assimp", "HDF5", "TBB", "BLAS", "assets", "disk"}) {
    EXPECT_THAT(names, HasSubstr(name));
  }
}

TEST(Cli, DoctorFindsMissingAssets) {
  const TemporaryFolder empty;
  const CommandResult result =
      RunHandforge({"doctor"}, {{"HANDFORGE_ASSETS", empty.path().string()}});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.out,
              AllOf(HasSubstr(empty.path().string()), HasSubstr("tools/setup.sh --assets-only")));
}

TEST(Cli, DoctorReportsWhatTheLibrariesWereGiven) {
  const CommandResult preset = RunHandforge({"doctor"});
  EXPECT_THAT(preset.out, Not(HasSubstr("takes this processor for an old one")));
  const CommandResult own = RunHandforge({"doctor"}, {{"OMP_WAIT_POLICY", "ACTIVE"}});
  EXPECT_THAT(own.out, HasSubstr("ACTIVE"));
}

TEST(Cli, FullOutputIsAnEnvironmentFault) {
  std::ofstream full("/dev/full");
  if (!full) GTEST_SKIP() << "no /dev/full";
  const std::string binary = HANDFORGE_BINARY_DIR "/handforge";
  const int status = std::system((binary + " doctor --json >/dev/full 2>/dev/null").c_str());
  EXPECT_EQ(WEXITSTATUS(status), 4);
}

TEST(Cli, RecipePrintsTheSectionsAskedFor) {
  const CommandResult result = RunHandforge({"recipe", "eval", "walk", "--set", "eval.limit=7"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("eval:  #"), HasSubstr("  limit: 7  #"), HasSubstr("walk:")));
  EXPECT_THAT(result.out, ::testing::Not(HasSubstr("render:")));
  EXPECT_EQ(RunHandforge({"recipe", "nonsense"}).exit_code, 2);
  EXPECT_EQ(RunHandforge({"recipe", "--seed", "3"}).exit_code, 2);
}

}  // namespace
}  // namespace handforge
