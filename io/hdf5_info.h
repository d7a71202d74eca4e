#pragma once

#include <string>

namespace handforge {

// Version of the HDF5 library in use, "1.10.8 (not thread-safe)", for `handforge doctor`. Includes
// no HDF5 header.
std::string Hdf5Version();

}  // namespace handforge
