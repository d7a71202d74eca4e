#include "vae/train.h"

#include "io/core/error.h"
#include "io/dataset.h"
#include "io/files.h"
#include "io/folder_lock.h"
#include "io/interrupt.h"
#include "vae/batch.h"
#include "vae/hand_vae.h"
#include "vae/learner.h"
#include "vae/model_file.h"
#include "vae/process_group.h"
#include "vae/teacher.h"
#include "vae/train_log.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <sstream>

#include <nlohmann/json.hpp>

namespace handforge {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr double kPi = 3.14159265358979323846;
// A budget is only enforced where the projected time exceeds it by this factor: projections are
// noisy, and a run that fits must stay reproducible.
constexpr double kBudgetSlack = 1.03;

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

// One run of Train.
class Trainer {
 public:
  Trainer(const TrainOptions& options, const TrainListener& listener)
      : options_(options),
        listener_(listener),
        out_(options.out),
        passes_(ParsePasses(options.pairs)),
        pairs_(PairsOf(passes_)),
        total_steps_(options.steps),
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
    options_.max_seconds = group_->OfFirst(options_.max_seconds);
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
    if (!group_ || group_->Agree(static_cast<double>(step_))) return;
    throw DataError("process " + std::to_string(options_.process) + " starts after step " +
                    std::to_string(step_) + ", others elsewhere; " + out_.string() +
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
    total_steps_ = static_cast<int64_t>(group_->OfFirst(static_cast<double>(total_steps_)));
  }

  void LoadData() {
    RefuseTheSameDataTwice();
    const uint64_t most_pixel_bytes =
        options_.memory_gb > 0 ? static_cast<uint64_t>(1e9 * options_.memory_gb) : kAllInMemory;
    data_ = LoadTrainingData(options_.data, SampleForm(options_.model), most_pixel_bytes);
    if (data_.train.stored) {
      Say("pictures stay in the shards, since they take more than memory_gb = " +
          std::to_string(options_.memory_gb));
    }
    if (options_.labelled_share < 1) {
      DropLabels(options_.labelled_share, options_.keep_unlabelled, options_.seed, &data_.train);
      RequireLabels();
    }
    info_.data_sha256 = data_.manifest_sha256;
    AddDataStatistics(data_.train, &info_, &statistics_);
    if (!options_.teachers.empty()) LabelByTeachers();
    CheckOthersHaveTheseData();
    batches_.emplace(data_.train, passes_, MakeBatchOptions(options_));
    Say(std::to_string(data_.train.size()) + " training and " +
        std::to_string(data_.held_out.size()) + " held-out samples");
    if (data_.held_out.size() == 0) {
      Say("no held-out sample (splits validation and test): nothing will be measured");
    }
  }

  void RefuseTheSameDataTwice() const {
    std::map<std::string, std::string> folder_of;  // by the hash of its manifest
    for (const std::string& folder : options_.data) {
      const std::filesystem::path manifest = ManifestPath(folder);
      if (!std::filesystem::exists(manifest)) continue;  // which loading it says
      const auto [known, is_new] = folder_of.insert({Sha256OfFile(manifest), folder});
      if (is_new) continue;
      throw UsageError("data: " + folder + " is the same dataset as " + known->second);
    }
  }

  void RequireLabels() const {
    const auto labelled = [](uint32_t present) {
      return (present & (kHasJoints2 | kHasJoints3)) != 0;
    };
    const std::vector<uint32_t>& present = data_.train.present;
    const bool needs_labels = std::any_of(passes_.begin(), passes_.end(), [](const Pass& pass) {
      return !IsImage(pass.from) ||
             std::any_of(pass.to.begin(), pass.to.end(), [](Modality to) { return !IsImage(to); });
    });
    if (!needs_labels || !options_.teachers.empty() ||
        std::any_of(present.begin(), present.end(), labelled)) {
      return;
    }
    throw UsageError("labelled_share = " + std::to_string(options_.labelled_share) +
                     " keeps the labels of none of the " + std::to_string(present.size()) +
                     " training rows");
  }

