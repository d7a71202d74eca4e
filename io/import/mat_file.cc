#include "io/import/mat_file.h"

#include "io/byte_stream.h"
#include "io/core/error.h"
#include "io/files.h"
#include "io/isolated.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>

#include <matio.h>
#include <zlib.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;

// ---- Is the file whole? -------------------------------------------------------------------------
// libmatio (1.5.23) gives numbers for a file that is cut off or whose compressed parts are damaged,
// so this is looked at first.

constexpr size_t kHeaderBytes = 128;
constexpr size_t kTagBytes = 8;
constexpr uint32_t kCompressedElement = 15;

class ElementChecker {
 public:
  ElementChecker(const std::vector<uint8_t>& bytes, std::string file)
      : bytes_(bytes), file_(std::move(file)) {}

  // Throws unless the file is a sequence of whole elements.
  void Check() {
    CheckHeader();
    for (size_t at = kHeaderBytes; at < bytes_.size();) {
      const size_t left = bytes_.size() - at;
      const size_t size = left < kTagBytes ? left : kTagBytes + Word(at + 4);
      if (left < kTagBytes || left < size) {
        throw DataError(file_ + ": is cut off: its last element begins at byte " +
                        std::to_string(at) + " and does not end before the file does, at " +
                        std::to_string(bytes_.size()));
      }
      if (Word(at) == kCompressedElement) CheckStream(at + kTagBytes, size - kTagBytes);
      at += size;
    }
  }

 private:
  void CheckHeader() {
    const std::string expected = "; expected one of MATLAB's version 5 (save -v7)";
    if (bytes_.size() < kHeaderBytes) {
      throw DataError(file_ + ": has " + std::to_string(bytes_.size()) +
                      " bytes, less than the header of a MATLAB file" + expected);
    }
    const uint8_t* end = bytes_.data() + kHeaderBytes;
    big_endian_ = end[-2] == 'M' && end[-1] == 'I';
    if (!big_endian_ && !(end[-2] == 'I' && end[-1] == 'M')) {
      throw DataError(file_ + ": does not have the header of a MATLAB file" + expected);
    }
    const int major = big_endian_ ? end[-4] : end[-3];
    if (major == 1) return;
    throw DataError(file_ + ": is a MATLAB file of " +
                    (major == 2 ? "version 7.3" : "unknown version " + std::to_string(major)) +
                    expected);
  }

  uint32_t Word(size_t at) const {
    uint32_t word = 0;
    for (size_t i = 0; i < 4; ++i) word = word << 8 | bytes_[at + (big_endian_ ? i : 3 - i)];
    return word;
  }

  // Inflates it to its end, where the check sum of what came out stands.
  void CheckStream(size_t at, size_t size) const {
    z_stream stream{};
    if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
    const std::unique_ptr<z_stream, decltype(&inflateEnd)> end(&stream, &inflateEnd);
    std::array<uint8_t, size_t{1} << 16> inflated;
    stream.next_in = const_cast<uint8_t*>(bytes_.data() + at);
    stream.avail_in = static_cast<uInt>(size);
    int result = Z_OK;
    while (result == Z_OK) {
      stream.next_out = inflated.data();
      stream.avail_out = static_cast<uInt>(inflated.size());
      result = inflate(&stream, Z_NO_FLUSH);
    }
    if (result == Z_STREAM_END) return;
    throw DataError(file_ + ": is damaged: the compressed element at byte " +
                    std::to_string(at - kTagBytes) + " does not inflate (" +
                    (stream.msg != nullptr ? stream.msg : "it ends too early") + ")");
  }

  const std::vector<uint8_t>& bytes_;
  const std::string file_;
  bool big_endian_ = false;
};

// ---- Shapes and words
// ----------------------------------------------------------------------------

size_t Count(const std::vector<size_t>& shape) {
  size_t count = 1;
  for (const size_t length : shape) count *= length;
  return count;
}

bool Fits(const std::vector<size_t>& shape, const std::vector<size_t>& expected) {
  bool fits = shape.size() == expected.size();
  for (size_t i = 0; fits && i < shape.size(); ++i) {
    fits = expected[i] == kAnyLength || expected[i] == shape[i];
  }
  return fits;
}

std::string ShapeText(const std::vector<size_t>& shape) {
  std::string text;
  for (const size_t length : shape) {
    text += (text.empty() ? "" : " x ") + (length == kAnyLength ? "any" : std::to_string(length));
  }
  return text;
}

std::string ClassText(const matvar_t& variable) {
  static const std::array<const char*, 18> names = {"empty",
                                                    "cell",
                                                    "struct",
                                                    "object",
                                                    "char",
                                                    "sparse",
                                                    "double",
                                                    "single",
                                                    "int8",
                                                    "uint8",
                                                    "int16",
                                                    "uint16",
                                                    "int32",
                                                    "uint32",
                                                    "int64",
                                                    "uint64",
                                                    "function",
                                                    "opaque"};
  if (variable.isLogical) return "logical";
  const auto index = static_cast<size_t>(variable.class_type);
  const std::string name = index < names.size() ? names[index] : "of an unknown class";
  return (variable.isComplex ? "complex " : "") + name;
}

