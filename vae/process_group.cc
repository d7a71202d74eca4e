#include "vae/process_group.h"

#include "io/core/error.h"
#include "io/interrupt.h"

#include <chrono>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <thread>

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#if HANDFORGE_WITH_GLOO
#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO
#endif
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif
#include <torch/torch.h>

namespace handforge {
namespace {

struct Address {
  std::string host;
  uint16_t port = 0;
};

Address ParseAddress(const std::string& text) {
  const size_t colon = text.rfind(':');
  const std::string digits = colon == std::string::npos ? "" : text.substr(colon + 1);
  const bool number = !digits.empty() && digits.size() <= 5 &&
                      digits.find_first_not_of("0123456789") == std::string::npos;
  const int port = number ? std::stoi(digits) : 0;
  if (colon == 0 || port < 1 || port > 65535) {
    throw UsageError("rendezvous = \"" + text +
                     "\"; expected HOST:PORT of the first process, port 1 .. 65535, such as "
                     "127.0.0.1:29500");
  }
  return {text.substr(0, colon), static_cast<uint16_t>(port)};
}

}  // namespace

#if HANDFORGE_WITH_GLOO

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::minutes kLongestWait(5);
constexpr std::chrono::milliseconds kPoll(500);

void ThrowIfAskedToStop() { ThrowIfInterrupted("waiting for the other processes"); }

// Whether something listens there.
bool Answers(const Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found) != 0)
    return false;
  bool answers = false;
  for (const addrinfo* at = found; at != nullptr && !answers; at = at->ai_next) {
    const int caller = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (caller < 0) continue;
    answers = connect(caller, at->ai_addr, at->ai_addrlen) == 0;
    close(caller);
  }
  freeaddrinfo(found);
  return answers;
}

void PauseBefore(Clock::time_point deadline, const std::string& else_say) {
  ThrowIfAskedToStop();
  if (Clock::now() > deadline) throw std::runtime_error(else_say);
  std::this_thread::sleep_for(kPoll);
}

// The store's own waiting hears no signal, and complains aloud: it is made when it will not wait.
c10::intrusive_ptr<c10d::TCPStore> OpenStore(const Address& address,
                                             bool listens,
                                             Clock::time_point deadline) {
  while (!listens && !Answers(address)) PauseBefore(deadline, "nothing listens there");
  c10d::TCPStoreOptions options;
  options.port = address.port;
  options.isServer = listens;
  options.waitWorkers = false;
  options.timeout = kLongestWait;
  return c10::make_intrusive<c10d::TCPStore>(address.host, options);
}

// One that comes back after it was stopped counts once.
void WaitForAll(int count, int index, Clock::time_point deadline, c10d::TCPStore* store) {
  const auto key = [](int process) { return "handforge_process_" + std::to_string(process); };
  std::vector<std::string> keys;
  for (int process = 0; process < count; ++process) keys.push_back(key(process));
  store->set(key(index), std::vector<uint8_t>{1});
  while (!store->check(keys)) {
    PauseBefore(deadline,
                "not all of them came in " + std::to_string(kLongestWait.count()) + " minutes");
  }
}

}  // namespace

struct ProcessGroup::Impl {
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group;

  template <typename T>
  void Sum(T* values, int64_t size) {
    std::vector<at::Tensor> tensors = {
        torch::from_blob(values, {size}, c10::CppTypeToScalarType<T>::value)};
    try {
      group->allreduce(tensors)->wait();
    } catch (const std::exception& error) {
      throw EnvironmentError(
          std::string("training with other processes: one of them is gone or cannot be reached: ") +
          error.what());
    }
  }
};

bool ProcessGroup::Available() { return true; }

ProcessGroup::ProcessGroup(int count, int index, const std::string& rendezvous)
    : count_(count), index_(index), impl_(std::make_unique<Impl>()) {
  const Address address = ParseAddress(rendezvous);
  const auto deadline = Clock::now() + kLongestWait;
  try {
    const auto store = OpenStore(address, index == 0, deadline);
    WaitForAll(count, index, deadline, store.get());
    auto gloo = c10d::ProcessGroupGloo::Options::create();
    gloo->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
    gloo->threads = 2;
    impl_->group = c10::make_intrusive<c10d::ProcessGroupGloo>(store, index, count, gloo);
  } catch (const Interrupted&) {
    throw;
  } catch (const std::exception& error) {
    throw EnvironmentError("rendezvous = \"" + rendezvous + "\": process " + std::to_string(index) +
                           " of " + std::to_string(count) +
                           " cannot meet the others: " + error.what());
  }
}

void ProcessGroup::Sum(float* values, int64_t size) { impl_->Sum(values, size); }
void ProcessGroup::Sum(double* values, int64_t size) { impl_->Sum(values, size); }

#else

struct ProcessGroup::Impl {};

bool ProcessGroup::Available() { return false; }

ProcessGroup::ProcessGroup(int count, int index, const std::string& rendezvous)
    : count_(count), index_(index) {
  ParseAddress(rendezvous);
  throw EnvironmentError(
      "processes > 1: this handforge was built without c10d's Gloo; install Gloo's headers "
      "(Debian: "
      "libgloo-dev), configure anew and build");
}

// Never reached: there is no such object.
void ProcessGroup::Sum(float*, int64_t) { std::abort(); }
void ProcessGroup::Sum(double*, int64_t) { std::abort(); }

#endif

ProcessGroup::~ProcessGroup() = default;

double ProcessGroup::OfFirst(double value) {
  double sum = index_ == 0 ? value : 0;
  Sum(&sum, 1);
  return sum;
}

bool ProcessGroup::Agree(double value) {
  const double first = OfFirst(value);
  double others = first == value ? 0 : 1;
  Sum(&others, 1);
  return others == 0;
}

}  // namespace handforge
