#include "io/interrupt.h"

#include "io/core/error.h"

#include <atomic>
#include <string>

#include <signal.h>
#include <unistd.h>

namespace handforge {
namespace {

std::atomic<bool> interrupt_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may not lock");

// Only async-signal-safe calls below.
void OnSignal(int signal) {
  if (interrupt_requested.exchange(true) && signal == SIGINT) {
    ::_exit(static_cast<int>(ExitCode::kInterrupted));
  }
}

void EndAtOnce(int) { ::_exit(static_cast<int>(ExitCode::kInterrupted)); }

void Handle(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

void InstallInterruptHandler() {
  Handle(&OnSignal);
  // A file beyond the limit of sizes (ulimit -f) is an error of writing, which is handled.
  ::signal(SIGXFSZ, SIG_IGN);
}

void EndAtOnceOnInterrupt() {
  Handle(&EndAtOnce);
  ::signal(SIGXFSZ, SIG_IGN);
}

bool InterruptRequested() { return interrupt_requested.load(std::memory_order_relaxed); }

void ThrowIfInterrupted(const char* what) {
  if (InterruptRequested()) throw Interrupted(std::string(what) + ": interrupted");
}

void RequestInterrupt(bool value) { interrupt_requested.store(value); }

}  // namespace handforge
