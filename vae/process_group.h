#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace handforge {

// Processes that train one model together, each on its rows of every batch: c10d over Gloo, on one
// machine or several. All functions but the accessors are collective: every process calls them in
// the same order, and each waits for the others.
class ProcessGroup {
 public:
  // Whether this build has c10d with Gloo (libtorch with it, and Gloo's headers: libgloo-dev).
  static bool Available();

  // Waits until all `count` processes are there. `rendezvous` is HOST:PORT of the first one (index
  // 0), which listens there; of a free port on one machine "127.0.0.1:29500" will do. Throws
  // UsageError on another form, EnvironmentError where Gloo is missing, the address cannot be
  // used, or the others do not come within five minutes, Interrupted after SIGINT or SIGTERM.
  ProcessGroup(int count, int index, const std::string& rendezvous);
  ~ProcessGroup();

  int count() const { return count_; }
  int index() const { return index_; }

  // Sums over the processes, in place, the same bits in all of them. Throws EnvironmentError where
  // another process is gone.
  void Sum(float* values, int64_t size);
  void Sum(double* values, int64_t size);
  // What the first process has.
  double OfFirst(double value);
  // Whether all have the same.
  bool Agree(double value);

 private:
  struct Impl;
  int count_;
  int index_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace handforge
