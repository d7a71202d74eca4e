#include "vae/train.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/folder_lock.h"
#include "io/interrupt.h"
#include "vae/batch_file.h"
#include "vae/hand_vae.h"
#include "vae/learner.h"
#include "vae/model_file.h"
#include "vae/process_group.h"
#include "vae/train_log.h"
#include "vae/train_schedule.h"
#include "vae/training_data.h"

#include <memory>
#include <optional>
#include <sstream>
#include <utility>

namespace handforge {
namespace {

VaeInfo DescribeOptions(const TrainOptions& options) {
  VaeInfo info;
  info.model = options.model;
  info.latent_dim = static_cast<int>(options.model.latent_dim);
  info.rgb_px = static_cast<int>(options.model.rgb_px);
  info.config = options.Text();
  for (const Pair& pair : ParsePairs(options.pairs)) {
    info.has_encoder[static_cast<size_t>(pair.from)] = true;
    info.has_decoder[static_cast<size_t>(pair.to)] = true;
  }
  return info;
}

BatchOptions MakeBatchOptions(const TrainOptions& options) {
  BatchOptions batch;
  batch.seed = options.seed;
  batch.pose_rows = static_cast<int>(options.pose_batch);
  batch.image_rows = static_cast<int>(options.image_batch);
  batch.latent_dim = static_cast<int>(options.model.latent_dim);
  batch.unlabelled_share = options.unlabelled_share;
  batch.appearance = options.model.appearance_dim > 0;
  batch.sides = options.model.TellsSide();
  batch.two_looks = options.turns_weight > 0;
  batch.decoded_share = options.decoded_share;
  batch.left_share = options.model.side_head != 0 ? options.left_share : 0;
  batch.processes = static_cast<int>(options.processes);
  batch.process = static_cast<int>(options.process);
  batch.augment = options.augment;
  return batch;
}

// Options without those that say how long a training goes on and how often it is measured and
// stored, which a resumed one may change (early stops hang on measurements).
std::string WithoutCadence(const std::string& config) {
  std::istringstream lines(config);
  std::string kept;
  bool stops_early = true;
  std::string cadence;
  for (std::string line; std::getline(lines, line); line += "\n") {
    const std::string key = line.substr(0, line.find(':'));
    if (key == "patience") stops_early = line != "patience: 0";
    if (key == "steps") continue;
    const bool is_cadence = key == "eval_every" || key == "eval_samples" ||
                            key == "checkpoint_every" || key == "log_every";
    (is_cadence ? cadence : kept) += line + "\n";
  }
  return stops_early ? kept + cadence : kept;
}

// Of canonical options.
int64_t StepsOf(const std::string& config) {
  TrainOptions options;
  LoadConfigText(config, "config", [&options](Fields& fields) { options.Visit(fields); });
  return options.steps;
}

// The first line in which two texts differ, as "theirs / ours".
std::string FirstDifference(const std::string& a, const std::string& b) {
  std::istringstream lines_a(a);
  std::istringstream lines_b(b);
  std::string line_a;
  std::string line_b;
  while (true) {
    const bool more_a = static_cast<bool>(std::getline(lines_a, line_a));
    const bool more_b = static_cast<bool>(std::getline(lines_b, line_b));
    if (!more_a && !more_b) return "";
    if (!more_a) line_a = "(nothing)";
    if (!more_b) line_b = "(nothing)";
    if (line_a != line_b) return "\"" + line_a + "\" there, \"" + line_b + "\" now";
  }
}

double SumOfPoseErrors(const std::vector<PairScore>& scores) {
  double sum_mm = 0;
  for (const PairScore& score : scores) {
    if (score.measure == "epe_mm") sum_mm += score.value;
  }
  return sum_mm;
}

// One run of Train.
class Trainer {
 public:
  Trainer(const TrainOptions& options, const TrainListener& listener)
      : options_(options),
        listener_(listener),
        out_(options.out),
        passes_(ParsePasses(options.pairs)),
        pairs_(PairsOf(passes_)),
        schedule_(options),
        info_(DescribeOptions(options)) {}