std::vector<size_t> ShapeOf(const matvar_t& variable) {
  if (variable.rank <= 0 || variable.dims == nullptr) return {};
  return {variable.dims, variable.dims + variable.rank};
}

std::string Describe(const matvar_t& variable) {
  return ClassText(variable) + " " + ShapeText(ShapeOf(variable));
}

// ---- In the child process -----------------------------------------------------------------------

using Mat = std::unique_ptr<mat_t, decltype(&Mat_Close)>;
using Variable = std::unique_ptr<matvar_t, decltype(&Mat_VarFree)>;

Variable FindVariable(mat_t* mat, const std::string& file, const std::string& name) {
  std::string others;
  for (;;) {
    Variable variable(Mat_VarReadNextInfo(mat), &Mat_VarFree);
    if (variable == nullptr) break;
    if (variable->name == nullptr) continue;
    if (variable->name == name) return variable;
    others += (others.empty() ? "" : ", ") + ("'" + std::string(variable->name) + "' (") +
              Describe(*variable) + ")";
  }
  throw DataError(file + ": has no variable '" + name + "' that can be read; it has " +
                  (others.empty() ? "none" : others));
}

// The variable's shape with the axes of length 1 that MATLAB drops.
std::vector<size_t> FittingShape(const matvar_t& variable,
                                 const std::vector<size_t>& expected,
                                 const std::string& place) {
  std::vector<size_t> shape = ShapeOf(variable);
  while (shape.size() < expected.size()) shape.push_back(1);
  const bool numbers = !variable.isComplex && variable.class_type >= MAT_C_DOUBLE &&
                       variable.class_type <= MAT_C_UINT64;
  if (numbers && Fits(shape, expected)) return shape;
  throw DataError(place + " is " + Describe(variable) + "; expected real numbers, " +
                  ShapeText(expected));
}

template <typename T>
std::vector<double> AsDoubles(const matvar_t& variable, size_t count) {
  const T* first = static_cast<const T*>(variable.data);
  return {first, first + count};
}

std::vector<double> Values(const matvar_t& variable, size_t count, const std::string& place) {
  if (count == 0) return {};
  const auto unit = static_cast<size_t>(variable.data_size);
  if (variable.data == nullptr || variable.nbytes / unit != count) {
    throw DataError(place + ": its numbers are damaged");
  }
  switch (variable.class_type) {
    case MAT_C_DOUBLE:
      return AsDoubles<double>(variable, count);
    case MAT_C_SINGLE:
      return AsDoubles<float>(variable, count);
    case MAT_C_INT8:
      return AsDoubles<int8_t>(variable, count);
    case MAT_C_UINT8:  // and logical
      return AsDoubles<uint8_t>(variable, count);
    case MAT_C_INT16:
      return AsDoubles<int16_t>(variable, count);
    case MAT_C_UINT16:
      return AsDoubles<uint16_t>(variable, count);
    case MAT_C_INT32:
      return AsDoubles<int32_t>(variable, count);
    case MAT_C_UINT32:
      return AsDoubles<uint32_t>(variable, count);
    case MAT_C_INT64:
      return AsDoubles<int64_t>(variable, count);
    case MAT_C_UINT64:
      return AsDoubles<uint64_t>(variable, count);
    default:
      throw DataError(place + " holds no numbers");
  }
}

std::vector<uint8_t> ReadVariable(const std::string& file,
                                  const std::string& name,
                                  const std::vector<size_t>& expected_shape) {
  ElementChecker(ReadBytes(file), file).Check();
  const Mat mat(Mat_Open(file.c_str(), MAT_ACC_RDONLY), &Mat_Close);
  if (mat == nullptr) throw DataError(file + ": cannot be opened as a MATLAB file");
  const std::string place = file + ": variable '" + name + "'";
  ByteWriter writer;
  std::vector<double> values;
  {
    const Variable variable = FindVariable(mat.get(), file, name);
    const std::vector<size_t> shape = FittingShape(*variable, expected_shape, place);
    if (Mat_VarReadDataAll(mat.get(), variable.get()) != 0) {
      throw DataError(place + ": its numbers are damaged");
    }
    values = Values(*variable, Count(shape), place);
    writer.PutVector(shape);
  }
  writer.PutVector(values);
  return writer.Take();
}

// Labels of a large dataset come whole: NYU's are 72,757 frames of three cameras, 189 MB an array.
IsolationLimits Limits() {
  IsolationLimits limits;
  limits.memory_bytes = uint64_t{3} << 30;
  limits.cpu_seconds = 60;
  return limits;
}

}  // namespace

MatArray ReadMatArray(const fs::path& file,
                      const std::string& name,
                      const std::vector<size_t>& expected_shape) {
  const std::vector<uint8_t> bytes = RunIsolated(
      file.string(), Limits(), [&] { return ReadVariable(file.string(), name, expected_shape); });
  ByteReader reader(bytes, file.string());
  MatArray array;
  array.shape = reader.GetVector<size_t>();
  array.values = reader.GetVector<double>();
  if (!Fits(array.shape, expected_shape) || Count(array.shape) != array.values.size()) {
    throw DataError(file.string() + ": was read to numbers that do not fit their shape");
  }
  return array;
}

}  // namespace handforge
