#pragma once

#include "tools/blas_info.h"
#include "vae/torch_info.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace handforge {

// One line of `handforge doctor`.
struct Check {
  enum class State {
    kOk,
    kWarning,  // handforge works, but slowly or not in everything
    kFault,    // handforge cannot do its work
  };

  std::string name;
  std::string value;
  State state = State::kOk;
  std::string mend;  // the command or change that mends it; empty where all is well
};

const char* StateName(Check::State state);  // "ok", "warning", "fault"

// Versions of handforge and of what it is built on.
std::vector<Check> CheckVersions(const TorchInfo& torch);

// How fast matrices are multiplied: shows a bad BLAS whatever it is called.
Check CheckMatrixProduct(double gflops);

Check CheckBlas(const BlasInfo& blas);

// Thread pools and the environment variables that rule them. `threads` as the commands would use.
std::vector<Check> CheckThreads(int threads, const TorchInfo& torch);

Check CheckInstructionSet();

// Hand mesh and light maps in `folder`, against its SHA256SUMS.
std::vector<Check> CheckAssets(const std::filesystem::path& folder);

// Room and permission to write at `folder`, or at its nearest parent that exists.
Check CheckDisk(const std::filesystem::path& folder);

Check CheckMemory(uint64_t available_bytes);

}  // namespace handforge