  TrainResult Run(bool resume) {
    EnsureWritableFolder(out_);
    if (IsFirst()) lock_.emplace(out_);
    if (resume) {
      RefuseAModelAlone();
    } else {
      RefuseToReplaceTraining();
    }
    MeetOthers();
    if (IsFirst()) RemoveStaleTemporaries(out_);
    LoadData();
    learner_.emplace(options_, &data_.train, group_.get());
    const bool resumed = resume && TryResume();
    if (!resumed) {
      if (IsFirst()) std::filesystem::remove(BestPath(out_));  // of a run that got no further
      for (const std::string& start : options_.start) StartFrom(start);
    }
    CheckOthersStartWhereThisDoes();
    ShareTotalSteps();
    if (IsFirst()) OpenLogs();
    Loop();
    return IsFirst() ? Finish() : Summary();
  }

 private:
  // FILE or NETWORK=FILE; names of networks hold no slash, which tells FILEs with a "=" apart.
  void StartFrom(const std::string& start) {
    const size_t equals = start.find('=');
    const bool one = equals != std::string::npos && start.find('/') > equals;
    learner_->StartFrom(TensorFile::Read(one ? start.substr(equals + 1) : start),
                        one ? start.substr(0, equals) : "");
  }

  void RefuseToReplaceTraining() const {
    for (const std::filesystem::path& file : {CheckpointPath(out_), ModelPath(out_)}) {
      if (!std::filesystem::exists(file)) continue;
      throw UsageError(file.string() +
                       " is there already: --resume goes on with that training; for another one "
                       "choose another --out or remove the file");
    }
  }

  void RefuseAModelAlone() const {
    const std::filesystem::path checkpoint = CheckpointPath(out_);
    if (std::filesystem::exists(checkpoint) || !std::filesystem::exists(ModelPath(out_))) return;
    throw UsageError(ModelPath(out_).string() + " is there, but " + checkpoint.string() +
                     ", with which --resume goes on, is not: for another training choose another "
                     "--out; train.start goes on from the weights of a model");
  }

  // ---- Other processes ----

  bool IsFirst() const { return options_.process == 0; }

  void MeetOthers() {
    if (options_.processes == 1) return;
    Say("process " + std::to_string(options_.process) + " of " +
        std::to_string(options_.processes) + " waits for the others at " + options_.rendezvous +
        ", five minutes at most");
    group_ = std::make_unique<ProcessGroup>(static_cast<int>(options_.processes),
                                            static_cast<int>(options_.process),
                                            options_.rendezvous);
    if (!OthersHave(info_.config)) {
      throw UsageError("process " + std::to_string(options_.process) +
                       ": the processes were started with different training options");
    }
    // The only option of these that they need not share, and all act by.
    schedule_.set_max_seconds(group_->OfFirst(schedule_.max_seconds()));
  }

  // Whether all processes have the same text.
  bool OthersHave(const std::string& text) {
    const std::string digits = Sha256(text.data(), text.size()).substr(0, 12);
    return group_->Agree(static_cast<double>(std::stoull(digits, nullptr, 16)));  // 48 bits
  }

  void CheckOthersHaveTheseData() {
    std::string hashes;
    for (const std::string& sha256 : info_.data_sha256) hashes += sha256 + "\n";
    if (!group_ || OthersHave(hashes)) return;
    throw UsageError("process " + std::to_string(options_.process) +
                     ": the processes were started with different data or teachers (the hashes "
                     "of their manifests or files differ)");
  }

  void CheckOthersStartWhereThisDoes() {
    if (!group_ || group_->Agree(static_cast<double>(schedule_.step()))) return;
    throw DataError("process " + std::to_string(options_.process) + " starts after step " +
                    std::to_string(schedule_.step()) + ", others elsewhere; " + out_.string() +
                    " must be one folder for all of them");
  }

