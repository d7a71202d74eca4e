#include "io/config.h"

#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"

#include <fstream>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Strings = std::vector<std::string>;

struct CameraOptions {
  double focal_px = 400;
  std::vector<double> range_mm = {300, 600};

  void Visit(Fields& fields) {
    fields.Field("focal_px", focal_px, 1, 10000, "focal length");
    fields.Field("range_mm", range_mm, 0, 5000, "nearest and farthest distance");
  }
};

struct TestOptions {
  int64_t count = 100;
  uint64_t seed = 1;
  double rate = 0.5;
  double gain = 1;
  bool mirror = true;
  std::string mode = "fast";
  std::string title = "plain";
  Strings pairs = {"rgb:3d"};
  CameraOptions camera;
  std::string out;

  void Visit(Fields& fields) {
    fields.Section(
        "synth",
        [this](Fields& inner) {
          inner.Field("count", count, 1, 1000000, "tuples to write");
          inner.Field("seed", seed, "seed of the run");
          inner.Field("rate", rate, 0, 1, "share of left hands");
          inner.Field("mirror", mirror, "mirror left hands");
          inner.Field("out", out, {}, "folder");
          inner.Nested("camera", camera, "where it stands");
        },
        "sampling");
    fields.Field("mode", mode, {"fast", "exact"}, "how");
    fields.Field("title", title, {}, "any text");
    fields.Field("pairs", pairs, {"rgb:3d", "3d:3d", "2d:3d"}, "encoder:decoder");
    fields.Field("gain",
                 gain,
                 -std::numeric_limits<double>::max(),
                 std::numeric_limits<double>::max(),
                 "any gain");
  }
};

FieldVisitor Visitor(TestOptions& options) {
  return [&options](Fields& fields) { options.Visit(fields); };
}

class Config : public ::testing::Test {
 protected:
  std::filesystem::path Write(const std::string& yaml) {
    std::ofstream(folder_ / "a.yaml") << yaml;
    return folder_ / "a.yaml";
  }
  TestOptions Load(const std::string& yaml, const Strings& overrides = {}) {
    TestOptions options;
    LoadConfig(Write(yaml), overrides, Visitor(options));
    return options;
  }
  // The message without the folder's name.
  std::string Message(const std::string& yaml, const Strings& overrides = {}) {
    const std::string message = MessageOf<UsageError>([&] { Load(yaml, overrides); });
    const std::string prefix = folder_.path().string() + "/";
    return message.rfind(prefix, 0) == 0 ? message.substr(prefix.size()) : message;
  }
  TemporaryFolder folder_;
};

