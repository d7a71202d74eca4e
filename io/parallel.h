#pragma once

#include <cstddef>
#include <functional>

namespace handforge {

// Calls work(worker, i) once for each i in [0, count), on `threads` threads at once, or on as many
// as there are items or the system lets start, this one at least; `worker` is in [0, threads) and
// never used by two calls at a time. The first exception stops what has not begun and is thrown
// again.
void ParallelFor(size_t count, int threads, const std::function<void(int worker, size_t i)>& work);

}  // namespace handforge