  // All stop after the same step.
  bool AnyInterrupted() {
    double interrupted = InterruptRequested() ? 1 : 0;
    if (group_) group_->Sum(&interrupted, 1);
    return interrupted > 0;
  }

  // The first process alone measures and keeps time; the others hear how many steps are left.
  void ShareTotalSteps() {
    if (!group_) return;
    const double steps = group_->OfFirst(static_cast<double>(schedule_.total_steps()));
    schedule_.set_total_steps(static_cast<int64_t>(steps));
  }

  void LoadData() {
    PreparedData prepared =
        PrepareTrainingData(options_, info_, [this](const std::string& text) { Say(text); });
    data_ = std::move(prepared.data);
    info_ = std::move(prepared.info);
    statistics_ = std::move(prepared.statistics);
    CheckOthersHaveTheseData();
    batches_.emplace(data_.train, passes_, MakeBatchOptions(options_));
  }

  // ---- The loop ----

  void Loop() {
    schedule_.Begin();
    if (schedule_.Done()) return;
    BatchPrefetcher prefetcher(&*batches_, schedule_.step());
    while (!schedule_.Done()) {
      if (AnyInterrupted()) {
        if (IsFirst()) SaveCheckpoint();
        throw Interrupted("training interrupted after step " + std::to_string(schedule_.step()) +
                          "; " + CheckpointPath(out_).string() + " holds it, --resume goes on");
      }
      StepOnce(prefetcher.Next());
      if (IsFirst()) LogAndMeasure();
      if (schedule_.MayShorten()) ShareTotalSteps();
      const bool due = schedule_.step() % options_.checkpoint_every == 0 || schedule_.Done();
      if (IsFirst() && due) SaveCheckpoint();
    }
  }

  void LogAndMeasure() {
    const bool logs = schedule_.Logs();
    if (logs || schedule_.Done()) WriteLosses();
    if (schedule_.Done()) return;
    if (logs || schedule_.Measures()) SayUnlessEmpty(schedule_.EnforceBudget());
    if (schedule_.Measures() && !schedule_.Done()) {
      schedule_.TakePace();
      Evaluate();
    }
    if (schedule_.Done() && !logs) WriteLosses();
  }

  void StepOnce(const Batch& batch) {
    const std::vector<StepLosses> losses =
        learner_->Step(batch, schedule_.LearningRate(schedule_.step()));
    for (const StepLosses& pair : losses) {
      if (!pair.Finite()) Fail(batch, pair);
    }
    schedule_.CountStep();
    TrainEvent event = MakeEvent(TrainEvent::Kind::kStep);
    event.pair = batch.pass.Name();
    for (const StepLosses& pair : losses) {
      means_.Add(pair);
      event.loss += pair.loss;
    }
    Notify(event);
  }

  [[noreturn]] void Fail(const Batch& batch, const StepLosses& losses) {
    TensorFile file = BatchToFile(batch);
    file.metadata["failed"] = losses.pair;
    file.metadata["seed"] = std::to_string(options_.seed);
    file.metadata["config"] = options_.Text();
    if (IsFirst()) file.Write(BadBatchPath(out_));
    throw DataError("step " + std::to_string(batch.step) + ", pair " + losses.pair + ": loss " +
                    std::to_string(losses.loss) + ", gradient " +
                    std::to_string(losses.gradient_norm) +
                    ": not finite; lower learning_rate or max_gradient_norm, or look at the batch "
                    "in " +
                    BadBatchPath(out_).string() + LastGoodState());
  }

  std::string LastGoodState() const {
    const std::filesystem::path checkpoint = CheckpointPath(out_);
    if (!std::filesystem::exists(checkpoint)) return "";
    return " (" + checkpoint.string() + " still holds the last good state)";
  }

  // ---- Logs ----

  void OpenLogs() {
    train_log_.emplace(out_ / "train_log.csv", kTrainLogHeader, schedule_.step());
    // A finished run measures its last step again.
    const int64_t measured = schedule_.Done() ? schedule_.step() - 1 : schedule_.step();
    validation_log_.emplace(out_ / "validation_log.csv", kValidationLogHeader, measured);
  }

