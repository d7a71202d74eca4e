#include "vae/train.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/folder_lock.h"
#include "io/interrupt.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
#include "tests/vae/toy_hands.h"
#include "tests/vae/trained_toy.h"
#include "vae/augment.h"
#include "vae/batch_file.h"
#include "vae/hand_vae.h"
#include "vae/learner.h"
#include "vae/samples.h"
#include "vae/targets.h"
#include "vae/tensor_file.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <set>
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
  options.steps = 1500;
  options.eval_every = 1500;
  options.checkpoint_every = 1500;
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

TEST_F(TrainTest, LearnsDepthAndTheSideOfAHand) {
  WriteToyDataset(ToyOptions(), 512, Path("depth_data"));
  TrainOptions options = ToyTraining(Path("depth_data"), Path("depth"));
  options.pairs = {"depth->3d+depth"};
  options.model.depth_encoder_width = 8;
  options.model.depth_decoder_width = 16;
  options.model.side_head = 1;
  options.left_share = 1;
  options.side_weight = 1;
  options.steps = 500;
  options.eval_every = 500;
  options.checkpoint_every = 500;
  const TrainResult result = Train(options, false);
  EXPECT_LT(Value(result, "depth->3d", "epe_mm"), 0.9);
  const HandVae vae = HandVae::Load(result.model);
  EXPECT_TRUE(vae.info().has_side);

  // Held-out hands as they are (right ones) and mirrored.
  const SampleSet hands = LoadTrainingData(options.data, 32).held_out;
  const int rows = static_cast<int>(hands.size());
  const size_t size = 32 * 32;
  std::vector<float> shown(size * hands.present.size());
  for (int64_t row = 0; row < rows; ++row) {
    hands.CopyInput(row, Modality::kDepth, shown.data() + static_cast<size_t>(row) * size);
  }
  const auto said_left = [&] {
    std::vector<float> left(hands.present.size());
    vae.EncodeSide(Modality::kDepth, shown.data(), rows, left.data());
    return std::count_if(left.begin(), left.end(), [](float p) { return p > 0.5F; });
  };
  EXPECT_LT(said_left(), rows / 4);
  MirrorPlanes(rows, 32, shown.data());
  EXPECT_GT(said_left(), rows - rows / 4);

  DecodedBatch decoded;
  const std::vector<float> z(static_cast<size_t>(vae.info().latent_dim), 0.0F);
  vae.Decode(z.data(), 1, &decoded);
  EXPECT_EQ(decoded.depth.size(), size);
  EXPECT_TRUE(decoded.rgba.empty());
}

TEST_F(TrainTest, ResumesWithEverySwitchOn) {
  const auto options = [](const std::string& out) {
    TrainOptions all = Options(out);
    all.pairs = {"rgb->3d+2d+rgb", "3d->3d+2d", "3d->rgb", "depth->3d+rgb"};
    all.model.rgb_px = 64;
    all.model.appearance_dim = 2;
    all.model.side_head = 1;
    all.model.rgb_decoder_bones = 1;
    all.model.rgb_encoder_stride = 0;
    all.model.joint_map_width = 8;
    all.precision = "bfloat16";
    all.store = "float16";
    all.joints_loss = "distance";
    all.average_decay = 0.9;
    all.detail_weight = 1;
    all.augment.background = 0.5;
    all.augment.zoom = 0.1;
    all.augment.shift = 0.1;
    return all;
  };
  const TrainResult whole = Train(options("switches"), false);
  EXPECT_THROW(Train(options("switches_stopped"), false, InterruptAfter(7)), Interrupted);
  RequestInterrupt(false);
  EXPECT_EQ(Train(options("switches_stopped"), true).model_sha256, whole.model_sha256);

  // Sampled codes have an appearance of their own; the model reads back from half precision.
  const HandVae vae = HandVae::Load(whole.model);
  Random random(1, 0, 0, Purpose::kTest);
  const std::vector<float> z = vae.SampleLatent(LatentSource::kKernel, &random, 0);
  EXPECT_NE(z[6], 0);
  EXPECT_NE(z[7], 0);
}

