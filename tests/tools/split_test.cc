// `handforge split` as it is called: options and recipe, what it says, what it refuses.
#include "tests/io/temporary_folder.h"
#include "tests/tools/run_command.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class SplitCommand : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    for (const char* seed : {"1", "2"}) {
      const CommandResult result = RunHandforge({"render",
                                                 "--out",
                                                 Path(std::string("data") + seed),
                                                 "--seed",
                                                 seed,
                                                 "--count",
                                                 "20",
                                                 "--set",
                                                 "render.image_px=32",
                                                 "--set",
                                                 "render.rgb_px=32",
                                                 "--set",
                                                 "render.subjects=10",
                                                 "--set",
                                                 "render.light.shader=fast"});
      ASSERT_EQ(result.exit_code, 0) << result.err;
    }
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string Path(const std::string& name) { return *folder_ / name; }
  static CommandResult Split(const std::vector<std::string>& arguments) {
    std::vector<std::string> all = {"split", "--json"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return RunHandforge(all);
  }
  static void ExpectRefused(const std::vector<std::string>& arguments, const std::string& message) {
    const CommandResult result = Split(arguments);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_THAT(result.err, HasSubstr(message));
  }

  static TemporaryFolder* folder_;
};
TemporaryFolder* SplitCommand::folder_ = nullptr;

TEST_F(SplitCommand, WritesADatasetThatVerifies) {
  const std::vector<std::string> command = {Path("data1"),
                                            Path("data2"),
                                            "--out",
                                            Path("both"),
                                            "--by",
                                            "tuple",
                                            "--validation",
                                            "0.1",
                                            "--test",
                                            "0.2",
                                            "--labelled",
                                            "0.5"};
  const CommandResult result = Split(command);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json summary = Summary(result);
  EXPECT_EQ(summary["tuples"], 40);
  EXPECT_EQ(summary["runs"], 2);
  EXPECT_EQ(summary["split"], nlohmann::json({{"train", 28}, {"validation", 4}, {"test", 8}}));
  EXPECT_EQ(summary["labelled"], 14);
  EXPECT_EQ(summary["was_complete"], false);
  EXPECT_THAT(result.err, HasSubstr("14 of the 28 training tuples have labels"));
  EXPECT_EQ(RunHandforge({"verify", Path("both"), "--full"}).exit_code, 0);
  EXPECT_EQ(Summary(Split(command))["was_complete"], true);
}

TEST_F(SplitCommand, ReadsItsSectionOfARecipe) {
  std::ofstream(Path("recipe.yaml")) << "split:\n  data: [" << Path("data1")
                                     << "]\n  out: " << Path("recipe") << "\n  test_share: 0.4\n"
                                     << "  validation_share: 0\n  part: test\n  by: image\n";
  const CommandResult result = Split({"--config", Path("recipe.yaml"), "--seed", "4"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Summary(result)["tuples"], 8);
  EXPECT_THAT(result.err, HasSubstr("part test, seed 4"));
  EXPECT_EQ(RunHandforge({"verify", Path("recipe")}).exit_code, 0);
}

TEST_F(SplitCommand, NamesWhatDoesNotFit) {
  const std::string data = Path("data1"), out = Path("refused");
  ExpectRefused({"--out", out}, "split.data is empty");
  ExpectRefused({data, "--out", out, "--by", "person"}, "split.by");
  ExpectRefused({data, "--out", out, "--validation", "0.6", "--test", "0.6"}, "add up to 1.2");
  ExpectRefused({data, "--out", out, "--validation", "-0.1"}, "validation_share");
  ExpectRefused({data, "--out", out, "--by", "sequence"}, "no row of " + data);
  ExpectRefused({data, "--out", out, "--part", "test", "--test", "0"}, "would have no rows");
  ExpectRefused({data, "--out", data}, "is or holds the dataset");
  ExpectRefused({data, "--out", out, "--set", "split.validation=0.1"},
                "did you mean 'split.validation_share'");
  EXPECT_EQ(Split({Path("none"), "--out", out}).exit_code, 3);
  EXPECT_FALSE(fs::exists(out));
}

}  // namespace
}  // namespace handforge