  void WriteLosses() {
    const int64_t step = schedule_.step();
    const double learning_rate = schedule_.LearningRate(step - 1);
    for (const std::string& row : means_.TakeRows(step, learning_rate, schedule_.Seconds())) {
      train_log_->Append(row);
    }
  }

  // Of the weights after `step`.
  void LogScores(const std::vector<PairScore>& scores, int64_t step) {
    for (const PairScore& score : scores) {
      // The log has those of earlier steps already.
      if (step == schedule_.step()) validation_log_->Append(ScoreRow(step, score));
    }
    TrainEvent event = MakeEvent(TrainEvent::Kind::kEvaluation);
    event.scores = scores;
    Notify(event);
  }

  void Evaluate() {
    if (data_.held_out.size() == 0) return;
    const TensorFile model = MakeFile("model");
    const HandVae vae = HandVae::FromTensors(model, options_.device);
    const std::vector<PairScore> scores =
        EvaluateModel(vae, data_.held_out, {pairs_, options_.eval_samples});
    LogScores(scores, schedule_.step());
    learner_->UseTrainingThreads();
    SayUnlessEmpty(schedule_.HeedError(SumOfPoseErrors(scores)));
    if (schedule_.IsBest()) model.Write(BestPath(out_));
  }

  // ---- Files ----

  // Description, statistics and weights.
  TensorFile MakeFile(const std::string& kind) {
    TensorFile file = statistics_;
    VaeInfo info = info_;
    info.steps = schedule_.step();
    DescribeModel(info, kind, &file);
    if (kind == "model") {
      learner_->AddFinishedNetworks(options_.store == "float16", &file);
    } else {
      learner_->AddNetworks(&file);
    }
    return file;
  }

  void SaveCheckpoint() {
    TensorFile file = MakeFile("checkpoint");
    learner_->AddOptimisers(&file);
    // Order, noise and augmentation are functions of (seed, step): the step is all their state.
    file.metadata["progress"] = schedule_.State();
    file.metadata["loss_means"] = means_.ToJson();
    file.metadata["threads"] = std::to_string(options_.threads);
    file.Write(CheckpointPath(out_));
    Notify(MakeEvent(TrainEvent::Kind::kCheckpoint));
  }

  // Whether there was something to go on with.
  bool TryResume() {
    const std::filesystem::path path = CheckpointPath(out_);
    if (!std::filesystem::exists(path)) {
      Say(path.string() + " is not there: starting from the beginning");
      return false;
    }
    const TensorFile file = TensorFile::Read(path);
    CheckBelongs(ReadDescription(file), path.string());
    learner_->Restore(file);
    const int64_t wanted_before = StepsOf(file.Text("config"));
    try {
      SayUnlessEmpty(schedule_.Restore(file.Text("progress"), wanted_before));
      means_.FromJson(file.Text("loss_means"));
    } catch (const DataError& error) {
      throw DataError(path.string() + ": metadata: " + error.what());
    }
    WarnOfOtherThreads(file);
    Say("resuming after step " + std::to_string(schedule_.step()));
    return true;
  }

  void WarnOfOtherThreads(const TensorFile& file) const {
    const auto before = file.metadata.find("threads");
    if (before == file.metadata.end() || before->second == std::to_string(options_.threads)) return;
    Say("resuming with " + std::to_string(options_.threads) + " threads, not " + before->second +
        ": sums are in another order, so the model will not be that of an unbroken run, bit for "
        "bit");
  }

  void CheckBelongs(const VaeInfo& info, const std::string& path) const {
    const std::string difference =
        FirstDifference(WithoutCadence(info.config), WithoutCadence(info_.config));
    if (!difference.empty()) {
      throw UsageError(path + " belongs to other training options: " + difference +
                       "; use the same options, or another `out`, where train.start goes on from "
                       "the weights of a model");
    }
    if (info.data_sha256 != info_.data_sha256) {
      throw DataError(path +
                      " was trained on other data (the hashes of manifests or teachers differ); "
                      "use the same datasets and teachers, or another `out`, where train.start "
                      "goes on from the weights of a model");
    }
  }

