#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace handforge {

// Debian's interpreter; another python3 without SciPy may come first on the PATH.
inline bool HasScipy() {
  static const bool has = std::system("/usr/bin/python3 -c 'import scipy.io' 2>/dev/null") == 0;
  return has;
}

// First line of tests that write MATLAB files.
#define HANDFORGE_NEEDS_SCIPY() \
  if (!HasScipy()) GTEST_SKIP() << "/usr/bin/python3 has no SciPy (Debian: python3-scipy)"

// Writes an array, the last index running fastest in `values`, by tests/io/import/write_mat.py,
// which says what layouts and types there are.
inline void WriteMat(const std::filesystem::path& file,
                     const std::string& name,
                     const std::vector<size_t>& shape,
                     const std::vector<double>& values,
                     const std::string& layout = "plain",
                     const std::string& type = "float64") {
  const std::string raw = file.string() + ".f64";
  std::ofstream(raw, std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(double)));
  std::string lengths;
  for (const size_t length : shape)
    lengths += (lengths.empty() ? "" : ",") + std::to_string(length);
  std::string command = "/usr/bin/python3 " HANDFORGE_SOURCE_DIR "/tests/io/import/write_mat.py";
  for (const std::string& argument : {file.string(), layout, name, type, lengths, raw}) {
    command += " '" + argument + "'";
  }
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  std::filesystem::remove(raw);
}

}  // namespace handforge
