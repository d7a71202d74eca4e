#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace handforge {

// A real numeric array of a MATLAB file, of whatever class, as doubles. (Of 64-bit integers beyond
// 2^53 the last digits are lost.)
struct MatArray {
  std::vector<size_t> shape;
  std::vector<double> values;  // as MATLAB and the file have them: the first index runs fastest

  // values[i + shape[0] * (j + shape[1] * (k + ...))], as many indices as `shape` has, from 0.
  template <typename... Indices>
  double At(Indices... indices) const {
    static_assert(sizeof...(indices) > 0);
    size_t offset = 0, stride = 1, axis = 0;
    ((offset += stride * static_cast<size_t>(indices), stride *= shape[axis++]), ...);
    return values[offset];
  }
};

// Where a shape is asked for: any length.
constexpr size_t kAnyLength = static_cast<size_t>(-1);

// The variable `name` of a MATLAB file of version 5 (what save writes with -v6 and -v7; "MAT-File
// Format", The MathWorks), with the shape that is asked for. MATLAB drops a last axis of length 1,
// which is put back here.
//
// DataError naming the file, what is there (the variable's class and shape; where there is none of
// that name, those that there are) and what was expected: no such file, another version, cut off,
// damaged, no such variable, not real numbers, another shape. What is damaged without having been
// compressed can go unnoticed: such files have no check sums.
//
// libmatio reads it in a child process (io/isolated.h).
MatArray ReadMatArray(const std::filesystem::path& file,
                      const std::string& name,
                      const std::vector<size_t>& expected_shape);

}  // namespace handforge
