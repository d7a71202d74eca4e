#include "tools/environment.h"

#include "tools/blas_info.h"
#include "tools/machine.h"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>

#include <unistd.h>

namespace handforge {
namespace {

// Whether the variable had to be set.
bool SetIfMissing(const char* name, const std::string& value) {
  if (value.empty() || std::getenv(name) != nullptr) return false;
  return setenv(name, value.c_str(), 0) == 0;
}

}  // namespace

std::string BetterCoreType(const std::string& chosen, bool has_avx2, bool has_avx512) {
  const bool fell_back = chosen == "Prescott";
  if (!fell_back || !has_avx2) return "";
  return has_avx512 ? "SkylakeX" : "Haswell";
}

std::string BetterCoreType(const std::string& chosen) {
  const auto has_all = [](std::initializer_list<const char*> flags) {
    return std::all_of(flags.begin(), flags.end(), CpuHas);
  };
  return BetterCoreType(chosen,
                        has_all({"avx2", "fma"}),
                        has_all({"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}));
}

void PrepareEnvironment(char* const* argv) {
  bool changed = SetIfMissing("OMP_WAIT_POLICY", "PASSIVE");
  changed |= SetIfMissing("OPENBLAS_CORETYPE", BetterCoreType(LinkedBlas().core));
  if (changed) execv("/proc/self/exe", argv);
}

}  // namespace handforge
