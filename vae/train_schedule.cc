#include "vae/train_schedule.h"

#include "io/core/error.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

namespace handforge {
namespace {

using Json = nlohmann::json;

constexpr double kPi = 3.14159265358979323846;
// A budget is only enforced where the projected time exceeds it by this factor: projections are
// noisy, and a run that fits must stay reproducible.
constexpr double kBudgetSlack = 1.03;
// A pace before the first measurement is trusted once this share of the budget was spent on it.
constexpr double kPacedShare = 0.1;

}  // namespace

double TrainSchedule::SteadySeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

TrainSchedule::TrainSchedule(const TrainOptions& options, Clock clock)
    : wanted_steps_(options.steps),
      warmup_steps_(options.warmup_steps),
      peak_learning_rate_(options.learning_rate),
      final_lr_fraction_(options.final_lr_fraction),
      log_every_(options.log_every),
      eval_every_(options.eval_every),
      patience_(options.patience),
      max_seconds_(options.max_seconds),
      clock_(std::move(clock)),
      total_steps_(options.steps),
      session_start_(clock_()) {}

double TrainSchedule::Seconds() const { return earlier_seconds_ + clock_() - session_start_; }

double TrainSchedule::LearningRate(int64_t done) const {
  const double steps = static_cast<double>(done);
  const double warmup = static_cast<double>(warmup_steps_);
  if (steps < warmup) return peak_learning_rate_ * (steps + 1) / (warmup + 1);
  const double length = std::max(1.0, static_cast<double>(total_steps_) - warmup);
  const double cosine = 0.5 * (1 + std::cos(kPi * std::min(1.0, (steps - warmup) / length)));
  return peak_learning_rate_ * (final_lr_fraction_ + (1 - final_lr_fraction_) * cosine);
}

void TrainSchedule::Begin() {
  session_start_ = clock_();
  session_step_ = step_;
  TakePace();
}

void TrainSchedule::TakePace() {
  paced_seconds_ = Seconds();
  paced_step_ = step_;
}

bool TrainSchedule::MayShorten() const {
  return ((max_seconds_ > 0 && Logs()) || Measures()) && step_ < wanted_steps_;
}

bool TrainSchedule::FirstMeasurementComesTooLate() const {
  const double measured = Seconds() - paced_seconds_;
  if (paced_step_ != session_step_ || measured < kPacedShare * max_seconds_) return false;
  const double until = static_cast<double>(eval_every_ - step_ % eval_every_);
  return Seconds() + until * measured / static_cast<double>(step_ - paced_step_) > max_seconds_;
}

std::string TrainSchedule::EnforceBudget() {
  if (max_seconds_ <= 0 || (!Measures() && !FirstMeasurementComesTooLate())) return "";
  const double spent = Seconds();
  const double per_step =
      (spent - paced_seconds_) / static_cast<double>(std::max<int64_t>(1, step_ - paced_step_));
  const double left = static_cast<double>(total_steps_ - step_);
  const bool fits = spent + per_step * left <= kBudgetSlack * max_seconds_;
  if (fits && !shortened_) return "";
  const double more = std::max(0.0, (max_seconds_ - spent) / per_step);
  total_steps_ = std::min(wanted_steps_, step_ + static_cast<int64_t>(more));
  if (std::exchange(shortened_, true)) return "";
  return "max_seconds = " + std::to_string(std::llround(max_seconds_)) + " allows " +
         std::to_string(total_steps_) + " of " + std::to_string(wanted_steps_) +
         " steps at this machine's pace: the run is not reproducible";
}

std::string TrainSchedule::HeedError(double sum_mm) {
  if (patience_ == 0 || sum_mm == 0) return "";
  if (sum_mm < best_mm_) {
    best_mm_ = sum_mm;
    since_best_ = 0;
    return "";
  }
  if (++since_best_ < patience_) return "";
  total_steps_ = step_;
  return "no better 3D error for " + std::to_string(patience_) + " evaluations: training ends";
}

std::string TrainSchedule::State() const {
  return Json{{"step", step_},
              {"total_steps", total_steps_},
              {"shortened", shortened_},
              {"max_seconds", max_seconds_},
              {"seconds", Seconds()},
              {"best_mm", std::isfinite(best_mm_) ? best_mm_ : 0},
              {"since_best", since_best_}}
      .dump();
}

std::string TrainSchedule::Restore(const std::string& state, int64_t wanted_before) {
  try {
    const Json json = Json::parse(state);
    step_ = json.at("step").get<int64_t>();
    total_steps_ = json.at("total_steps").get<int64_t>();
    shortened_ = json.at("shortened").get<bool>();
    earlier_seconds_ = json.at("seconds").get<double>();
    const double best_mm = json.at("best_mm").get<double>();
    if (best_mm > 0) best_mm_ = best_mm;
    since_best_ = json.at("since_best").get<int64_t>();
    const std::string said = TakeOtherSteps(wanted_before);
    return said.empty() ? TakeOtherBudget(json.value("max_seconds", max_seconds_)) : said;
  } catch (const Json::exception& error) {
    throw DataError(std::string("progress: ") + error.what());
  }
}

std::string TrainSchedule::TakeOtherSteps(int64_t earlier) {
  if (earlier == wanted_steps_) return "";
  if (wanted_steps_ < step_) {
    throw UsageError("steps = " + std::to_string(wanted_steps_) + ": " + std::to_string(step_) +
                     " are done already");
  }
  total_steps_ = wanted_steps_;
  shortened_ = false;
  since_best_ = 0;
  return "the run now has " + std::to_string(total_steps_) + " steps, not " +
         std::to_string(earlier) + ", and its learning rate follows them from here on";
}

std::string TrainSchedule::TakeOtherBudget(double earlier) {
  if (!shortened_ || StoppedEarly() || earlier == max_seconds_ || step_ == 0) return "";
  const double more = (max_seconds_ - earlier_seconds_) / earlier_seconds_;
  total_steps_ =
      max_seconds_ <= 0
          ? wanted_steps_
          : step_ + static_cast<int64_t>(static_cast<double>(step_) * std::max(0.0, more));
  total_steps_ = std::min(total_steps_, wanted_steps_);
  return "another max_seconds: the run now has " + std::to_string(total_steps_) +
         " steps, and its learning rate follows them from here on";
}

}  // namespace handforge