  void LabelByTeachers() {
    std::vector<HandVae> teachers;
    for (const std::string& file : options_.teachers) {
      teachers.push_back(HandVae::Load(file));
      info_.data_sha256.push_back(Sha256OfFile(file));
    }
    // What they say of sizes is one guess for all hands: true labels, where there are any, or their
    // own training data say how hands vary.
    if (info_.bone_mean_mm == 0) {
      info_.bone_mean_mm = teachers[0].info().bone_mean_mm;
      info_.bone_std_mm = teachers[0].info().bone_std_mm;
    }
    const int64_t rows =
        LabelBy(teachers, options_.teachers, static_cast<int>(options_.threads), &data_.train);
    Say("teachers labelled " + std::to_string(rows) + " pictures");
  }

  // ---- The loop ----

  void Loop() {
    session_start_ = Clock::now();
    paced_seconds_ = Seconds();
    paced_step_ = session_step_ = step_;
    if (step_ >= total_steps_) return;
    BatchPrefetcher prefetcher(&*batches_, step_);
    while (step_ < total_steps_) {
      if (AnyInterrupted()) {
        if (IsFirst()) SaveCheckpoint();
        throw Interrupted("training interrupted after step " + std::to_string(step_) + "; " +
                          CheckpointPath(out_).string() + " holds it, --resume goes on");
      }
      StepOnce(prefetcher.Next());
      if (IsFirst()) LogAndMeasure();
      if (MayShortenNow()) ShareTotalSteps();
      const bool last = step_ == total_steps_;
      if (IsFirst() && (step_ % options_.checkpoint_every == 0 || last)) SaveCheckpoint();
    }
  }

  bool MayShortenNow() const {
    const bool logs = options_.max_seconds > 0 && step_ % options_.log_every == 0;
    return (logs || step_ % options_.eval_every == 0) && step_ < options_.steps;
  }

  void LogAndMeasure() {
    const bool logs = step_ % options_.log_every == 0;
    if (logs || step_ == total_steps_) WriteLosses();
    if (step_ == total_steps_) return;
    const bool measures = step_ % options_.eval_every == 0;
    if (measures || (logs && FirstEvaluationComesTooLate())) EnforceBudget();
    if (measures && step_ < total_steps_) {
      paced_seconds_ = Seconds();
      paced_step_ = step_;
      Evaluate();
    }
    if (step_ == total_steps_ && !logs) WriteLosses();
  }

  // By a pace that a tenth of the budget was spent on.
  bool FirstEvaluationComesTooLate() const {
    constexpr double kMeasuredShare = 0.1;
    const double measured = Seconds() - paced_seconds_;
    if (paced_step_ != session_step_ || measured < kMeasuredShare * options_.max_seconds) {
      return false;
    }
    const double until = static_cast<double>(options_.eval_every - step_ % options_.eval_every);
    return Seconds() + until * measured / static_cast<double>(step_ - paced_step_) >
           options_.max_seconds;
  }

  void StepOnce(const Batch& batch) {
    const std::vector<StepLosses> losses = learner_->Step(batch, LearningRate(step_));
    for (const StepLosses& pair : losses) {
      if (!pair.Finite()) Fail(batch, pair);
    }
    ++step_;
    TrainEvent event = MakeEvent(TrainEvent::Kind::kStep);
    event.pair = batch.pass.Name();
    for (const StepLosses& pair : losses) {
      means_.Add(pair);
      event.loss += pair.loss;
    }
    Notify(event);
  }

  double LearningRate(int64_t step) const {
    const double done = static_cast<double>(step);
    const double warmup = static_cast<double>(options_.warmup_steps);
    if (done < warmup) return options_.learning_rate * (done + 1) / (warmup + 1);
    const double length = std::max(1.0, static_cast<double>(total_steps_) - warmup);
    const double cosine = 0.5 * (1 + std::cos(kPi * std::min(1.0, (done - warmup) / length)));
    const double low = options_.final_lr_fraction;
    return options_.learning_rate * (low + (1 - low) * cosine);
  }