  // After an early stop, what came since the best measurement was no better. None where the run
  // went to its end, or the file is not there or of another run.
  std::optional<TensorFile> BestWeights() const {
    const std::filesystem::path file = BestPath(out_);
    if (!schedule_.StoppedEarly()) return std::nullopt;
    if (!std::filesystem::exists(file)) {
      Say(file.string() + " is gone: the model has the last weights, not the best");
      return std::nullopt;
    }
    TensorFile best = TensorFile::Read(file);
    const VaeInfo info = ReadDescription(best);
    CheckBelongs(info, file.string());
    Say("the model has the weights of step " + std::to_string(info.steps) + ", the best measured");
    return best;
  }

  TrainResult Finish() {
    std::optional<TensorFile> best = BestWeights();
    TensorFile file = best ? std::move(*best) : MakeFile("model");
    const HandVae bare = HandVae::FromTensors(file, options_.device);
    VaeInfo info = info_;
    info.steps = bare.info().steps;
    AddLatentStatistics(bare, data_.train, &info, &file);
    DescribeModel(info, "model", &file);

    TrainResult result = Summary();
    result.scores = EvaluateModel(bare, data_.held_out, {pairs_, 0});
    LogScores(result.scores, info.steps);
    file.Write(result.model);
    result.model_sha256 = Sha256OfFile(result.model);
    result.seconds = schedule_.Seconds();
    return result;
  }

  TrainResult Summary() const {
    TrainResult result;
    result.model = ModelPath(out_);
    result.steps = schedule_.step();
    result.shortened = schedule_.shortened();
    result.seconds = schedule_.Seconds();
    result.train_samples = data_.train.size();
    result.labelled_samples = LabelledRows(data_.train);
    result.held_out_samples = data_.held_out.size();
    return result;
  }

  // ---- Events ----

  TrainEvent MakeEvent(TrainEvent::Kind kind) const {
    TrainEvent event;
    event.kind = kind;
    event.step = schedule_.step();
    event.steps = schedule_.total_steps();
    event.seconds = schedule_.Seconds();
    return event;
  }

  void Notify(const TrainEvent& event) const {
    if (listener_) listener_(event);
  }

  void Say(const std::string& text) const {
    TrainEvent event = MakeEvent(TrainEvent::Kind::kMessage);
    event.text = text;
    Notify(event);
  }

  void SayUnlessEmpty(const std::string& text) const {
    if (!text.empty()) Say(text);
  }

  TrainOptions options_;
  TrainListener listener_;
  std::filesystem::path out_;
  std::vector<Pass> passes_;
  std::vector<Pair> pairs_;
  TrainSchedule schedule_;
  VaeInfo info_;
  TensorFile statistics_;
  TrainingData data_;
  std::optional<FolderLock> lock_;
  std::unique_ptr<ProcessGroup> group_;
  std::optional<Learner> learner_;
  std::optional<BatchMaker> batches_;
  LossMeans means_;
  std::optional<StepCsv> train_log_;
  std::optional<StepCsv> validation_log_;
};

}  // namespace

std::filesystem::path ModelPath(const std::filesystem::path& out) {
  return out / "model.safetensors";
}

std::filesystem::path CheckpointPath(const std::filesystem::path& out) {
  return out / "checkpoint.safetensors";
}

std::filesystem::path BestPath(const std::filesystem::path& out) {
  return out / "best.safetensors";
}

std::filesystem::path BadBatchPath(const std::filesystem::path& out) {
  return out / "bad_batch.safetensors";
}

TrainResult Train(const TrainOptions& options, bool resume, const TrainListener& listener) {
  options.Check();
  return Trainer(options, listener).Run(resume);
}

}  // namespace handforge
