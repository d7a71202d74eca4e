#include "io/isolated.h"

#include "io/byte_stream.h"
#include "io/core/error.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <new>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace handforge {
namespace {

// The last byte a child hands over.
enum class Outcome : uint8_t { kResult = 0, kError = 1, kOutOfMemory = 2, kForeignException = 3 };

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

// ---- In the child -------------------------------------------------------------------------------

// Sanitizers map terabytes of address space.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kLimitAddressSpace = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kLimitAddressSpace = false;
#else
constexpr bool kLimitAddressSpace = true;
#endif
#else
constexpr bool kLimitAddressSpace = true;
#endif

void Limit(int resource, uint64_t value) {
  struct rlimit limit;
  if (getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(value, limit.rlim_max);
  setrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
}

void ApplyLimits(const IsolationLimits& limits, uint64_t mapped_bytes) {
  for (const int signal_number : {SIGINT, SIGTERM, SIGSEGV, SIGBUS, SIGABRT, SIGXCPU, SIGXFSZ}) {
    signal(signal_number, SIG_DFL);
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int null = open("/dev/null", O_WRONLY);
  dup2(null, STDOUT_FILENO);
  dup2(null, STDERR_FILENO);
  Limit(RLIMIT_CORE, 0);
  Limit(RLIMIT_FSIZE, 0);
  Limit(RLIMIT_CPU, static_cast<uint64_t>(limits.cpu_seconds));
  if (kLimitAddressSpace) Limit(RLIMIT_AS, mapped_bytes + limits.memory_bytes);
}

void WriteAll(int fd, const std::vector<uint8_t>& bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t written = write(fd, bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    done += static_cast<size_t>(written);
  }
}

std::vector<uint8_t> ErrorBytes(Outcome outcome, ExitCode code, const std::string& message) {
  ByteWriter writer;
  writer.Put(static_cast<int32_t>(code));
  writer.PutText(message);
  writer.Put(outcome);
  return writer.Take();
}

std::vector<uint8_t> Outcomes(const std::function<std::vector<uint8_t>()>& work) {
  try {
    std::vector<uint8_t> result = work();
    result.push_back(static_cast<uint8_t>(Outcome::kResult));
    return result;
  } catch (const Error& error) {
    return ErrorBytes(Outcome::kError, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return {static_cast<uint8_t>(Outcome::kOutOfMemory)};
  } catch (const std::exception& error) {
    return ErrorBytes(Outcome::kForeignException, ExitCode::kBadData, error.what());
  } catch (...) {
    return ErrorBytes(Outcome::kForeignException, ExitCode::kBadData, "an unknown exception");
  }
}

// ---- In the parent ------------------------------------------------------------------------------

uint64_t MappedBytes() {
  uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

std::string MiB(uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

class Child {
 public:
  Child(std::string source, const IsolationLimits& limits, pid_t pid, int fd)
      : source_(std::move(source)), limits_(limits), pid_(pid), pipe_(fd) {}
  ~Child() { End(); }

  // All bytes up to the child's end.
  std::vector<uint8_t> Read() {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + std::chrono::seconds(limits_.wall_seconds);
    std::vector<uint8_t> bytes, buffer(size_t{1} << 16);
    for (;;) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
      struct pollfd ready = {pipe_.get(), POLLIN, 0};
      const int polled = left <= 0 ? 0 : poll(&ready, 1, static_cast<int>(left));
      if (polled < 0 && errno == EINTR) continue;
      if (polled <= 0) {
        Fail("reading it takes more than " + std::to_string(limits_.wall_seconds) + " s");
      }
      const ssize_t got = read(pipe_.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return bytes;
      if (bytes.size() + static_cast<size_t>(got) > limits_.result_bytes) {
        Fail("holds more than " + MiB(limits_.result_bytes));
      }
      bytes.insert(bytes.end(), buffer.begin(), buffer.begin() + got);
    }
  }

  // Throws unless the child came to its own end.
  void CheckEnd() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    const int ended_by = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (ended_by == SIGXCPU || ended_by == SIGKILL) {
      Fail("reading it takes more than " + std::to_string(limits_.cpu_seconds) +
           " s of processor time, or was ended from outside");
    }
    Fail("the library that reads it crashed (" +
         (ended_by != 0 ? std::string(strsignal(ended_by))
                        : "exit code " + std::to_string(WEXITSTATUS(status))) +
         "): the file is damaged or made to do harm");
  }

  [[noreturn]] void Fail(const std::string& what) {
    End();
    throw DataError(source_ + ": " + what);
  }

 private:
  void End() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }

  const std::string source_;
  const IsolationLimits& limits_;
  pid_t pid_;
  Descriptor pipe_;
};

// Throws what the child caught.
[[noreturn]] void ThrowAgain(const std::string& source,
                             const IsolationLimits& limits,
                             Outcome outcome,
                             const std::vector<uint8_t>& bytes) {
  if (outcome == Outcome::kOutOfMemory) {
    throw DataError(source + ": reading it takes more than " + MiB(limits.memory_bytes) +
                    " of memory");
  }
  ByteReader reader(bytes, source);
  const auto code = reader.Get<int32_t>();
  const std::string message = reader.GetText();
  if (outcome != Outcome::kError) throw DataError(source + ": cannot be read: " + message);
  if (code == static_cast<int32_t>(ExitCode::kUsage)) throw UsageError(message);
  if (code == static_cast<int32_t>(ExitCode::kEnvironment)) throw EnvironmentError(message);
  throw DataError(message);
}

}  // namespace

std::vector<uint8_t> RunIsolated(const std::string& source,
                                 const IsolationLimits& limits,
                                 const std::function<std::vector<uint8_t>()>& work) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    throw EnvironmentError(source + ": no pipe to a child process: " + std::strerror(errno));
  }
  const uint64_t mapped_bytes = MappedBytes();
  Descriptor write_end(ends[1]);
  const pid_t pid = fork();
  if (pid == 0) {
    ApplyLimits(limits, mapped_bytes);
    WriteAll(ends[1], Outcomes(work));
    _exit(0);
  }
  if (pid < 0) {
    close(ends[0]);
    throw EnvironmentError(source + ": no child process to read it: " + std::strerror(errno));
  }
  write_end.Close();
  Child child(source, limits, pid, ends[0]);
  std::vector<uint8_t> bytes = child.Read();
  child.CheckEnd();
  if (bytes.empty()) throw DataError(source + ": the process that read it handed over nothing");
  const auto outcome = static_cast<Outcome>(bytes.back());
  bytes.pop_back();
  if (outcome != Outcome::kResult) ThrowAgain(source, limits, outcome, bytes);
  return bytes;
}

}  // namespace handforge
