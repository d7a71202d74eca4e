#include "tools/command.h"

#include "io/core/error.h"
#include "tests/io/temporary_folder.h"

#include <new>
#include <stdexcept>

#include <gmock/gmock.h>

namespace handforge {
namespace {

using ::testing::HasSubstr;

struct CakeOptions {
  CommonOptions common;
  std::string out = "out/cake";
  uint64_t seed = 1;
  int64_t threads = 0;
  int64_t eggs = 3;

  void Visit(Fields& fields) {
    fields.Field("out", out, {}, "folder");
    fields.Field("seed", seed, "seed");
    fields.Field("threads", threads, 0, 64, "threads");
    fields.Field("eggs", eggs, 1, 12, "eggs");
  }
};

// Two sections, as the recipes of the real commands have.
struct Menu {
  CakeOptions cake, bread;
  void Visit(Fields& fields) {
    fields.Nested("cake", cake, "dessert");
    fields.Nested("bread", bread, "starter");
  }
};

FieldVisitor VisitorOf(Menu& menu) {
  return [&menu](Fields& fields) { menu.Visit(fields); };
}

template <typename Exception>
int Throw(const CakeOptions&) {
  throw Exception("the oven is cold");
}

int ThrowBadAlloc(const CakeOptions&) { throw std::bad_alloc(); }
int ThrowNumber(const CakeOptions&) { throw 7; }
int ReturnFaults(const CakeOptions&) { return static_cast<int>(ExitCode::kFaultsFound); }

int RunCake(int (*run)(const CakeOptions&), std::vector<std::string> arguments = {}) {
  CommandLine command_line;
  command_line.Add("cake", "Bakes", std::make_shared<CakeOptions>(), run);
  arguments.insert(arguments.begin(), {"handforge", "cake"});
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  return command_line.Main(static_cast<int>(pointers.size()), pointers.data());
}

TEST(CommandLine, MapsWhatIsThrownToExitCodes) {
  EXPECT_EQ(RunCake([](const CakeOptions&) { return 0; }), 0);
  EXPECT_EQ(RunCake(ReturnFaults), 5);
  EXPECT_EQ(RunCake(Throw<UsageError>), 2);
  EXPECT_EQ(RunCake(Throw<DataError>), 3);
  EXPECT_EQ(RunCake(Throw<EnvironmentError>), 4);
  EXPECT_EQ(RunCake(Throw<Interrupted>), 130);
  EXPECT_EQ(RunCake(Throw<std::runtime_error>), 4);
  EXPECT_EQ(RunCake(ThrowBadAlloc), 4);
  EXPECT_EQ(RunCake(ThrowNumber), 4);
}

TEST(CommandLine, FailureEndsStdoutWithASummary) {
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(RunCake(Throw<DataError>, {"--json"}), 3);
  const auto summary = nlohmann::json::parse(::testing::internal::GetCapturedStdout());
  const nlohmann::json expected = {{"ok", false}, {"error", "the oven is cold"}, {"exit_code", 3}};
  EXPECT_EQ(summary, expected);
}

// What the command line says to `arguments` of a command that must not run.
std::string UsageMessage(std::vector<std::string> arguments) {
  CommandLine command_line;
  command_line.Add("cake", "Bakes", std::make_shared<CakeOptions>(), Throw<DataError>);
  arguments.insert(arguments.begin(), "handforge");
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(command_line.Main(static_cast<int>(pointers.size()), pointers.data()), 2);
  return ::testing::internal::GetCapturedStderr();
}

TEST(CommandLine, UsageFaultsSayWhatWouldBeRight) {
  EXPECT_THAT(UsageMessage({}), HasSubstr("no command given"));
  EXPECT_THAT(UsageMessage({"cke"}), HasSubstr("unknown command 'cke'; did you mean 'cake'?"));
  EXPECT_THAT(UsageMessage({"--json", "cake"}), HasSubstr("stand behind its name"));
  EXPECT_THAT(UsageMessage({"cake", "--thread=3"}),
              HasSubstr("unknown option '--thread'; did you mean '--threads'?"));
  EXPECT_THAT(UsageMessage({"cake", "--thread", "3"}), HasSubstr("did you mean '--threads'?"));
  EXPECT_THAT(UsageMessage({"cake", "--set", "a.b=1", "surplus"}),
              HasSubstr("not expected here: 'surplus'"));
}

TEST(CommandLine, ValuesOfCommonOptionsAreChecked) {
  for (const char* seed : {"-1", "1.5", "x", "", "99999999999999999999999"}) {
    EXPECT_THAT(UsageMessage({"cake", "--seed", seed}), HasSubstr("--seed")) << seed;
  }
  for (const char* count : {"-1", "010", "0x10", "", "1e3", "9223372036854775808"}) {
    EXPECT_EQ(IsCount(count),
              "'" + std::string(count) + "' is not a whole number from 0 to 2^63 - 1");
  }
  for (const char* count : {"0", "7", "9223372036854775807"}) EXPECT_EQ(IsCount(count), "");
  for (const char* threads : {"0", "-2", "010", "4097", "many", "1e3"}) {
    EXPECT_THAT(UsageMessage({"cake", "--threads", threads}),
                HasSubstr("'" + std::string(threads) + "' is not a whole number from 1 to 4096"));
  }
  EXPECT_THAT(UsageMessage({"cake", "--log-level", "loud"}), HasSubstr("--log-level"));
  EXPECT_THAT(UsageMessage({"cake", "--config"}), HasSubstr("--config"));
}

TEST(CommandLine, OptionsOfACommandAreBound) {
  CommandLine command_line;
  const auto options = std::make_shared<CakeOptions>();
  CLI::App& app = command_line.Add(
      "cake", "Bakes", options, +[](const CakeOptions& given) {
        EXPECT_EQ(given.eggs, 5);
        EXPECT_EQ(given.common.seed, std::optional<uint64_t>(18446744073709551615u));
        EXPECT_THAT(given.common.overrides, ::testing::ElementsAre("a=1", "b=2"));
        EXPECT_TRUE(given.common.json);
        return 42;
      });
  app.add_option("--eggs", options->eggs, "Eggs");
  std::vector<std::string> arguments = {"handforge",
                                        "cake",
                                        "--eggs",
                                        "5",
                                        "--set",
                                        "a=1",
                                        "--set",
                                        "b=2",
                                        "--seed",
                                        "18446744073709551615",
                                        "--json"};
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  EXPECT_EQ(command_line.Main(static_cast<int>(pointers.size()), pointers.data()), 42);
}

TEST(LoadRecipe, CommandLineOverridesOnlyTheRunningSection) {
  Menu menu;
  CommonOptions common;
  common.overrides = {"cake.seed=5", "cake.eggs=7", "bread.eggs=2"};
  common.out = "my cakes";
  common.seed = 9;
  common.threads = 3;
  LoadRecipe(common, "cake", VisitorOf(menu), {"cake.eggs=8"});
  EXPECT_EQ(menu.cake.out, "my cakes");
  EXPECT_EQ(menu.cake.seed, 9u);
  EXPECT_EQ(menu.cake.threads, 3);
  EXPECT_EQ(menu.cake.eggs, 8);
  EXPECT_EQ(menu.bread.out, "out/cake");
  EXPECT_EQ(menu.bread.seed, 1u);
  EXPECT_EQ(menu.bread.eggs, 2);
}

TEST(LoadRecipe, ChecksSectionsOfOtherCommandsToo) {
  Menu menu;
  CommonOptions common;
  common.overrides = {"bread.egs=2"};
  try {
    LoadRecipe(common, "cake", VisitorOf(menu));
    FAIL() << "unknown key accepted";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("eggs"));
  }
}

TEST(QuoteYaml, PathsSurviveUnchanged) {
  for (const std::string path : {"plain",
                                 "with space: and # signs",
                                 "quote\" back\\slash",
                                 "it's",
                                 "- [a, b]",
                                 "line\nbreak\ttab",
                                 "~",
                                 "true",
                                 "",
                                 "h\xc3\xa4nde"}) {
    Menu menu;
    CommonOptions common;
    common.out = path;
    LoadRecipe(common, "bread", VisitorOf(menu));
    EXPECT_EQ(menu.bread.out, path);
  }
}

TEST(ResolveThreads, ZeroMeansAllThatMayBeUsed) {
  EXPECT_EQ(ResolveThreads(3), 3);
  EXPECT_GE(ResolveThreads(0), 1);
}

}  // namespace
}  // namespace handforge