  // Sets the number of steps to what the budget allows at the pace since the last evaluation.
  void EnforceBudget() {
    const double spent = Seconds();
    const double per_step =
        (spent - paced_seconds_) / static_cast<double>(std::max<int64_t>(1, step_ - paced_step_));
    if (options_.max_seconds <= 0) return;
    const double left = static_cast<double>(total_steps_ - step_);
    const bool fits = spent + per_step * left <= kBudgetSlack * options_.max_seconds;
    if (fits && !shortened_) return;
    const double more = std::max(0.0, (options_.max_seconds - spent) / per_step);
    total_steps_ = std::min(options_.steps, step_ + static_cast<int64_t>(more));
    if (shortened_) return;
    shortened_ = true;
    Say("max_seconds = " + std::to_string(std::llround(options_.max_seconds)) + " allows " +
        std::to_string(total_steps_) + " of " + std::to_string(options_.steps) +
        " steps at this machine's pace: the run is not reproducible");
  }

  [[noreturn]] void Fail(const Batch& batch, const StepLosses& losses) {
    TensorFile file;
    file.metadata["step"] = std::to_string(batch.step);
    file.metadata["pair"] = losses.pair;
    file.metadata["seed"] = std::to_string(options_.seed);
    file.metadata["config"] = options_.Text();
    const auto add = [&file](const std::string& name, const std::vector<float>& values, int rows) {
      if (values.empty()) return;
      file.AddFloats(name, {rows, static_cast<int64_t>(values.size()) / rows}, values.data());
    };
    add("input", batch.input, batch.rows + batch.left_rows);
    for (const Modality to : batch.pass.to) {
      add(std::string("target.") + ModalityName(to),
          batch.targets[static_cast<size_t>(to)],
          batch.rows);
    }
    add("appearance", batch.appearance, batch.rows + batch.left_rows);
    add("turns", batch.turns, batch.rows);
    add("backgrounds", batch.backgrounds, batch.decoded_rows);
    add("sides", batch.sides, batch.rows);
    add("noise", batch.noise, batch.rows);
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
    train_log_.emplace(out_ / "train_log.csv", kTrainLogHeader, step_);
    // A finished run measures its last step again.
    const int64_t measured = step_ < total_steps_ ? step_ : step_ - 1;
    validation_log_.emplace(out_ / "validation_log.csv", kValidationLogHeader, measured);
  }

  void WriteLosses() {
    for (const std::string& row : means_.TakeRows(step_, LearningRate(step_ - 1), Seconds())) {
      train_log_->Append(row);
    }
  }

  void LogScores(const std::vector<PairScore>& scores) {
    for (const PairScore& score : scores) validation_log_->Append(ScoreRow(step_, score));
    TrainEvent event = MakeEvent(TrainEvent::Kind::kEvaluation);
    event.scores = scores;
    Notify(event);
  }

  void Evaluate() {
    if (data_.held_out.size() == 0) return;
    const HandVae vae = HandVae::FromTensors(MakeFile("model"), options_.device);
    const std::vector<PairScore> scores =
        EvaluateModel(vae, data_.held_out, {pairs_, options_.eval_samples});
    LogScores(scores);
    learner_->UseTrainingThreads();
    StopWherePoseNoLongerImproves(scores);
  }

  // By the mean error of all pairs that say 3D joints.
  void StopWherePoseNoLongerImproves(const std::vector<PairScore>& scores) {
    double sum_mm = 0;
    for (const PairScore& score : scores) {
      if (score.measure == "epe_mm") sum_mm += score.value;
    }
    if (options_.patience == 0 || sum_mm == 0) return;
    if (sum_mm < best_mm_) {
      best_mm_ = sum_mm;
      since_best_ = 0;
      return;
    }
    if (++since_best_ < options_.patience) return;
    Say("no better 3D error for " + std::to_string(options_.patience) +
        " evaluations: training ends");
    total_steps_ = step_;
  }

  // ---- Files ----