TEST_F(TrainTest, PicturesLeftInTheShardsTeachTheSame) {
  TrainOptions options = Options("in_memory");
  options.steps = 8;
  options.pairs = {"rgb->3d", "3d->rgb", "depth->3d"};
  const TrainResult in_memory = Train(options, false);
  options.out = Path("in_shards");
  options.memory_gb = 1e-6;
  EXPECT_EQ(Train(options, false).model_sha256, in_memory.model_sha256);
}

TEST_F(TrainTest, TellsImageEncodersTheSide) {
  TrainOptions options = Options("told");
  options.model.side_input = 1;
  options.pairs = {"rgb->3d*2", "3d->3d", "rgb->rgb"};
  const TrainResult result = Train(options, false);
  const HandVae vae = HandVae::Load(result.model);
  EXPECT_EQ(vae.info().model.side_input, 1);

  // The same picture said to be of one hand and of the other.
  const std::vector<float> picture(2 * 32 * 32 * 3, 0.5F);
  const size_t dim = static_cast<size_t>(vae.info().latent_dim);
  std::vector<float> mean(2 * dim);
  const std::vector<uint8_t> sides = {0, 1};
  vae.Encode(Modality::kRgb, picture.data(), 2, mean.data(), nullptr, sides.data());
  EXPECT_FALSE(std::equal(mean.begin(), mean.begin() + dim, mean.begin() + dim));
  EXPECT_THAT(MessageOf<UsageError>(
                  [&] { vae.Encode(Modality::kRgb, picture.data(), 2, mean.data(), nullptr); }),
              AllOf(HasSubstr("rgb"), HasSubstr("side_input = 1")));
  EXPECT_THAT(MessageOf<UsageError>([&] { RequireRightHandsInBoneLengths(vae.info(), "synth"); }),
              AllOf(HasSubstr("synth"), HasSubstr("side_input = 1")));

  TrainOptions other = Options("told_nothing");
  other.model.side_input = 2;
  other.pairs = {"rgb->3d"};
  const HandVae untold = HandVae::Load(Train(other, false).model);
  untold.Encode(Modality::kRgb, picture.data(), 2, mean.data(), nullptr);
  EXPECT_TRUE(std::equal(mean.begin(), mean.begin() + dim, mean.begin() + dim));
}

TEST_F(TrainTest, SeesTheSizeOfHandsWhereScaleIsNotGiven) {
  WriteToyDataset(ToyOptions(), 512, Path("metric_data"));
  TrainOptions options = ToyTraining(Path("metric_data"), Path("metric"));
  options.model.metric_scale = 1;
  options.model.latent_dim = 16;
  options.pairs = {"3d->3d"};
  options.steps = 1200;
  options.eval_every = options.checkpoint_every = 1200;
  const TrainResult result = Train(options, false);
  const HandVae vae = HandVae::Load(result.model);
  EXPECT_EQ(vae.info().UnitMm(70), vae.info().UnitMm(40));
  for (const PairScore& score : result.scores) {
    if (score.measure != "epe_mm") continue;
    EXPECT_LT(score.value, 0.3 * score.baseline);
    EXPECT_THAT(score.protocol, HasSubstr("scale as predicted"));
  }
  // Sizes of held-out hands are said, not their mean.
  const SampleSet hands = LoadTrainingData(options.data, SampleForm(options.model)).held_out;
  const int rows = static_cast<int>(hands.size());
  std::vector<float> z(static_cast<size_t>(rows) * vae.info().latent_dim);
  vae.Encode(Modality::kJoints3, hands.joints3.data(), rows, z.data(), nullptr);
  DecodedBatch said;
  vae.Decode(z.data(), rows, &said);
  const auto bone = [](const float* joints) {
    return ReferenceBoneLength(MetricJoints3(joints, kMetricUnitMm, Handedness::kRight));
  };
  double covariance = 0, variance = 0, mean = 0;
  for (int i = 0; i < rows; ++i) mean += bone(&hands.joints3[63 * i]) / rows;
  for (int i = 0; i < rows; ++i) {
    const double truth = bone(&hands.joints3[63 * i]) - mean;
    covariance += truth * (bone(&said.joints3[63 * i]) - mean);
    variance += truth * truth;
  }
  EXPECT_GT(covariance, 0.3 * variance);
}

