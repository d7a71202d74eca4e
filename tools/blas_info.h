#pragma once

#include <string>

namespace handforge {

// The linear algebra library that this process really calls. Debian lets any of several libraries
// stand behind libblas.so.3; the reference one is ten times slower than OpenBLAS.
struct BlasInfo {
  enum class Kind { kNone, kReference, kOpenBlas, kMkl, kOther };
  // What OpenBLAS runs its threads with.
  enum class Threading { kNone, kPthreads, kOpenMp };

  Kind kind = Kind::kNone;
  std::string file;  // that defines `sgemm_`, links resolved
  // The rest is known of OpenBLAS only.
  std::string config;  // "OpenBLAS 0.3.21 ... MAX_THREADS=64"
  std::string core;    // the processor whose code it runs: "Haswell", "SkylakeX", "Zen"
  Threading threading = Threading::kNone;
  int threads = 0;
};

BlasInfo LinkedBlas();

// Tells the library by its resolved path, as Debian, conda and Intel lay them out.
BlasInfo::Kind BlasKindOf(const std::string& file);

}  // namespace handforge
