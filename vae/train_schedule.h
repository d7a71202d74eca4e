#pragma once

#include "vae/train.h"

#include <cstdint>
#include <functional>
#include <limits>
#include <string>

namespace handforge {

// How far a training is, how long it goes on and how fast it learns: steps, learning rate, budget
// of time and early stop, as TrainOptions say.
class TrainSchedule {
 public:
  // Seconds since any moment.
  using Clock = std::function<double()>;
  static double SteadySeconds();

  explicit TrainSchedule(const TrainOptions& options, Clock clock = SteadySeconds);

  int64_t step() const { return step_; }  // steps done
  int64_t total_steps() const { return total_steps_; }
  void set_total_steps(int64_t steps) { total_steps_ = steps; }
  double max_seconds() const { return max_seconds_; }
  void set_max_seconds(double seconds) { max_seconds_ = seconds; }
  bool Done() const { return step_ >= total_steps_; }
  bool shortened() const { return shortened_; }  // by the budget
  double Seconds() const;                        // trained, earlier sessions included

  // Of the step that `done` steps precede: from 1 / (warmup + 1) of the peak up to the peak, then a
  // cosine down to final_lr_fraction of it.
  double LearningRate(int64_t done) const;

  // The clock of this session starts with its first step.
  void Begin();
  void CountStep() { ++step_; }

  // After the step just counted: whether losses are logged, whether held-out samples are measured,
  // whether EnforceBudget or an early stop may end the run sooner than planned, which all processes
  // must hear of.
  bool Logs() const { return step_ % log_every_ == 0; }
  bool Measures() const { return step_ % eval_every_ == 0; }
  bool MayShorten() const;

  // At the times of Logs and Measures: lowers the number of steps to what the budget allows at the
  // pace since the last measurement. Returns what there is to say, or "".
  std::string EnforceBudget();
  // To be told before a measurement, which counts for the pace of the steps after it.
  void TakePace();
  // The sum of the mean errors of all pairs that say 3D joints; 0 where none does. Returns what
  // there is to say, or "".
  std::string HeedError(double sum_mm);
  // Where `patience` is set: whether the last error heeded is the lowest so far, and whether that
  // was so long ago that the run ended.
  bool IsBest() const { return patience_ > 0 && since_best_ == 0 && best_mm_ < kNoError; }
  bool StoppedEarly() const {
    return patience_ > 0 && since_best_ >= patience_ && best_mm_ < kNoError;
  }

  // Exact text form (JSON), for the checkpoint. Restoring, where `wanted_before` steps were wanted,
  // returns what there is to say, or "": a
  // run that the budget shortened goes on to what another budget allows, any run to another number
  // of wanted steps. Throws DataError; UsageError where more steps than wanted are done.
  std::string State() const;
  std::string Restore(const std::string& state, int64_t wanted_before);

 private:
  static constexpr double kNoError = std::numeric_limits<double>::infinity();

  bool FirstMeasurementComesTooLate() const;
  std::string TakeOtherBudget(double earlier);
  std::string TakeOtherSteps(int64_t earlier);

  int64_t wanted_steps_;
  int64_t warmup_steps_;
  double peak_learning_rate_;
  double final_lr_fraction_;
  int64_t log_every_;
  int64_t eval_every_;
  int64_t patience_;
  double max_seconds_;
  Clock clock_;

  int64_t step_ = 0;
  int64_t total_steps_;
  bool shortened_ = false;
  // Early stop: the lowest sum of errors, and measurements since.
  double best_mm_ = kNoError;
  int64_t since_best_ = 0;
  double earlier_seconds_ = 0;
  double session_start_ = 0;
  int64_t session_step_ = 0;  // steps done before this session
  // When the pace was last taken.
  double paced_seconds_ = 0;
  int64_t paced_step_ = 0;
};

}  // namespace handforge
