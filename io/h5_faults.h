#pragma once

#include <cstdint>

namespace handforge {

// For tests: the HDF5 call that is checked `calls` calls from now (1 = the next one) fails as if
// the library had reported an error; 0 = none fails. Of the whole process.
void FailHdf5CallAfter(int64_t calls);
// Whether the planted failure has happened.
bool Hdf5CallFailed();

}  // namespace handforge
