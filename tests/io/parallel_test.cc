#include "io/parallel.h"

#include "io/core/error.h"
#include "tests/io/error_matchers.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <sys/resource.h>

namespace handforge {
namespace {

TEST(ParallelFor, DoesEveryItemOnce) {
  for (const int threads : {-1, 0, 1, 2, 7}) {
    for (const size_t count : {0u, 1u, 3u, 1000u}) {
      std::vector<std::atomic<int>> done(count);
      ParallelFor(count, threads, [&](int, size_t i) { ++done[i]; });
      for (size_t i = 0; i < count; ++i) ASSERT_EQ(done[i], 1) << threads << " " << i;
    }
  }
}

TEST(ParallelFor, AWorkerDoesOneThingAtATime) {
  constexpr int kThreads = 4;
  std::vector<std::atomic<int>> busy(kThreads);
  ParallelFor(200, kThreads, [&](int worker, size_t) {
    ASSERT_GE(worker, 0);
    ASSERT_LT(worker, kThreads);
    EXPECT_EQ(busy[static_cast<size_t>(worker)]++, 0);
    std::this_thread::yield();
    --busy[static_cast<size_t>(worker)];
  });
}

TEST(ParallelFor, StartsNoMoreThreadsThanItems) {
  std::atomic<int> highest{0};
  ParallelFor(2, 100, [&](int worker, size_t) {
    for (int seen = highest; worker > seen && !highest.compare_exchange_weak(seen, worker);) {
    }
  });
  EXPECT_LT(highest, 2);
}

TEST(ParallelFor, ThrowsTheFirstErrorAgainAndEndsEarly) {
  std::atomic<size_t> begun{0};
  EXPECT_EQ(MessageOf<DataError>([&] {
              ParallelFor(100'000, 3, [&](int, size_t i) {
                ++begun;
                if (i == 20) throw DataError("item 20");
              });
            }),
            "item 20");
  EXPECT_LT(begun, 100'000u);
}

[[noreturn]] void WorkWithoutRoomForThreads() {
  constexpr size_t kItems = 5000;
  const rlimit room = {rlim_t{1} << 30, rlim_t{1} << 30};  // some 120 stacks of 8 MiB
  setrlimit(RLIMIT_AS, &room);
  std::atomic<size_t> done{0};
  ParallelFor(kItems, 4096, [&done](int, size_t) {
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    ++done;
  });
  std::exit(done == kItems ? 0 : 1);
}

// Where the system has no more threads, those there are do the work.
TEST(ParallelFor, DoesTheWorkWithTheThreadsThereAre) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers need the address space that this test takes away";
#endif
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(WorkWithoutRoomForThreads(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace handforge
