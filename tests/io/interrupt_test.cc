#include "io/interrupt.h"

#include "tests/io/error_matchers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

namespace handforge {
namespace {

class Interrupt : public ::testing::TestWithParam<int> {
 protected:
  void TearDown() override { RequestInterrupt(false); }
};
INSTANTIATE_TEST_SUITE_P(Signals, Interrupt, ::testing::Values(SIGINT, SIGTERM));

TEST_P(Interrupt, SignalSetsTheFlag) {
  InstallInterruptHandler();
  EXPECT_FALSE(InterruptRequested());
  EXPECT_NO_THROW(ThrowIfInterrupted("render"));
  ::raise(GetParam());
  EXPECT_TRUE(InterruptRequested());
  EXPECT_EQ(MessageOf<Interrupted>([] { ThrowIfInterrupted("render"); }), "render: interrupted");
}

TEST(Interrupted, CarriesTheExitCode) {
  EXPECT_EQ(Interrupted("x").code(), ExitCode::kInterrupted);
}

TEST(InterruptDeathTest, TheFirstSignalEndsWhatHasNothingToSave) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  for (const int signal : {SIGINT, SIGTERM}) {
    EXPECT_EXIT(
        {
          InstallInterruptHandler();
          EndAtOnceOnInterrupt();
          ::raise(signal);
        },
        ::testing::ExitedWithCode(130),
        "");
  }
}

TEST(InterruptDeathTest, SecondSigintEndsTheProcess) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        InstallInterruptHandler();
        ::raise(SIGINT);
        ::raise(SIGINT);
      },
      ::testing::ExitedWithCode(130),
      "");
}

// A file may become no larger: an error of writing, of which the writer says what it is.
TEST(InterruptDeathTest, ALimitOfFileSizesEndsNoProcess) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        InstallInterruptHandler();
        ::raise(SIGXFSZ);
        EndAtOnceOnInterrupt();
        ::raise(SIGXFSZ);
        ::_exit(7);
      },
      ::testing::ExitedWithCode(7),
      "");
}

}  // namespace
}  // namespace handforge
