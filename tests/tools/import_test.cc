// `handforge import` as users run it, on a small MSRA15 made by code, and what can be done with
// what it writes.
#include "tests/io/import/curled_hand.h"
#include "tests/io/import/numpy_writer.h"
#include "tests/io/temporary_folder.h"
#include "tests/tools/run_command.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr double kFocalPx = 241.42;
constexpr int kWidthPx = 320;
constexpr int kHeightPx = 240;
constexpr int kFrames = 6;

Joints3 HandOf(int subject, int frame) {
  Joints3 joints = CurledRightHand() * (1 + 0.1 * subject);
  return joints.rowwise() + Eigen::RowVector3d(15 * frame - 40, 40, 400 + 10 * frame);
}

// Discs of 9 mm radius at the depth of the joints.
std::vector<float> DepthOf(const Joints3& joints) {
  std::vector<float> depth(kWidthPx * kHeightPx, 0);
  for (int j = 0; j < kNumJoints; ++j) {
    const double z = joints(j, 2), radius = 9 * kFocalPx / z;
    const double u = 160 + joints(j, 0) * kFocalPx / z, v = 120 + joints(j, 1) * kFocalPx / z;
    for (int y = 0; y < kHeightPx; ++y) {
      for (int x = 0; x < kWidthPx; ++x) {
        float& pixel = depth[static_cast<size_t>(y * kWidthPx + x)];
        if (std::hypot(x - u, y - v) > radius) continue;
        pixel = pixel == 0 ? static_cast<float>(z) : std::min(pixel, static_cast<float>(z));
      }
    }
  }
  return depth;
}

void WriteDepth(const fs::path& file, const Joints3& joints) {
  const uint32_t header[] = {kWidthPx, kHeightPx, 0, 0, kWidthPx, kHeightPx};
  const std::vector<float> depth = DepthOf(joints);
  std::ofstream stream(file, std::ios::binary);
  stream.write(reinterpret_cast<const char*>(header), sizeof header);
  stream.write(reinterpret_cast<const char*>(depth.data()),
               static_cast<std::streamsize>(depth.size() * sizeof(float)));
}

void WriteSubject(const fs::path& folder, int subject) {
  fs::create_directories(folder);
  std::ofstream text(folder / "joint.txt");
  text << kFrames << "\n";
  for (int frame = 0; frame < kFrames; ++frame) {
    const Joints3 joints = HandOf(subject, frame);
    // Wrist, index, middle, ring, little, thumb; y up and z backward.
    for (int j : {0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 1, 2, 3, 4}) {
      text << joints(j, 0) << " " << -joints(j, 1) << " " << -joints(j, 2) << " ";
    }
    text << "\n";
    char name[32];
    std::snprintf(name, sizeof name, "%06d_depth.bin", frame);
    WriteDepth(folder / name, joints);
  }
}

class ImportCommand : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    for (int subject : {0, 1}) {
      WriteSubject(*folder_ / "msra" / ("P" + std::to_string(subject)) / "1", subject);
    }
    imported_ = new CommandResult(Import("msra", "dataset"));
  }
  static void TearDownTestSuite() {
    delete imported_;
    delete folder_;
  }

  static std::string Path(const std::string& name) { return (*folder_ / name).string(); }
  static CommandResult Import(const std::string& dataset, const std::string& out) {
    return RunHandforge({"import",
                         dataset,
                         Path("msra"),
                         "--out",
                         Path(out),
                         "--json",
                         "--set",
                         "import.test_subjects=['1']",
                         "--set",
                         "import.image_px=64",
                         "--set",
                         "import.rgb_px=32",
                         "--threads",
                         "2"});
  }

  static TemporaryFolder* folder_;
  static CommandResult* imported_;
};
TemporaryFolder* ImportCommand::folder_ = nullptr;
CommandResult* ImportCommand::imported_ = nullptr;

TEST_F(ImportCommand, SumsUpWhatItFound) {
  ASSERT_EQ(imported_->exit_code, 0) << imported_->err;
  const nlohmann::json summary = Summary(*imported_);
  EXPECT_EQ(summary["tuples"], 2 * kFrames);
  EXPECT_EQ(summary["dataset"], "msra");
  EXPECT_EQ(summary["sides_agree"], 1);
  EXPECT_NEAR(summary["middle_bone_mm"].get<double>(), 42, 1e-3);
  EXPECT_THAT(imported_->err, HasSubstr("6 for training, 0 for validation, 6 for tests"));
  EXPECT_TRUE(Summary(Import("msra", "dataset"))["was_complete"]);
}

TEST_F(ImportCommand, WhatItWritesPassesTheAuditAndIsReported) {
  const CommandResult verified = RunHandforge({"verify", Path("dataset"), "--json"});
  EXPECT_EQ(verified.exit_code, 0) << verified.out;
  EXPECT_EQ(Summary(verified)["tuples"], 2 * kFrames);
  const CommandResult reported = RunHandforge({"report", Path("dataset")});
  EXPECT_EQ(reported.exit_code, 0) << reported.err;
  EXPECT_TRUE(fs::exists(Path("dataset/report/contact.png")));
}

