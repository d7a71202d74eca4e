#include "vae/train.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/interrupt.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
#include "tests/vae/toy_hands.h"
#include "tests/vae/trained_toy.h"
#include "vae/tensor_file.h"

#include <fstream>
#include <map>
#include <sstream>

#include <gmock/gmock.h>

namespace handforge {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class TrainTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder();
    WriteToyDataset(ToyOptions(), 64, *folder_ / "data");
  }
  static void TearDownTestSuite() { delete folder_; }
  void TearDown() override { RequestInterrupt(false); }

  static std::filesystem::path Path(const std::string& name) { return *folder_ / name; }
  static TrainOptions Options(const std::string& out) {
    return ToyTraining(Path("data"), Path(out));
  }

  static TemporaryFolder* folder_;
};
TemporaryFolder* TrainTest::folder_ = nullptr;

// The listener of a run that is interrupted after `step`.
TrainListener InterruptAfter(int64_t step) {
  return [step](const TrainEvent& event) {
    if (event.kind == TrainEvent::Kind::kStep && event.step == step) RequestInterrupt(true);
  };
}

std::vector<std::string> Lines(const std::filesystem::path& file) {
  std::istringstream stream(ReadText(file));
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The rows without their last column, which is time.
std::vector<std::string> WithoutTime(std::vector<std::string> lines) {
  for (std::string& line : lines) line = line.substr(0, line.rfind(','));
  return lines;
}

double Value(const TrainResult& result, const std::string& pair, const std::string& measure) {
  for (const PairScore& score : result.scores) {
    if (score.pair == pair && score.measure == measure) return score.value / score.baseline;
  }
  ADD_FAILURE() << "no score " << pair << " " << measure;
  return 0;
}

TEST_F(TrainTest, LearnsTheToyHands) {
  WriteToyDataset(ToyOptions(), 1024, Path("more_data"));
  TrainOptions options = ToyTraining(Path("more_data"), Path("learned"));
  options.steps = 1200;
  options.eval_every = 1200;
  options.checkpoint_every = 1200;
  const TrainResult result = Train(options, false);
  EXPECT_EQ(result.train_samples, 768);
  EXPECT_EQ(result.held_out_samples, 256);
  // Relative to predicting the training mean.
  EXPECT_LT(Value(result, "3d->3d", "epe_mm"), 0.25);
  EXPECT_LT(Value(result, "3d->3d", "epe_root_mm"), 0.25);
  EXPECT_LT(Value(result, "2d->3d", "epe_mm"), 0.3);
  EXPECT_LT(Value(result, "3d->2d", "epe_px"), 0.45);
  EXPECT_LT(Value(result, "rgb->3d", "epe_mm"), 0.9);
  EXPECT_LT(Value(result, "rgb->rgb", "colour_error"), 0.6);
  EXPECT_GT(Value(result, "3d->rgb", "alpha_iou"), 1.05);
}

TEST_F(TrainTest, SameSeedGivesTheSameModel) {
  const TrainResult a = Train(Options("same_a"), false);
  const TrainResult b = Train(Options("same_b"), false);
  EXPECT_EQ(a.model_sha256, b.model_sha256);
  TrainOptions other = Options("same_c");
  other.seed = 2;
  EXPECT_NE(Train(other, false).model_sha256, a.model_sha256);
}

TEST_F(TrainTest, ResumesAsIfNeverStopped) {
  const TrainResult whole = Train(Options("whole"), false);
  // Off the rhythm of logs, checkpoints and evaluations, and on it.
  for (const int64_t step : {7, 12, 20}) {
    const std::string out = "stopped" + std::to_string(step);
    EXPECT_THAT(MessageOf<Interrupted>([&] { Train(Options(out), false, InterruptAfter(step)); }),
                HasSubstr("after step " + std::to_string(step)));
    RequestInterrupt(false);
    EXPECT_FALSE(std::filesystem::exists(ModelPath(Path(out))));
    const TrainResult resumed = Train(Options(out), true);
    EXPECT_EQ(resumed.model_sha256, whole.model_sha256) << "stopped after step " << step;
    EXPECT_EQ(WithoutTime(Lines(Path(out) / "train_log.csv")),
              WithoutTime(Lines(Path("whole") / "train_log.csv")));
    EXPECT_EQ(Lines(Path(out) / "validation_log.csv"), Lines(Path("whole") / "validation_log.csv"));
  }
}

TEST_F(TrainTest, ResumesAfterBeingKilled) {
  // A killed process leaves the last periodic checkpoint and logs that run ahead of it.
  const TrainResult whole = Train(Options("killed"), false);
  const std::vector<std::string> log = WithoutTime(Lines(Path("killed") / "train_log.csv"));
  TrainOptions options = Options("killed_again");
  Train(options, false, [&](const TrainEvent& event) {
    if (event.kind == TrainEvent::Kind::kCheckpoint && event.step == 10) {
      std::filesystem::copy_file(CheckpointPath(options.out), Path("kept"));
    }
  });
  std::filesystem::rename(Path("kept"), CheckpointPath(options.out));
  std::filesystem::remove(ModelPath(options.out));
  std::ofstream(Path("killed_again") / "train_log.csv", std::ios::app) << "24,3d->3d,0.1";
  EXPECT_EQ(Train(options, true).model_sha256, whole.model_sha256);
  EXPECT_EQ(WithoutTime(Lines(Path("killed_again") / "train_log.csv")), log);
}

TEST_F(TrainTest, ResumeWithoutACheckpointStartsFromTheBeginning) {
  const TrainResult whole = Train(Options("fresh"), false);
  std::string said;
  const TrainResult resumed =
      Train(Options("fresh_resume"), true, [&](const TrainEvent& event) { said += event.text; });
  EXPECT_EQ(resumed.model_sha256, whole.model_sha256);
  EXPECT_THAT(said, HasSubstr("starting from the beginning"));
}

TEST_F(TrainTest, RefusesTheCheckpointOfOtherOptions) {
  Train(Options("belongs"), false);
  TrainOptions other = Options("belongs");
  other.beta *= 2;
  EXPECT_THAT(MessageOf<UsageError>([&] { Train(other, true); }),
              AllOf(HasSubstr("checkpoint.safetensors"), HasSubstr("beta")));
  WriteToyDataset(ToyOptions(), 32, Path("other_data"));
  other = ToyTraining(Path("other_data"), Path("belongs"));
  EXPECT_THAT(MessageOf<DataError>([&] { Train(other, true); }), HasSubstr("other data"));
}

TEST_F(TrainTest, RefusesADamagedCheckpoint) {
  TrainOptions options = Options("damaged");
  Train(options, false);
  std::filesystem::resize_file(CheckpointPath(options.out), 5000);
  EXPECT_THAT(MessageOf<DataError>([&] { Train(options, true); }),
              HasSubstr("checkpoint.safetensors"));
}

TEST_F(TrainTest, StopsWhereTheLossIsNotFinite) {
  TrainOptions options = Options("diverged");
  options.learning_rate = 1;
  options.max_gradient_norm = 0;
  options.warmup_steps = 0;
  options.joints3_weight = 1e6;
  options.model.mlp_decoder_layers = 10;  // large steps multiply through the layers
  options.checkpoint_every = 1;
  options.steps = 2000;
  EXPECT_THAT(MessageOf<DataError>([&] { Train(options, false); }),
              AllOf(HasSubstr("step "), HasSubstr("pair "), HasSubstr("not finite")));
  const TensorFile batch = TensorFile::Read(BadBatchPath(options.out));
  EXPECT_TRUE(batch.Has("input"));
  EXPECT_TRUE(batch.Has("noise"));
  EXPECT_FALSE(batch.Text("pair").empty());
  EXPECT_EQ(TensorFile::Read(CheckpointPath(options.out)).Text("kind"), "checkpoint");
}

TEST_F(TrainTest, ShortensTheScheduleToTheBudget) {
  TrainOptions options = Options("budget");
  options.steps = 1'000'000;
  options.max_seconds = 0.5;
  options.eval_every = 6;
  std::string said;
  const TrainResult result =
      Train(options, false, [&](const TrainEvent& event) { said += event.text; });
  EXPECT_TRUE(result.shortened);
  EXPECT_LT(result.steps, 100'000);
  EXPECT_THAT(said, HasSubstr("not reproducible"));
}

TEST_F(TrainTest, WritesItsLogs) {
  Train(Options("logs"), false);
  const std::vector<std::string> train = Lines(Path("logs") / "train_log.csv");
  EXPECT_EQ(train[0], "step,pair,loss,reconstruction,alpha,kl,gradient_norm,learning_rate,seconds");
  EXPECT_THAT(train[1], testing::StartsWith("6,"));
  const std::vector<std::string> validation = Lines(Path("logs") / "validation_log.csv");
  EXPECT_EQ(validation[0], "step,pair,measure,value,baseline,samples,protocol");
  EXPECT_THAT(validation, testing::Contains(testing::StartsWith("12,2d->3d,epe_mm,")));
  EXPECT_THAT(validation, testing::Contains(testing::StartsWith("24,rgb->rgb,alpha_iou,")));
  EXPECT_THAT(validation, testing::Contains(HasSubstr("spurr2018")));
}

TEST_F(TrainTest, NamesWhatIsWrongWithTheOptions) {
  const auto message = [](const std::function<void(TrainOptions*)>& change) {
    TrainOptions options = Options("refused");
    change(&options);
    return MessageOf<UsageError>([&] { Train(options, false); });
  };
  EXPECT_THAT(message([](TrainOptions* o) { o->data.clear(); }), HasSubstr("data"));
  EXPECT_THAT(message([](TrainOptions* o) { o->out.clear(); }), HasSubstr("out"));
  EXPECT_THAT(message([](TrainOptions* o) { o->model.rgb_px = 48; }), HasSubstr("rgb_px = 48"));
  EXPECT_THAT(message([](TrainOptions* o) { o->pairs = {"3d->5d"}; }), HasSubstr("3d->5d"));
  EXPECT_THAT(message([](TrainOptions* o) { o->beta = -1; }), HasSubstr("beta"));
  EXPECT_FALSE(std::filesystem::exists(Path("refused")));
}

TEST_F(TrainTest, NamesMissingData) {
  TrainOptions options = Options("no_data");
  options.data = {Path("nowhere").string()};
  EXPECT_THAT(MessageOf<DataError>([&] { Train(options, false); }), HasSubstr("nowhere"));
}

TEST_F(TrainTest, CleansUpAfterAKilledWriter) {
  TrainOptions options = Options("stale");
  EnsureWritableFolder(options.out);
  Train(options, false);
  for (const auto& entry : std::filesystem::directory_iterator(options.out)) {
    EXPECT_FALSE(IsTemporaryName(entry.path())) << entry.path();
  }
}

}  // namespace
}  // namespace handforge