TEST_F(TrainTest, LearnsFromPicturesWithoutLabels) {
  // With a quarter of the labels the other pictures still train rgb->rgb; or they are left out.
  TrainOptions options = Options("unlabelled");
  options.pairs = {"rgb->3d", "rgb->rgb", "3d->3d"};
  options.labelled_share = 0.25;
  options.own_masks = true;
  options.turns_weight = 0.5;
  const TrainResult with = Train(options, false);
  options.out = Path("no_unlabelled").string();
  options.keep_unlabelled = false;
  const TrainResult without = Train(options, false);
  EXPECT_NE(with.model_sha256, without.model_sha256);
  EXPECT_THAT(Lines(Path("unlabelled") / "train_log.csv"),
              testing::Contains(HasSubstr(",rgb->turns,")));
  options.pairs = {"rgb->3d"};
  EXPECT_THAT(MessageOf<UsageError>([&] { Train(options, false); }), HasSubstr("turns_weight"));
}

TEST_F(TrainTest, SaysWhichSettingLeavesNothingToLearnFrom) {
  TrainOptions options = Options("no_labels");
  options.labelled_share = 1e-6;
  EXPECT_THAT(MessageOf<UsageError>([&] { Train(options, false); }),
              AllOf(HasSubstr("labelled_share = 0.000001"), HasSubstr("none of the")));
  options = Options("twice");
  options.data = {options.data[0], options.data[0]};
  EXPECT_THAT(MessageOf<UsageError>([&] { Train(options, false); }),
              HasSubstr("is the same dataset as"));
}

TEST_F(TrainTest, RaisesTheKlWeight) {
  // The logged loss of a pair is its reconstruction (bones left out) plus weight times KL.
  TrainOptions options = Options("warmup");
  options.pairs = {"3d->3d"};
  options.bones_weight = 0;
  options.beta = 0.1;
  options.beta_warmup_steps = 12;
  options.log_every = 1;
  Train(options, false);
  for (const int64_t step : {1, 7, 13, 24}) {
    std::istringstream row(Lines(Path("warmup") / "train_log.csv")[static_cast<size_t>(step)]);
    std::vector<std::string> cells;
    for (std::string cell; std::getline(row, cell, ',');) cells.push_back(cell);
    const double loss = std::stod(cells[2]);
    const double reconstruction = std::stod(cells[3]);
    const double kl = std::stod(cells[5]);
    const double expected = 0.1 * std::min(1.0, static_cast<double>(step - 1) / 12);
    EXPECT_NEAR(loss - reconstruction, expected * kl, 1e-4 * loss) << "step " << step;
  }
}

TEST_F(TrainTest, StartsFromAnotherModel) {
  const TrainResult first = Train(Options("first"), false);
  TrainOptions next = Options("next");
  next.start = {first.model.string()};
  next.learning_rate = 1e-9;   // hardly moves the weights
  next.average_decay = 0.999;  // their average starts there too
  next.steps = 2;
  const HandVae a = HandVae::Load(first.model);
  const HandVae b = HandVae::Load(Train(next, false).model);
  const std::vector<float> z(static_cast<size_t>(a.info().latent_dim), 0.3F);
  DecodedBatch from_a;
  DecodedBatch from_b;
  a.Decode(z.data(), 1, &from_a);
  b.Decode(z.data(), 1, &from_b);
  for (size_t i = 0; i < from_a.joints3.size(); ++i) {
    EXPECT_NEAR(from_a.joints3[i], from_b.joints3[i], 1e-3);
  }
}

TEST_F(TrainTest, ResumeNeedsNoModelToStartFrom) {
  const std::filesystem::path start = Path("to_start_from.safetensors");
  std::filesystem::copy_file(Train(Options("to_start_from"), false).model, start);
  TrainOptions options = Options("started_and_resumed");
  options.start = {start.string()};
  EXPECT_THROW(Train(options, false, InterruptAfter(7)), Interrupted);
  RequestInterrupt(false);
  std::filesystem::remove(start);
  EXPECT_GT(Train(options, true).steps, 7);
}