TEST_F(Config, EveryKindOfFieldIsRead) {
  const TestOptions options = Load(R"(
# a comment
synth:
  count: 7
  seed: 18446744073709551615
  rate: 1e-1
  mirror: false
  out: some/folder with spaces
  camera: {focal_px: 250, range_mm: [1, 2.5]}
mode: exact
title: "a: \"b\" # c"
pairs: [3d:3d, 2d:3d]
gain: -.5
)");
  EXPECT_EQ(options.count, 7);
  EXPECT_EQ(options.seed, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(options.rate, 0.1);
  EXPECT_FALSE(options.mirror);
  EXPECT_EQ(options.out, "some/folder with spaces");
  EXPECT_EQ(options.camera.focal_px, 250);
  EXPECT_THAT(options.camera.range_mm, ElementsAre(1, 2.5));
  EXPECT_EQ(options.mode, "exact");
  EXPECT_EQ(options.title, "a: \"b\" # c");
  EXPECT_THAT(options.pairs, ElementsAre("3d:3d", "2d:3d"));
  EXPECT_EQ(options.gain, -0.5);
}

TEST_F(Config, EmptyFileMeansDefaults) {
  TestOptions defaults;
  const std::string expected = ConfigText(Visitor(defaults));
  for (const char* yaml : {"", "\n\n", "# only a comment\n", "---\n", "synth:\n  # nothing\n"}) {
    TestOptions options = Load(yaml);
    EXPECT_EQ(ConfigText(Visitor(options)), expected) << yaml;
  }
}

TEST_F(Config, NoFileMeansDefaultsAndOverrides) {
  TestOptions options;
  LoadConfig("", {"synth.count=3"}, Visitor(options));
  EXPECT_EQ(options.count, 3);
}

TEST_F(Config, OverridesWinInOrder) {
  const TestOptions options = Load("synth: {count: 7}\n",
                                   {"synth.count=8",
                                    "synth.count=9",
                                    "mode=exact",
                                    "title=a=b",
                                    "synth.camera.range_mm=[5, 6]",
                                    "pairs=[3d:3d]",
                                    "synth.camera={focal_px: 12}"});
  EXPECT_EQ(options.count, 9);
  EXPECT_EQ(options.mode, "exact");
  EXPECT_EQ(options.title, "a=b");
  EXPECT_THAT(options.camera.range_mm, ElementsAre(5, 6));
  EXPECT_THAT(options.pairs, ElementsAre("3d:3d"));
  EXPECT_EQ(options.camera.focal_px, 12);
}

TEST_F(Config, UnknownKeyNamesLineAndNearest) {
  EXPECT_EQ(Message("mode: fast\nsynth:\n  cuont: 3\n"),
            "a.yaml:3: unknown key 'synth.cuont'; did you mean 'synth.count'?");
  EXPECT_EQ(Message("synht:\n  count: 3\n"),
            "a.yaml:1: unknown key 'synht'; did you mean 'synth'?");
  EXPECT_EQ(Message("synth:\n  camera:\n    focal: 3\n    focal_pxs: 3\n"),
            "a.yaml:3: unknown key 'synth.camera.focal'; did you mean 'synth.camera.focal_px'?");
}

TEST_F(Config, KeyInTheWrongSectionIsLedHome) {
  EXPECT_EQ(Message("count: 3\n"), "a.yaml:1: unknown key 'count'; did you mean 'synth.count'?");
  EXPECT_EQ(Message("synth:\n  focal_px: 3\n"),
            "a.yaml:2: unknown key 'synth.focal_px'; did you mean 'synth.camera.focal_px'?");
  EXPECT_EQ(Message("synth.count: 3\n"),
            "a.yaml:1: key 'synth.count' must be written as nested sections");
}

TEST_F(Config, UnknownKeyWithoutANearOneListsThoseOfItsSection) {
  EXPECT_THAT(Message("zzzzzzzzzz: 3\n"),
              AllOf(HasSubstr("a.yaml:1: unknown key 'zzzzzzzzzz'; known keys: synth, "),
                    HasSubstr("gain"),
                    Not(HasSubstr("synth."))));
  EXPECT_THAT(Message("synth:\n  camera:\n    zzzzzzzzzz: 3\n"),
              AllOf(HasSubstr("known keys: synth.camera."),
                    HasSubstr("synth.camera.range_mm"),
                    Not(HasSubstr("gain")),
                    Not(HasSubstr("synth.count"))));
}

TEST_F(Config, RepeatedKeyIsRefused) {
  EXPECT_EQ(Message("mode: fast\ntitle: a\nmode: fast\n"), "a.yaml:3: key 'mode' is repeated");
  EXPECT_EQ(Message("synth:\n  count: 1\n  count: 1\n"), "a.yaml:3: key 'synth.count' is repeated");
}

TEST_F(Config, ValueOutOfRangeNamesLineAndRange) {
  EXPECT_EQ(Message("synth:\n  count: 0\n"),
            "a.yaml:2: synth.count: 0 is out of range; expected 1 to 1000000 (tuples to write)");
  EXPECT_EQ(Message("synth: {rate: 1.5}\n"),
            "a.yaml:1: synth.rate: 1.5 is out of range; expected 0 to 1 (share of left hands)");
  EXPECT_EQ(Message("synth:\n  camera:\n    range_mm: [10,\n      6000]\n"),
            "a.yaml:4: synth.camera.range_mm[1]: 6000 is out of range; expected 0 to 5000 "
            "(nearest and farthest distance)");
}

TEST_F(Config, SeedsSayTheirRange) {
  EXPECT_THAT(Message("synth:\n  seed: -1\n"), HasSubstr("0 to 18446744073709551615"));
}

TEST_F(Config, ValueOfAnotherTypeNamesLineAndType) {
  EXPECT_EQ(Message("synth:\n  count: many\n"),
            "a.yaml:2: synth.count: got 'many', expected a whole number, 1 to 1000000 "
            "(tuples to write)");
  for (const char* value :
       {"1.5", "0x10", "1e3", "\"7\"", "", "~", "[7]", "7 8", "99999999999999999999"}) {
    EXPECT_THAT(Message(std::string("synth:\n  count: ") + value + "\n"),
                AllOf(HasSubstr("a.yaml:2: "), HasSubstr("expected a whole number")))
        << value;
  }
  for (const char* value : {"-1", "18446744073709551616", "1.0"}) {
    EXPECT_THAT(Message(std::string("synth: {seed: ") + value + "}\n"),
                HasSubstr("a.yaml:1: synth.seed: got '"))
        << value;
  }
  for (const char* value : {"nan", ".nan", "inf", ".inf", "1e999", "1,5", "half"}) {
    EXPECT_THAT(Message(std::string("gain: ") + value + "\n"), HasSubstr("a.yaml:1: gain: got"))
        << value;
  }
  EXPECT_EQ(Message("synth:\n  count:\nmode: fast\n"),
            "a.yaml:2: synth.count: got nothing, expected a whole number, 1 to 1000000 "
            "(tuples to write)");
  EXPECT_THAT(Message("synth: {mirror: yes}\n"),
              HasSubstr("a.yaml:1: synth.mirror: got 'yes', expected true or false"));
  EXPECT_THAT(Message("title: [a]\n"),
              HasSubstr("a.yaml:1: title: got a list of 1, expected text"));
  EXPECT_THAT(Message("pairs: 3d:3d\n"),
              HasSubstr("a.yaml:1: pairs: got '3d:3d', expected a list"));
  EXPECT_THAT(Message("synth: 3\n"), HasSubstr("a.yaml:1: synth: got '3', expected a section"));
  EXPECT_THAT(Message("synth: {camera: {range_mm: [1, 2, 3]}}\n"),
              HasSubstr("range_mm: got a list of 3, expected a list of 2 numbers"));
}

TEST_F(Config, UnknownChoiceNamesTheChoices) {
  EXPECT_EQ(Message("mode: fats\n"),
            "a.yaml:1: mode: 'fats' is not one of fast, exact; did you mean 'fast'?");
  EXPECT_EQ(Message("pairs:\n  - 3d:3d\n  - depth:3d\n"),
            "a.yaml:3: pairs: 'depth:3d' is not one of rgb:3d, 3d:3d, 2d:3d");
}

TEST_F(Config, TextThatIsNoYamlNamesTheLine) {
  EXPECT_THAT(Message("mode: fast\ntitle: [a\n"), HasSubstr("a.yaml:3: not valid YAML"));
  EXPECT_THAT(Message("mode: fast\n\tsynth: 3\n"), HasSubstr("a.yaml:2: not valid YAML"));
  EXPECT_THAT(Message("- a\n- b\n"), HasSubstr("a.yaml:1: expected 'key: value' lines"));
  EXPECT_THAT(Message("mode: fast\n---\nmode: exact\n"), HasSubstr("several YAML documents"));
  EXPECT_THAT(Message("[a, b]: 3\n"), HasSubstr("a.yaml:1: a key must be a name"));
}

TEST_F(Config, MissingFileIsAUsageError) {
  TestOptions options;
  EXPECT_THAT(MessageOf<UsageError>([&] { LoadConfig(folder_ / "no.yaml", {}, Visitor(options)); }),
              AllOf(HasSubstr("no.yaml"), HasSubstr("No such file")));
}

TEST_F(Config, BadOverrideIsQuoted) {
  EXPECT_EQ(Message("", {"synth.count"}),
            "--set synth.count: expected KEY=VALUE, for example synth.count=100");
  EXPECT_THAT(Message("", {"=3"}), HasSubstr("--set =3: expected KEY=VALUE"));
  EXPECT_EQ(Message("", {"synth.cuont=3"}),
            "--set synth.cuont=3: unknown key 'synth.cuont'; did you mean 'synth.count'?");
  EXPECT_EQ(Message("", {"synth.count=0"}),
            "--set synth.count=0: synth.count: 0 is out of range; expected 1 to 1000000 "
            "(tuples to write)");
  EXPECT_THAT(Message("", {"synth.count="}), HasSubstr("--set synth.count=: synth.count: got"));
  EXPECT_THAT(Message("", {"pairs=[a"}), HasSubstr("--set pairs=[a: not valid YAML"));
  EXPECT_THAT(Message("", {"pairs=[a],"}), HasSubstr("text behind a value"));
  EXPECT_THAT(Message("", {"synth.count.x=3"}), HasSubstr("unknown key 'synth.count.x'"));
}

TEST_F(Config, TextReadsBackAsTheSameOptions) {
  TestOptions options;
  options.count = 12;
  options.seed = std::numeric_limits<uint64_t>::max();
  options.rate = 1.0 / 3;
  options.gain = -1e-300;
  options.mirror = false;
  options.title = "a \"quote\", a \\, a\nline, a\ttab, \x01 and µ: # - [";
  options.out = "";
  options.pairs = {};
  options.camera.range_mm = {0.1, 0.2};
  const std::string text = ConfigText(Visitor(options));
  TestOptions read = Load(text);
  EXPECT_EQ(ConfigText(Visitor(read)), text);
  EXPECT_EQ(read.rate, options.rate);
  EXPECT_EQ(read.gain, options.gain);
  EXPECT_EQ(read.title, options.title);
  EXPECT_TRUE(read.pairs.empty());
}

TEST_F(Config, TextIsInOrderOfDeclaration) {
  TestOptions options;
  EXPECT_EQ(ConfigText(Visitor(options), {"synth.out", "synth.seed", "pairs"}),
            "synth:\n"
            "  count: 100\n"
            "  rate: 0.5\n"
            "  mirror: true\n"
            "  camera:\n"
            "    focal_px: 400\n"
            "    range_mm: [300, 600]\n"
            "mode: \"fast\"\n"
            "title: \"plain\"\n"
            "gain: 1\n");
}

TEST_F(Config, TextLeavesOutWholeSections) {
  TestOptions options;
  EXPECT_EQ(ConfigText(Visitor(options), {"synth", "mode", "title", "pairs"}), "gain: 1\n");
  EXPECT_THAT(ConfigText(Visitor(options), {"synth.camera.focal_px", "synth.camera.range_mm"}),
              ::testing::Not(HasSubstr("camera")));
}

TEST_F(Config, ValuesSetInCodeAreChecked) {
  TestOptions options;
  EXPECT_NO_THROW(CheckFields(Visitor(options)));
  options.count = 0;
  EXPECT_EQ(MessageOf<UsageError>([&] { CheckFields(Visitor(options)); }),
            "synth.count: 0 is out of range; expected 1 to 1000000 (tuples to write)");
  options = {};
  options.rate = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(MessageOf<UsageError>([&] { CheckFields(Visitor(options)); }),
              HasSubstr("synth.rate: nan is out of range"));
  options = {};
  options.camera.range_mm = {1, -1};
  EXPECT_THAT(MessageOf<UsageError>([&] { CheckFields(Visitor(options)); }),
              HasSubstr("synth.camera.range_mm[1]: -1"));
  options = {};
  options.mode = "slow";
  EXPECT_THAT(MessageOf<UsageError>([&] { CheckFields(Visitor(options)); }),
              HasSubstr("mode: 'slow' is not one of fast, exact"));
  options = {};
  options.pairs = {"3d:3d", "x"};
  EXPECT_THAT(MessageOf<UsageError>([&] { CheckFields(Visitor(options)); }),
              HasSubstr("pairs: 'x' is not one of"));
}

TEST_F(Config, KeyNamedTwiceInCodeIsABug) {
  int64_t value = 0;
  const FieldVisitor visit = [&](Fields& fields) {
    fields.Field("a", value, 0, 1, "");
    fields.Field("a", value, 0, 1, "");
  };
  EXPECT_THROW(LoadConfig("", {}, visit), std::logic_error);
}

TEST(NearestName, FindsSlips) {
  const Strings names = {"count", "seed", "shard_size", "camera"};
  EXPECT_EQ(NearestName("cuont", names), "count");
  EXPECT_EQ(NearestName("conut", names), "count");
  EXPECT_EQ(NearestName("shardsize", names), "shard_size");
  EXPECT_EQ(NearestName("sead", names), "seed");
  EXPECT_EQ(NearestName("cameras", names), "camera");
  EXPECT_EQ(NearestName("size", names), "shard_size");
  EXPECT_EQ(NearestName("learning_rate", names), "");
  EXPECT_EQ(NearestName("num", {"out"}), "");
  EXPECT_EQ(NearestName("resolution", {"validation"}), "");
  EXPECT_EQ(NearestName("x", {"y"}), "");
  EXPECT_EQ(NearestName("", names), "");
  EXPECT_EQ(NearestName("x", {}), "");
}

}  // namespace
}  // namespace handforge
