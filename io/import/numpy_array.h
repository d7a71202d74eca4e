#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handforge {

// What the elements of numpy's arrays are, as numpy names it.
struct NumpyType {
  char kind = 'u';        // 'f', 'i', 'u' or 'b'
  size_t item_bytes = 1;  // 1, 2, 4 or 8
};
constexpr char kNumpyTypes[] = "f4, f8, i1 to i8, u1 to u8 or b1";
// "f4" without an order of bytes. Empty where it is none of kNumpyTypes.
std::optional<NumpyType> FindNumpyType(std::string_view name);

// An array as pickles and .npy files hold it, little endian. Whoever fills one sees to it that
// FaultOf finds none.
struct NumpyArray {
  std::vector<size_t> shape = {0};
  NumpyType type;
  bool is_fortran = false;  // the first index runs fastest in `bytes`
  std::string_view bytes;

  // All elements, the last index running fastest; whole numbers beyond 2^53 are rounded.
  std::vector<double> Doubles() const;
};

// That the bytes are not as many as the shape says; "" where they are.
std::string FaultOf(const NumpyArray& array);

// "1, 21, 3"
std::string ShapeText(const std::vector<size_t>& shape, const std::string& between);

}  // namespace handforge