TEST_F(TrainTest, TakesOneNetworkFromAModelAndKeepsItFixed) {
  const TrainResult first = Train(Options("first_fixed"), false);
  TrainOptions next = Options("next_fixed");
  next.seed = 3;
  next.start = {"decoder.3d=" + first.model.string()};
  next.fixed = {"decoder.3d"};
  const TensorFile before = TensorFile::Read(first.model);
  const TensorFile after = TensorFile::Read(Train(next, false).model);
  int same = 0;
  int moved = 0;
  for (const auto& [name, entry] : before.tensors()) {
    if (name.rfind("decoder.3d.", 0) == 0) {
      EXPECT_EQ(after.Find(name).bytes, entry.bytes) << name;
      ++same;
    } else if (name.rfind("encoder.3d.", 0) == 0) {
      EXPECT_NE(after.Find(name).bytes, entry.bytes) << name;
      ++moved;
    }
  }
  EXPECT_GT(same, 0);
  EXPECT_GT(moved, 0);

  next.out = Path("never_fixed").string();
  next.fixed = {"decoder.3D"};
  EXPECT_THAT(MessageOf<UsageError>([&] { Train(next, false); }),
              AllOf(HasSubstr("fixed: no network \"decoder.3D\""), HasSubstr("decoder.3d")));
  next.fixed = {"encoder.3d", "decoder.3d"};
  next.pairs = {"3d->3d", "2d->3d"};
  EXPECT_THAT(MessageOf<UsageError>([&] { Train(next, false); }),
              HasSubstr("leaves nothing for the pair 3d->3d"));
}

TEST_F(TrainTest, StopsWhereThePoseNoLongerImproves) {
  TrainOptions options = Options("patience");
  options.learning_rate = 1e-9;
  options.steps = 1000;
  options.eval_every = 4;
  options.patience = 3;
  std::string said;
  const TrainResult result =
      Train(options, false, [&](const TrainEvent& event) { said += event.text; });
  EXPECT_LT(result.steps, 1000);
  EXPECT_THAT(said, HasSubstr("no better 3D error for 3 evaluations"));
}

