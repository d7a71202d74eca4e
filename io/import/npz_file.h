#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace handforge {

// The array `name` of a file of numpy.savez or numpy.savez_compressed (a zip archive of NAME.npy;
// numpy: lib/format.py), of whatever type of numbers, as doubles, the last index running fastest.
//
// No more is inflated than an array of the shape that is asked for can hold, and the archive's
// check sum must fit. Any number of threads may read. DataError naming the file, the array, what is
// there and what was expected: no such file, no archive, damaged, no such array (and those that
// there are), another shape, no numbers, another order of bytes.
//
// libzip reads the archive.
std::vector<double> ReadNpzArray(const std::filesystem::path& file,
                                 const std::string& name,
                                 const std::vector<size_t>& expected_shape);

}  // namespace handforge