TEST_F(ImportCommand, WhatItWritesTrainsAndMeasures) {
  const CommandResult trained = RunHandforge({"train",       "--out",
                                              Path("model"), "--json",
                                              "--set",       "train.data=[" + Path("dataset") + "]",
                                              "--set",       "train.pairs=[\"depth->3d\"]",
                                              "--set",       "train.steps=120",
                                              "--set",       "train.learning_rate=0.003",
                                              "--set",       "train.image_batch=6",
                                              "--set",       "train.augment.rotate=false",
                                              "--set",       "train.model.rgb_px=32",
                                              "--threads",   "1"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_EQ(Summary(trained)["train_samples"], kFrames);
  const CommandResult measured = RunHandforge({"eval",
                                               "--data",
                                               Path("dataset"),
                                               "--model",
                                               Path("model/model.safetensors"),
                                               "--split",
                                               "train",
                                               "--set",
                                               "eval.upright_views=0",
                                               "--json"});
  ASSERT_EQ(measured.exit_code, 0) << measured.err;
  EXPECT_EQ(Summary(measured)["samples"], kFrames);
  const auto score = Summary(measured)["pairs"][0]["scores"][0];
  EXPECT_EQ(score["measure"], "epe_mm");
  EXPECT_LT(score["value"].get<double>(), 20);
}

TEST_F(ImportCommand, NamesWhatIsWrong) {
  const CommandResult unknown = Import("msr", "other");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, AllOf(HasSubstr("msr"), HasSubstr("msra")));
  const CommandResult other = Import("freihand", "other");
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.err, HasSubstr("training_xyz.json"));
  const CommandResult nothing = RunHandforge({"import", "msra"});
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_FALSE(fs::exists(Path("other")));
}

// ---- Sets whose small worlds numpy writes -------------------------------------------------------

struct WorldOfNumpy {
  std::string name;
  std::string protocol;
  int tuples;
  std::string says;
};

class ImportOfNumpy : public ::testing::TestWithParam<WorldOfNumpy> {
 protected:
  void SetUp() override {
    HANDFORGE_NEEDS_NUMPY_AND_OPENCV();
    const std::string name = GetParam().name;
    RunWriter("write_" + name + ".py " + Path("in") + (name == "ho3d" ? " v2 2" : ""));
  }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  CommandResult Import(const std::string& protocol) const {
    return RunHandforge({"import",
                         GetParam().name,
                         Path("in"),
                         "--out",
                         Path("out"),
                         "--json",
                         "--set",
                         "import.least_in_picture=0",
                         "--set",
                         "import.protocol='" + protocol + "'"});
  }

  TemporaryFolder folder_;
};

TEST_P(ImportOfNumpy, PassesTheAudit) {
  const CommandResult imported = Import(GetParam().protocol);
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  EXPECT_EQ(Summary(imported)["tuples"], GetParam().tuples);
  EXPECT_THAT(imported.err, HasSubstr(GetParam().says));
  const CommandResult verified = RunHandforge({"verify", Path("out")});
  EXPECT_EQ(verified.exit_code, 0) << verified.err;
  EXPECT_TRUE(Summary(Import(GetParam().protocol))["was_complete"]);
}

TEST_P(ImportOfNumpy, NamesTheProtocolsThatThereAre) {
  EXPECT_THAT(
      Import("s4").err,
      HasSubstr(GetParam().name == "ho3d" ? "import.protocol is 's4'; ho3d has one protocol alone"
                                          : "import.protocol is 's4'; dexycb has s0, s1, s2, s3"));
}

INSTANTIATE_TEST_SUITE_P(
    Worlds,
    ImportOfNumpy,
    ::testing::Values(
        WorldOfNumpy{"ho3d", "", 8, "read train/*/meta/*.pkl, evaluation/*/meta/*.pkl"},
        WorldOfNumpy{"dexycb", "", 88, "32 for training, 28 for validation, 28 for tests"},
        WorldOfNumpy{"dexycb", "s2", 88, "64 for training, 12 for validation, 12 for tests"}));

// Though no file that is named as read has changed.
TEST(ImportOfHo3d, OtherLabelsAreAnotherDataset) {
  HANDFORGE_NEEDS_NUMPY_AND_OPENCV();
  const TemporaryFolder folder;
  const std::string in = (folder / "in").string(), out = (folder / "out").string();
  RunWriter("write_ho3d.py " + in + " v2 2");
  const auto import = [&] {
    const std::string all = "import.least_in_picture=0";
    return RunHandforge({"import", "ho3d", in, "--out", out, "--set", all}).exit_code;
  };
  EXPECT_EQ(import(), 0);
  const std::string move = "d['handJoints3D'] = d['handJoints3D'] + [0.001, 0, 0]";
  EditPickle(folder / "in/train/ABF10/meta/0003.pkl", move);
  EditPickle(folder / "in/train/ABF12/meta/0003.pkl", move);
  EXPECT_NE(import(), 0);
}

}  // namespace
}  // namespace handforge
