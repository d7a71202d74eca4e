#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace handforge {

// What a child process may use.
struct IsolationLimits {
  uint64_t memory_bytes = uint64_t{1} << 30;  // beyond what this process has mapped already
  int cpu_seconds = 20;
  int wall_seconds = 120;
  uint64_t result_bytes = uint64_t{1} << 30;
};

// Runs `work` in a child process and returns its bytes. For libraries that can crash on damaged or
// hostile files (HDF5, Assimp, OpenEXR): whatever they do happens to the child. The child writes no
// file and no log and dies with its parent.
//
// What `work` throws as a handforge::Error is thrown here again. DataError beginning with `source`
// (the file) where it throws anything else, crashes, or goes beyond a limit; EnvironmentError where
// no child can be made.
//
// The child is a fork and has the calling thread alone, so `work` must not need locks that other
// threads may hold at that moment: call it where files are opened, before the workers start. (A
// child that waits for such a lock for ever is ended by `wall_seconds`.)
std::vector<uint8_t> RunIsolated(const std::string& source,
                                 const IsolationLimits& limits,
                                 const std::function<std::vector<uint8_t>()>& work);

}  // namespace handforge
