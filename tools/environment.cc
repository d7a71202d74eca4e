#include "tools/environment.h"

#include "tools/machine.h"

#include <algorithm>
#include <initializer_list>
#include <limits>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace handforge {

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

void KeepFreedMemory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
}

}  // namespace handforge
