#include "io/import/numpy_array.h"

#include "io/import/little_endian.h"

#include <algorithm>
#include <cstdint>

namespace handforge {
namespace {

double Number(const NumpyArray& array, size_t element) {
  const size_t item_bytes = array.type.item_bytes;
  const uint64_t bits = LittleEndian(array.bytes.substr(element * item_bytes, item_bytes));
  switch (array.type.kind) {
    case 'f':
      return item_bytes == 4 ? SameBits<float>(static_cast<uint32_t>(bits))
                             : SameBits<double>(bits);
    case 'i':
      return static_cast<double>(SignExtended(bits, item_bytes));
    default:
      return static_cast<double>(bits);
  }
}

// Where the element lies that is number `element` where the last index runs fastest.
size_t FortranPosition(const NumpyArray& array, size_t element, size_t count) {
  size_t position = 0;
  size_t stride = count;
  for (auto extent = array.shape.rbegin(); extent != array.shape.rend(); ++extent) {
    stride /= *extent;
    position += element % *extent * stride;
    element /= *extent;
  }
  return position;
}

}  // namespace

std::optional<NumpyType> FindNumpyType(std::string_view name) {
  const auto known = [&](std::string_view kinds, std::string_view sizes) {
    return name.size() == 2 && kinds.find(name[0]) != std::string_view::npos &&
           sizes.find(name[1]) != std::string_view::npos;
  };
  if (!known("f", "48") && !known("iu", "1248") && !known("b", "1")) return std::nullopt;
  return NumpyType{name[0], static_cast<size_t>(name[1] - '0')};
}

std::vector<double> NumpyArray::Doubles() const {
  std::vector<double> numbers(bytes.size() / type.item_bytes);
  for (size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = Number(*this, is_fortran ? FortranPosition(*this, i, numbers.size()) : i);
  }
  return numbers;
}

std::string FaultOf(const NumpyArray& array) {
  const bool is_empty = std::count(array.shape.begin(), array.shape.end(), 0) > 0;
  size_t size = is_empty ? 0 : array.type.item_bytes;
  bool fits = true;
  for (const size_t extent : array.shape) {
    fits &= is_empty || extent <= array.bytes.size() / size;
    if (fits) size *= extent;
  }
  if (fits && size == array.bytes.size()) return "";
  return "an array of shape (" + ShapeText(array.shape, ", ") + ") and " +
         std::to_string(array.type.item_bytes) + " bytes each that holds " +
         std::to_string(array.bytes.size()) + " bytes";
}

std::string ShapeText(const std::vector<size_t>& shape, const std::string& between) {
  std::string text;
  for (const size_t extent : shape) {
    text += (text.empty() ? "" : between) + std::to_string(extent);
  }
  return text;
}

}  // namespace handforge