  // Description, statistics and weights.
  TensorFile MakeFile(const std::string& kind) {
    TensorFile file = statistics_;
    VaeInfo info = info_;
    info.steps = step_;
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
    file.metadata["progress"] = Json{
        {"step", step_},
        {"total_steps", total_steps_},
        {"shortened", shortened_},
        {"max_seconds", options_.max_seconds},
        {"seconds", Seconds()},
        {"best_mm", std::isfinite(best_mm_) ? best_mm_ : 0},
        {"since_best", since_best_},
        {"seed", options_.seed}}.dump();
    file.metadata["loss_means"] = means_.ToJson();
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
    try {
      const Json progress = Json::parse(file.Text("progress"));
      step_ = progress.at("step").get<int64_t>();
      total_steps_ = progress.at("total_steps").get<int64_t>();
      shortened_ = progress.at("shortened").get<bool>();
      earlier_seconds_ = progress.at("seconds").get<double>();
      const double best_mm = progress.at("best_mm").get<double>();
      if (best_mm > 0) best_mm_ = best_mm;
      since_best_ = progress.at("since_best").get<int64_t>();
      means_.FromJson(file.Text("loss_means"));
      TakeOtherBudget(progress.value("max_seconds", options_.max_seconds));
    } catch (const Json::exception& error) {
      throw DataError(path.string() + ": metadata: " + error.what());
    }
    Say("resuming after step " + std::to_string(step_));
    return true;
  }

  // A run that `earlier` seconds shortened goes on to what another budget allows at its pace.
  void TakeOtherBudget(double earlier) {
    const bool stopped_early = options_.patience > 0 && since_best_ >= options_.patience;
    if (!shortened_ || stopped_early || earlier == options_.max_seconds || step_ == 0) return;
    const double more = (options_.max_seconds - earlier_seconds_) / earlier_seconds_;
    total_steps_ =
        options_.max_seconds <= 0
            ? options_.steps
            : step_ + static_cast<int64_t>(static_cast<double>(step_) * std::max(0.0, more));
    total_steps_ = std::min(total_steps_, options_.steps);
    Say("another max_seconds: the run now has " + std::to_string(total_steps_) +
        " steps, and its learning rate follows them from here on");
  }

  void CheckBelongs(const VaeInfo& info, const std::string& path) const {
    const std::string difference = FirstDifference(info.config, info_.config);
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

  TrainResult Finish() {
    TensorFile file = MakeFile("model");
    const HandVae bare = HandVae::FromTensors(file, options_.device);
    VaeInfo info = info_;
    info.steps = step_;
    AddLatentStatistics(bare, data_.train, &info, &file);
    DescribeModel(info, "model", &file);

    TrainResult result = Summary();
    result.scores = EvaluateModel(bare, data_.held_out, {pairs_, 0});
    LogScores(result.scores);
    file.Write(result.model);
    result.model_sha256 = Sha256OfFile(result.model);
    result.seconds = Seconds();
    return result;
  }

  TrainResult Summary() const {
    TrainResult result;
    result.model = ModelPath(out_);
    result.steps = step_;
    result.shortened = shortened_;
    result.seconds = Seconds();
    result.train_samples = data_.train.size();
    result.held_out_samples = data_.held_out.size();
    return result;
  }

  // ---- Events ----

  double Seconds() const {
    return earlier_seconds_ + std::chrono::duration<double>(Clock::now() - session_start_).count();
  }

  TrainEvent MakeEvent(TrainEvent::Kind kind) const {
    TrainEvent event;
    event.kind = kind;
    event.step = step_;
    event.steps = total_steps_;
    event.seconds = Seconds();
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

  TrainOptions options_;
  TrainListener listener_;
  std::filesystem::path out_;
  std::vector<Pass> passes_;
  std::vector<Pair> pairs_;
  int64_t step_ = 0;
  int64_t total_steps_;
  bool shortened_ = false;
  double earlier_seconds_ = 0;
  int64_t session_step_ = 0;  // the first of this process
  // When the pace was last taken.
  double paced_seconds_ = 0;
  int64_t paced_step_ = 0;
  // Early stop: the lowest sum of 3D errors, and evaluations since.
  double best_mm_ = std::numeric_limits<double>::infinity();
  int64_t since_best_ = 0;
  Clock::time_point session_start_ = Clock::now();
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

std::filesystem::path BadBatchPath(const std::filesystem::path& out) {
  return out / "bad_batch.safetensors";
}

TrainResult Train(const TrainOptions& options, bool resume, const TrainListener& listener) {
  options.Check();
  return Trainer(options, listener).Run(resume);
}

}  // namespace handforge
