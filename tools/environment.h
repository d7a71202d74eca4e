#pragma once

#include <string>

namespace handforge {

// Some libraries read their settings once, from the environment, while the program is loaded. The
// `handforge` binary gives them better defaults before that (environment_preinit.cc), at the price
// of loading them twice; what the user has set is left alone:
//   OMP_WAIT_POLICY=PASSIVE  idle OpenMP threads sleep instead of spinning, which costs others (the
//                            pipeline's own threads, neighbours) most of their time
//   OPENBLAS_CORETYPE        OpenBLAS takes a processor newer than itself for one of 2004 and then
//                            multiplies matrices five times slower than it could

// What OPENBLAS_CORETYPE should be where OpenBLAS runs as `chosen`; "" where it chose well.
std::string BetterCoreType(const std::string& chosen, bool has_avx2, bool has_avx512);
std::string BetterCoreType(const std::string& chosen);  // on this processor

// From now on the C library keeps freed blocks of any size for the next request. Networks and
// tuples ask for the same large blocks again and again; handing each back to the system and
// clearing its pages anew costs training and synthesis up to a fifth of the time, more with more
// threads. No-op where the library is not glibc.
void KeepFreedMemory();

}  // namespace handforge
