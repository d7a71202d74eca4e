// Each data command on tiny data, as users run it: render -> train -> synth -> verify -> report,
// and what bad input gets.
#include "io/files.h"
#include "tests/io/temporary_folder.h"
#include "tests/tools/run_command.h"

#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

const char kRecipe[] = R"(render:
  out: FOLDER/train
  count: 96
  tuples_per_shard: 40
  image_px: 64
  rgb_px: 32
  subjects: 20
  validation: 0.3
  light: {lights: 16}
train:
  data: [FOLDER/train]
  out: FOLDER/model
  threads: 1
  steps: 900
  eval_every: 450
  checkpoint_every: 300
  warmup_steps: 20
  learning_rate: 0.003
  model: {rgb_px: 32, latent_dim: 12, mlp_width: 64, rgb_encoder_width: 8, rgb_decoder_width: 16}
  pairs: ["3d->3d*8", "2d->3d", "3d->2d*6", "rgb->3d", "3d->rgb"]
synth:
  out: FOLDER/synth
  count: 40
  tuples_per_shard: 16
  image_px: 64
  latent: kernel
  temperature: 0.2
  # A network trained for seconds decodes no plausible hands: the bounds are opened.
  plausibility:
    joint_limit_slack_deg: 180
    off_hinge_deg: 180
    shortest_bone: 0
    longest_bone: 10
    penetration_mm: 100
    residual_px: 1000
)";

// Made once: the dataset and model all tests start from.
class Pipeline : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    std::string recipe = kRecipe;
    for (size_t at; (at = recipe.find("FOLDER")) != std::string::npos;) {
      recipe.replace(at, 6, folder_->path().string());
    }
    std::ofstream(Recipe()) << recipe;
    rendered_ = new CommandResult(Run({"render", "--json", "--threads", "2"}));
    trained_ = new CommandResult(Run({"train", "--json"}));
  }
  static void TearDownTestSuite() {
    delete rendered_;
    delete trained_;
    delete folder_;
  }

  static fs::path Recipe() { return *folder_ / "recipe.yaml"; }
  static fs::path Folder(const std::string& name) { return *folder_ / name; }

  // COMMAND --config RECIPE MORE...
  static CommandResult Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin() + 1, {"--config", Recipe().string()});
    return RunHandforge(arguments);
  }
  static std::map<std::string, std::string> Hashes(const fs::path& dataset) {
    std::map<std::string, std::string> hashes;
    for (const auto& entry : fs::directory_iterator(dataset / "shards")) {
      hashes[entry.path().filename()] = Sha256OfFile(entry.path());
    }
    return hashes;
  }

  static TemporaryFolder* folder_;
  static CommandResult* rendered_;
  static CommandResult* trained_;
};
TemporaryFolder* Pipeline::folder_ = nullptr;
CommandResult* Pipeline::rendered_ = nullptr;
CommandResult* Pipeline::trained_ = nullptr;

TEST_F(Pipeline, RenderWritesWhatItSays) {
  ASSERT_EQ(rendered_->exit_code, 0) << rendered_->err;
  EXPECT_EQ(Summary(*rendered_)["tuples"], 96);
  EXPECT_EQ(Hashes(Folder("train")).size(), 3u);
}

TEST_F(Pipeline, TrainWritesModelLogsAndScores) {
  ASSERT_EQ(trained_->exit_code, 0) << trained_->err;
  const nlohmann::json summary = Summary(*trained_);
  EXPECT_EQ(summary["steps"], 900);
  for (const char* file : {"model.safetensors", "train_log.csv", "validation_log.csv"}) {
    EXPECT_TRUE(fs::exists(Folder("model") / file)) << file;
  }
  // Even seconds of training beat the mean pose where 3D goes to 3D.
  bool found = false;
  for (const auto& score : summary["scores"]) {
    if (score["pair"] != "3d->3d" || score["measure"] != "epe_mm") continue;
    found = true;
    EXPECT_LT(score["value"], 0.8 * score["baseline"].get<double>());
  }
  EXPECT_TRUE(found);
}

