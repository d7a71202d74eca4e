#include "vae/train_schedule.h"

#include "io/core/error.h"
#include "tests/io/error_matchers.h"

#include <cmath>

#include <gmock/gmock.h>

namespace handforge {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TrainOptions HundredSteps() {
  TrainOptions options;
  options.steps = 100;
  options.learning_rate = 2e-3;
  options.warmup_steps = 9;
  options.final_lr_fraction = 0.1;
  options.log_every = 5;
  options.eval_every = 20;
  return options;
}

// A schedule whose steps take a second each, or what `Step` is told.
class Timed {
 public:
  explicit Timed(const TrainOptions& options) : schedule(options, [this] { return now_; }) {
    schedule.Begin();
  }
  // Returns what the schedule had to say.
  std::string Steps(int count, double seconds_each = 1) {
    std::string said;
    for (int i = 0; i < count && !schedule.Done(); ++i) {
      now_ += seconds_each;
      schedule.CountStep();
      if (schedule.Logs() || schedule.Measures()) said += schedule.EnforceBudget();
      if (schedule.Measures()) schedule.TakePace();
    }
    return said;
  }

 private:
  double now_ = 1000;  // clocks start anywhere

 public:
  TrainSchedule schedule;
};

TEST(TrainSchedule, LearningRateRisesAndFallsInClosedForm) {
  const TrainSchedule schedule(HundredSteps());
  for (int done = 0; done < 9; ++done) {
    EXPECT_DOUBLE_EQ(schedule.LearningRate(done), 2e-4 * (done + 1)) << done;
  }
  EXPECT_DOUBLE_EQ(schedule.LearningRate(9), 2e-3);
  EXPECT_NEAR(schedule.LearningRate(9 + 91 / 2), 0.5 * (2e-3 + 2e-4), 2e-5);
  EXPECT_NEAR(schedule.LearningRate(100), 2e-4, 1e-15);
  EXPECT_NEAR(schedule.LearningRate(1000), 2e-4, 1e-15);
  for (int done = 9; done < 100; ++done) {
    const double cosine = std::cos(M_PI * (done - 9) / 91.0);
    EXPECT_NEAR(schedule.LearningRate(done), 1.1e-3 + 0.9e-3 * cosine, 1e-15);
  }
}

TEST(TrainSchedule, ABudgetThatFitsChangesNothing) {
  TrainOptions options = HundredSteps();
  options.max_seconds = 100;  // a second a step, exactly
  Timed timed(options);
  EXPECT_THAT(timed.Steps(100), IsEmpty());
  EXPECT_EQ(timed.schedule.step(), 100);
  EXPECT_FALSE(timed.schedule.shortened());
  EXPECT_DOUBLE_EQ(timed.schedule.Seconds(), 100);
}

TEST(TrainSchedule, StepsFollowThePaceOnceTheBudgetIsTooShort) {
  TrainOptions options = HundredSteps();
  options.max_seconds = 60;
  Timed timed(options);
  const std::string said = timed.Steps(20);
  EXPECT_THAT(said, HasSubstr("max_seconds = 60 allows 60 of 100 steps"));
  EXPECT_TRUE(timed.schedule.shortened());
  EXPECT_EQ(timed.schedule.total_steps(), 60);
  EXPECT_THAT(timed.Steps(20, 0.25), IsEmpty()) << "it is said once";
  EXPECT_EQ(timed.schedule.total_steps(), 100) << "35 s left at 4 steps a second, of 100 at most";
  timed.Steps(20, 1);
  EXPECT_EQ(timed.schedule.total_steps(), 75) << "15 s left";
  timed.Steps(100, 1);
  EXPECT_EQ(timed.schedule.step(), 75);
  EXPECT_DOUBLE_EQ(timed.schedule.Seconds(), 60);
}

// The pace of the steps so far is trusted once it took a tenth of the budget.
TEST(TrainSchedule, ABudgetCountsBeforeTheFirstMeasurement) {
  TrainOptions options = HundredSteps();
  options.eval_every = 1000;
  options.max_seconds = 80;
  Timed timed(options);
  EXPECT_THAT(timed.Steps(5), IsEmpty()) << "less than a tenth of the budget is spent";
  EXPECT_THAT(timed.Steps(5), HasSubstr("80 of 100"));
}

TEST(TrainSchedule, WithoutABudgetNothingIsShortened) {
  Timed timed(HundredSteps());
  EXPECT_THAT(timed.Steps(100, 1e6), IsEmpty());
  EXPECT_EQ(timed.schedule.step(), 100);
}

TEST(TrainSchedule, SaysWhenOthersMustHearOfItsLength) {
  TrainOptions options = HundredSteps();
  options.max_seconds = 1e9;
  Timed timed(options);
  timed.Steps(4);
  EXPECT_FALSE(timed.schedule.MayShorten());
  timed.Steps(1);
  EXPECT_TRUE(timed.schedule.MayShorten());
  timed.schedule.set_max_seconds(0);
  EXPECT_FALSE(timed.schedule.MayShorten()) << "without a budget only measurements may end it";
  timed.Steps(15);
  EXPECT_TRUE(timed.schedule.MayShorten());
  timed.Steps(80);
  EXPECT_FALSE(timed.schedule.MayShorten()) << "at the end";
}

TEST(TrainSchedule, StopsWhereErrorsNoLongerFall) {
  TrainOptions options = HundredSteps();
  options.patience = 2;
  Timed timed(options);
  timed.Steps(20);
  EXPECT_FALSE(timed.schedule.IsBest()) << "nothing measured";
  EXPECT_THAT(timed.schedule.HeedError(30), IsEmpty());
  EXPECT_TRUE(timed.schedule.IsBest());
  EXPECT_THAT(timed.schedule.HeedError(31), IsEmpty());
  EXPECT_FALSE(timed.schedule.IsBest());
  EXPECT_THAT(timed.schedule.HeedError(29), IsEmpty()) << "a better one counts anew";
  EXPECT_TRUE(timed.schedule.IsBest());
  EXPECT_THAT(timed.schedule.HeedError(0), IsEmpty()) << "nothing said 3D joints";
  EXPECT_THAT(timed.schedule.HeedError(29), IsEmpty());
  EXPECT_FALSE(timed.schedule.Done());
  EXPECT_FALSE(timed.schedule.StoppedEarly());
  EXPECT_THAT(timed.schedule.HeedError(35), HasSubstr("no better 3D error for 2 evaluations"));
  EXPECT_TRUE(timed.schedule.Done());
  EXPECT_TRUE(timed.schedule.StoppedEarly());
  EXPECT_FALSE(timed.schedule.shortened());
}

TEST(TrainSchedule, GoesOnFromItsState) {
  TrainOptions options = HundredSteps();
  options.patience = 2;
  Timed first(options);
  first.Steps(40);
  first.schedule.HeedError(30);
  first.schedule.HeedError(31);
  Timed second(options);
  EXPECT_THAT(second.schedule.Restore(first.schedule.State(), 100), IsEmpty());
  EXPECT_EQ(second.schedule.step(), 40);
  EXPECT_DOUBLE_EQ(second.schedule.Seconds(), 40);
  EXPECT_DOUBLE_EQ(second.schedule.LearningRate(40), first.schedule.LearningRate(40));
  second.schedule.Begin();
  second.Steps(10);
  EXPECT_DOUBLE_EQ(second.schedule.Seconds(), 50);
  EXPECT_THAT(second.schedule.HeedError(32), HasSubstr("no better")) << "the second in a row";
}

TEST(TrainSchedule, AnotherBudgetChangesAShortenedRun) {
  TrainOptions options = HundredSteps();
  options.max_seconds = 40;
  Timed first(options);
  first.Steps(40);
  ASSERT_EQ(first.schedule.total_steps(), 40);
  const std::string state = first.schedule.State();

  Timed same(options);
  EXPECT_THAT(same.schedule.Restore(state, 100), IsEmpty());
  EXPECT_TRUE(same.schedule.Done());
  options.max_seconds = 70;
  Timed longer(options);
  EXPECT_THAT(longer.schedule.Restore(state, 100), HasSubstr("now has 70 steps"));
  options.max_seconds = 30;
  Timed shorter(options);
  shorter.schedule.Restore(state, 100);
  EXPECT_TRUE(shorter.schedule.Done());
  options.max_seconds = 0;
  Timed unlimited(options);
  unlimited.schedule.Restore(state, 100);
  EXPECT_EQ(unlimited.schedule.total_steps(), 100);
}

TEST(TrainSchedule, ARunGoesOnToOtherSteps) {
  TrainOptions options = HundredSteps();
  Timed first(options);
  first.Steps(100);
  const std::string state = first.schedule.State();
  options.steps = 150;
  Timed longer(options);
  EXPECT_THAT(longer.schedule.Restore(state, 100), HasSubstr("now has 150 steps, not 100"));
  EXPECT_FALSE(longer.schedule.Done());
  EXPECT_NEAR(longer.schedule.LearningRate(150), 2e-4, 1e-15);
  options.steps = 90;
  Timed shorter(options);
  EXPECT_THAT(MessageOf<UsageError>([&] { shorter.schedule.Restore(state, 100); }),
              HasSubstr("steps = 90: 100 are done already"));
}

TEST(TrainSchedule, NamesADamagedState) {
  TrainSchedule schedule(HundredSteps());
  EXPECT_THAT(MessageOf<DataError>([&] { schedule.Restore("{\"step\": 3}", 100); }),
              HasSubstr("total_steps"));
  EXPECT_THAT(MessageOf<DataError>([&] { schedule.Restore("{", 100); }), HasSubstr("progress"));
}

}  // namespace
}  // namespace handforge
