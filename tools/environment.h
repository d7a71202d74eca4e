#pragma once

#include <string>

namespace handforge {

// Some libraries read their settings once, from the environment, while the program is loaded:
//   OMP_WAIT_POLICY=PASSIVE  idle OpenMP threads sleep instead of spinning, which costs others (the
//                            pipeline's own threads, neighbours) most of their time
//   OPENBLAS_CORETYPE        OpenBLAS takes a processor newer than itself for one of 2004 and then
//                            multiplies matrices five times slower than it could
// Where such a variable is missing, sets it and starts the program anew in the same process. What
// the user has set is left alone. Returns where there is nothing to do or the restart is refused.
void PrepareEnvironment(char* const* argv);

// What OPENBLAS_CORETYPE should be, or "" where OpenBLAS chose well by itself. `chosen` is the core
// type it runs as.
std::string BetterCoreType(const std::string& chosen, bool has_avx2, bool has_avx512);
std::string BetterCoreType(const std::string& chosen);  // on this processor

}  // namespace handforge
