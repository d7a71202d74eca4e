#include "io/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace handforge {

void ParallelFor(size_t count, int threads, const std::function<void(int worker, size_t i)>& work) {
  std::atomic<size_t> next{0};
  std::exception_ptr first;
  std::mutex mutex;
  const auto run = [&](int worker) {
    try {
      for (size_t i; (i = next++) < count;) work(worker, i);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex);
      if (!first) first = std::current_exception();
      next = count;
    }
  };
  std::vector<std::thread> others;
  const auto useful = static_cast<int>(std::min(count, static_cast<size_t>(std::max(1, threads))));
  try {
    others.reserve(static_cast<size_t>(std::max(0, useful - 1)));
    for (int worker = 1; worker < useful; ++worker) others.emplace_back(run, worker);
  } catch (const std::system_error&) {  // the threads there are do the work
  }
  run(0);
  for (std::thread& other : others) other.join();
  if (first) std::rethrow_exception(first);
}

}  // namespace handforge