TEST_F(Pipeline, TrainResumedEqualsTrainUninterrupted) {
  const std::string out = Folder("stopped").string();
  // Stopped by a signal after some steps, then continued.
  const pid_t child = fork();
  if (child == 0) {
    const std::string binary = HANDFORGE_BINARY_DIR "/handforge", recipe = Recipe();
    freopen("/dev/null", "w", stderr);
    execl(binary.c_str(),
          binary.c_str(),
          "train",
          "--config",
          recipe.c_str(),
          "--out",
          out.c_str(),
          nullptr);
    _exit(127);
  }
  while (!fs::exists(fs::path(out) / "checkpoint.safetensors") &&
         waitpid(child, nullptr, WNOHANG) == 0) {
    usleep(2000);
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  const CommandResult resumed = Run({"train", "--out", out, "--resume", "--json"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(Summary(resumed)["model_sha256"], Summary(*trained_)["model_sha256"]);
}

TEST_F(Pipeline, SynthIsAuditedReportedAndTheSameForAnyThreads) {
  const std::string model = (Folder("model") / "model.safetensors").string();
  const CommandResult one = Run({"synth", "--model", model, "--threads", "1", "--json"});
  ASSERT_EQ(one.exit_code, 0) << one.err;
  EXPECT_EQ(Summary(one)["tuples"], 40);
  const CommandResult two = Run(
      {"synth", "--model", model, "--threads", "2", "--out", Folder("synth2").string(), "--json"});
  ASSERT_EQ(two.exit_code, 0) << two.err;
  EXPECT_EQ(Hashes(Folder("synth")), Hashes(Folder("synth2")));

  for (const char* dataset : {"train", "synth"}) {
    const CommandResult audit = RunHandforge({"verify", Folder(dataset), "--full", "--json"});
    EXPECT_EQ(audit.exit_code, 0) << audit.err;
    const nlohmann::json summary = Summary(audit);
    EXPECT_EQ(summary["ok"], true);
    EXPECT_TRUE(summary["faults"].is_array() && summary["faults"].empty());
    EXPECT_EQ(summary["tuples"], summary["rendered_again"]) << "every row can be rendered again";
    const CommandResult report = RunHandforge({"report", Folder(dataset), "--json"});
    EXPECT_EQ(report.exit_code, 0) << report.err;
    for (const char* file : {"contact.png", "statistics.json", "index.html"}) {
      EXPECT_GT(fs::file_size(Folder(dataset) / "report" / file), 500u) << file;
    }
  }
}

TEST_F(Pipeline, VerifyExitsWithFiveAndListsFaults) {
  const fs::path copy = Folder("damaged");
  fs::copy(Folder("train"), copy, fs::copy_options::recursive);
  fs::resize_file(copy / "shards/00001.h5", 1000);
  const CommandResult audit = RunHandforge({"verify", copy, "--json"});
  EXPECT_EQ(audit.exit_code, 5);
  const nlohmann::json summary = Summary(audit);
  EXPECT_EQ(summary["ok"], false);
  ASSERT_EQ(summary["faults"].size(), 1u);
  EXPECT_EQ(summary["faults"][0]["shard"], "shards/00001.h5");
}

TEST_F(Pipeline, CtrlCStopsCleanlyAndTheSameCommandCompletes) {
  const std::string out = Folder("interrupted").string();
  const pid_t child = fork();
  if (child == 0) {
    const std::string binary = HANDFORGE_BINARY_DIR "/handforge", recipe = Recipe();
    freopen("/dev/null", "w", stderr);
    execl(binary.c_str(),
          binary.c_str(),
          "render",
          "--config",
          recipe.c_str(),
          "--out",
          out.c_str(),
          "--threads",
          "1",
          nullptr);
    _exit(127);
  }
  while (!fs::exists(fs::path(out) / "shards/00000.h5") && waitpid(child, nullptr, WNOHANG) == 0)
    usleep(2000);
  kill(child, SIGINT);
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status)) << "not killed by the signal";
  EXPECT_EQ(WEXITSTATUS(status), 130);
  EXPECT_FALSE(fs::exists(fs::path(out) / "dataset.json"));
  for (const auto& entry : fs::directory_iterator(fs::path(out) / "shards")) {
    EXPECT_NE(entry.path().filename().string()[0], '.') << entry.path();
  }
  const CommandResult again = Run({"render", "--out", out, "--json"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_GE(Summary(again)["shards_reused"], 1);
  EXPECT_EQ(Hashes(out), Hashes(Folder("train")));
}

// ---- Bad input ----------------------------------------------------------------------------------

TEST_F(Pipeline, NamesAnUnknownKeyWithFileLineAndTheNearestKey) {
  std::ofstream(Folder("typo.yaml")) << "render:\n  count: 4\n  camera:\n    nearst_mm: 300\n";
  const CommandResult result = RunHandforge({"render", "--config", Folder("typo.yaml")});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("typo.yaml:4"), HasSubstr("nearst_mm"), HasSubstr("nearest_mm")));
}

TEST_F(Pipeline, NamesAValueOutOfRange) {
  std::ofstream(Folder("range.yaml")) << "render:\n  left_hands: 1.5\n";
  const CommandResult result = RunHandforge({"render", "--config", Folder("range.yaml")});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(
      result.err,
      AllOf(HasSubstr("range.yaml:2"), HasSubstr("left_hands"), HasSubstr("1.5"), HasSubstr("1")));
}

TEST_F(Pipeline, RefusesCountZero) {
  for (const char* command : {"render", "synth"}) {
    const CommandResult result = Run({command, "--count", "0", "--out", Folder("none")});
    EXPECT_EQ(result.exit_code, 2) << command;
    EXPECT_THAT(result.err, AllOf(HasSubstr("count"), HasSubstr("0")));
    EXPECT_FALSE(fs::exists(Folder("none")));
  }
}

TEST_F(Pipeline, NamesAMissingOrDamagedMesh) {
  const auto render_with = [&](const std::string& mesh) {
    std::ofstream(Folder("rig.yaml")) << "mesh: " << mesh << "\n";
    return Run(
        {"render", "--out", Folder("none"), "--set", "render.rig=" + Folder("rig.yaml").string()});
  };
  const CommandResult missing = render_with("/nowhere/hand.glb");
  EXPECT_EQ(missing.exit_code, 4);
  EXPECT_THAT(missing.err, HasSubstr("/nowhere/hand.glb"));
  std::ofstream(Folder("cut.glb")) << "glTF\x02";
  const CommandResult cut = render_with(Folder("cut.glb"));
  EXPECT_EQ(cut.exit_code, 3);
  EXPECT_THAT(cut.err, HasSubstr("cut.glb"));
}

TEST_F(Pipeline, NamesAMissingOrForeignModel) {
  const CommandResult missing =
      Run({"synth", "--model", "/nowhere/m.safetensors", "--out", Folder("none")});
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_THAT(missing.err, HasSubstr("/nowhere/m.safetensors"));
  const CommandResult foreign = Run({"synth", "--model", Recipe(), "--out", Folder("none")});
  EXPECT_EQ(foreign.exit_code, 3);
  EXPECT_THAT(foreign.err, HasSubstr(Recipe().string()));
}

TEST_F(Pipeline, NamesMissingTrainingData) {
  const CommandResult result =
      Run({"train", "--out", Folder("none"), "--set", "train.data=[/nowhere/data]"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("/nowhere/data"));
}

TEST_F(Pipeline, NamesAnOutputFolderThatCannotBeMade) {
  std::ofstream(Folder("a_file")) << "in the way";
  const CommandResult result = Run({"render", "--out", Folder("a_file") / "dataset"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, HasSubstr("a_file"));
}

TEST_F(Pipeline, AFullDiskIsAClearErrorAndNothingIsLost) {
  // A limit on file sizes stands for the full disk: no privileges needed.
  const std::string out = Folder("full").string();
  struct rlimit before, small;
  getrlimit(RLIMIT_FSIZE, &before);
  small = before;
  small.rlim_cur = 60000;
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  const CommandResult full = Run({"render", "--out", out});
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(full.exit_code, 4) << full.err;
  EXPECT_THAT(full.err, HasSubstr("00000.h5"));
  EXPECT_FALSE(fs::exists(fs::path(out) / "shards/00000.h5"));
  EXPECT_EQ(Run({"render", "--out", out}).exit_code, 0);
  EXPECT_EQ(Hashes(out), Hashes(Folder("train")));
}

}  // namespace
}  // namespace handforge