TEST_F(TrainTest, AnEarlyStopGivesTheBestWeights) {
  TrainOptions options = Options("best_weights");
  options.pairs = {"3d->3d"};
  options.learning_rate = 0.5;  // far too much: errors go up and down
  options.steps = 1000;
  options.eval_every = 1;
  options.eval_samples = 0;
  options.patience = 3;
  std::vector<double> errors;
  const auto listen = [&errors](const TrainEvent& event) {
    if (event.kind == TrainEvent::Kind::kEvaluation) errors.push_back(event.scores.at(0).value);
  };
  const TrainResult result = Train(options, false, listen);
  ASSERT_EQ(errors.size(), static_cast<size_t>(result.steps) + 1) << "the last is the model's";
  const auto best = std::min_element(errors.begin(), errors.end() - 1);
  EXPECT_LT(*best, errors[errors.size() - 2]);
  EXPECT_EQ(errors.back(), *best);
  EXPECT_EQ(HandVae::Load(result.model).info().steps, best - errors.begin() + 1);
  // A finished run is finished again alike.
  const std::string sha256 = result.model_sha256;
  EXPECT_EQ(Train(options, true).model_sha256, sha256);
  // Without the best weights, or with those of another run, it says so.
  TrainOptions other = options;
  other.out = Path("best_of_another").string();
  other.seed = 77;
  Train(other, false);
  std::filesystem::copy_file(BestPath(other.out),
                             BestPath(options.out),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(MessageOf<UsageError>([&] { Train(options, true); }),
              AllOf(HasSubstr("best.safetensors belongs to other"), HasSubstr("seed")));
  std::filesystem::remove(BestPath(options.out));
  std::string said;
  const TrainResult last =
      Train(options, true, [&said](const TrainEvent& event) { said += event.text; });
  EXPECT_THAT(said, HasSubstr("the last weights, not the best"));
  EXPECT_EQ(HandVae::Load(last.model).info().steps, last.steps);
}

TEST_F(TrainTest, MeasuresTheAverageThatItStores) {
  // Errors after four of so many steps.
  const auto measured = [](const std::string& out, double average_decay, int64_t steps) {
    TrainOptions options = Options(out);
    options.pairs = {"3d->3d"};
    options.average_decay = average_decay;
    options.final_lr_fraction = 1;  // the first steps are those of a shorter run
    options.steps = steps;
    options.eval_every = 4;
    options.eval_samples = 0;
    std::vector<double> errors;
    Train(options, false, [&errors](const TrainEvent& event) {
      if (event.kind != TrainEvent::Kind::kEvaluation || event.step != 4) return;
      for (const PairScore& score : event.scores) errors.push_back(score.value);
    });
    return errors;
  };
  const std::vector<double> of_average = measured("average_runs_on", 0.9, 8);
  EXPECT_FALSE(of_average.empty());
  EXPECT_EQ(of_average, measured("average_is_stored", 0.9, 4));
  EXPECT_NE(of_average, measured("no_average", 0, 8));
}

TEST_F(TrainTest, StoresWeightsInThePrecisionAskedFor) {
  for (const auto& [store, dtype] : {std::pair("float32", "F32"), std::pair("float16", "F16")}) {
    TrainOptions options = Options(std::string("stores_") + store);
    options.pairs = {"3d->3d"};
    options.steps = 1;
    options.store = store;
    const TensorFile file = TensorFile::Read(Train(options, false).model);
    for (const auto& [name, entry] : file.tensors()) {
      const bool of_network = name.rfind("encoder.", 0) == 0 || name.rfind("decoder.", 0) == 0;
      if (of_network) {
        EXPECT_EQ(entry.dtype, dtype) << name;
      }
    }
  }
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

TEST_F(TrainTest, ResumeKeepsAModelWhoseCheckpointIsGone) {
  const TrainResult result = Train(Options("bare"), false);
  std::filesystem::remove(CheckpointPath(Path("bare")));
  EXPECT_THAT(MessageOf<UsageError>([] { Train(Options("bare"), true); }),
              AllOf(HasSubstr("model.safetensors is there"), HasSubstr("checkpoint.safetensors")));
  EXPECT_EQ(Sha256OfFile(result.model), result.model_sha256);
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

TEST_F(TrainTest, ResumesWithAnotherLengthAndRhythm) {
  TrainOptions options = Options("longer");
  const TrainResult first = Train(options, false);
  options.steps = first.steps + 6;
  options.eval_every = 5;
  options.log_every = 3;
  options.threads = 2;
  std::string said;
  const TrainResult result =
      Train(options, true, [&](const TrainEvent& event) { said += event.text; });
  EXPECT_EQ(result.steps, first.steps + 6);
  EXPECT_NE(result.model_sha256, first.model_sha256);
  EXPECT_THAT(said,
              AllOf(HasSubstr("the run now has " + std::to_string(options.steps) + " steps"),
                    HasSubstr("resuming with 2 threads, not 1")));
  options.patience = 3;
  EXPECT_THAT(MessageOf<UsageError>([&] { Train(options, true); }), HasSubstr("patience"));
  options.patience = 0;
  options.steps = 4;
  EXPECT_THAT(MessageOf<UsageError>([&] { Train(options, true); }),
              HasSubstr("steps = 4: " + std::to_string(result.steps) + " are done already"));
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
  const TensorFile checkpoint = TensorFile::Read(CheckpointPath(options.out));
  EXPECT_EQ(checkpoint.Text("kind"), "checkpoint");

  Learner learner(options);
  learner.Restore(checkpoint);
  const std::vector<StepLosses> replayed =
      learner.Step(BatchFromFile(batch), options.learning_rate);
  EXPECT_TRUE(std::any_of(
      replayed.begin(), replayed.end(), [](const StepLosses& losses) { return !losses.Finite(); }));
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

// Before the first evaluation, too.
TEST_F(TrainTest, KeepsToABudgetThatNoEvaluationComesIn) {
  TrainOptions options = Options("short_budget");
  options.steps = 1'000'000;
  options.max_seconds = 0.5;
  options.eval_every = 500'000;
  const TrainResult result = Train(options, false);
  EXPECT_TRUE(result.shortened);
  EXPECT_LT(result.steps, 100'000);
}

TEST_F(TrainTest, ALargerBudgetLengthensAShortenedRun) {
  TrainOptions options = Options("longer_budget");
  options.steps = 60;
  options.eval_every = 6;
  options.max_seconds = 1e-3;
  const TrainResult hasty = Train(options, false);
  EXPECT_TRUE(hasty.shortened);
  EXPECT_EQ(hasty.steps, 6);
  EXPECT_EQ(Train(options, true).steps, 6) << "the same budget changes nothing";
  const std::vector<std::string> log = Lines(Path("longer_budget") / "validation_log.csv");
  EXPECT_EQ(std::set<std::string>(log.begin(), log.end()).size(), log.size())
      << "and is not measured twice";
  options.max_seconds = 0;
  EXPECT_EQ(Train(options, true).steps, 60);
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
  EXPECT_THAT(message([](TrainOptions* o) { o->labelled_share = 2; }), HasSubstr("labelled_share"));
  EXPECT_THAT(message([](TrainOptions* o) { o->model.side_input = o->model.side_head = 1; }),
              AllOf(HasSubstr("side_head"), HasSubstr("side_input = 0, not 1")));
  EXPECT_THAT(message([](TrainOptions* o) {
                o->model.side_head = 1;
                o->left_share = 0.01;
              }),
              HasSubstr("gives no left hand"));
  EXPECT_FALSE(std::filesystem::exists(Path("refused")));
}

TEST_F(TrainTest, AFolderThatHoldsATrainingIsNotReplaced) {
  const TrainOptions options = Options("held");
  EXPECT_THROW(Train(options, false, InterruptAfter(7)), Interrupted);
  RequestInterrupt(false);
  const std::string checkpoint = Sha256OfFile(CheckpointPath(options.out));
  EXPECT_THAT(MessageOf<UsageError>([&] { Train(options, false); }),
              AllOf(HasSubstr("checkpoint.safetensors"), HasSubstr("--resume")));
  EXPECT_EQ(Sha256OfFile(CheckpointPath(options.out)), checkpoint);

  const std::string model = Train(options, true).model_sha256;
  std::filesystem::remove(CheckpointPath(options.out));
  TrainOptions other = options;
  other.seed = 77;
  EXPECT_THAT(MessageOf<UsageError>([&] { Train(other, false); }), HasSubstr("model.safetensors"));
  EXPECT_EQ(HandVae::Load(std::filesystem::path(options.out) / "model.safetensors").info().sha256,
            model);
}

TEST_F(TrainTest, TwoDoNotTrainInOneFolder) {
  const TrainOptions options = Options("locked");
  EnsureWritableFolder(options.out);
  const FolderLock lock(options.out);
  EXPECT_THAT(MessageOf<EnvironmentError>([&] { Train(options, true); }),
              HasSubstr("written by another process"));
}

TEST_F(TrainTest, NamesMissingData) {
  TrainOptions options = Options("no_data");
  options.data = {Path("nowhere").string()};
  EXPECT_THAT(MessageOf<DataError>([&] { Train(options, false); }), HasSubstr("nowhere"));
}

TEST_F(TrainTest, CleansUpAfterAKilledWriter) {
  TrainOptions options = Options("stale");
  EnsureWritableFolder(options.out);
  const std::filesystem::path stale = Path("stale") / ".model.safetensors.tmp-anotherhost-12";
  PublishText(Path("stale") / "notes.txt", "not ours");
  PublishText(stale, "half");
  std::filesystem::last_write_time(
      stale, std::filesystem::file_time_type::clock::now() - std::chrono::hours(48));
  Train(options, false);
  EXPECT_FALSE(std::filesystem::exists(stale));
  EXPECT_TRUE(std::filesystem::exists(Path("stale") / "notes.txt"));
  for (const auto& entry : std::filesystem::directory_iterator(options.out)) {
    EXPECT_FALSE(IsTemporaryName(entry.path())) << entry.path();
  }
}

}  // namespace
}  // namespace handforge
