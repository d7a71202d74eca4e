#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace handforge {

// Named arrays and texts in one file, in the safetensors layout, so that Python reads a model with
// numpy alone: u64 length of the header (little-endian), a JSON header
// {"__metadata__": {text: text}, name: {"dtype", "shape", "data_offsets"}}, then the raw
// little-endian arrays. The metadata hold `payload_sha256`, checked on reading.
struct TensorEntry {
  std::string dtype;  // "F32", "F16", "F64", "I64" or "U8"
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;  // row-major

  int64_t Elements() const;
};

class TensorFile {
 public:
  std::map<std::string, std::string> metadata;

  const std::map<std::string, TensorEntry>& tensors() const { return tensors_; }
  bool Has(const std::string& name) const { return tensors_.count(name) > 0; }
  void AddFloats(const std::string& name, const std::vector<int64_t>& shape, const float* values);
  // The same in half precision, F16.
  void AddHalves(const std::string& name, const std::vector<int64_t>& shape, const float* values);
  void Add(const std::string& name, TensorEntry entry);

  // Values of an F32 or F16 array of that shape; -1 stands for any size. Throws DataError naming
  // the source (the file), the array, and both shapes.
  std::vector<float> Floats(const std::string& name, const std::vector<int64_t>& shape) const;
  // Throws DataError naming the source and the array.
  const TensorEntry& Find(const std::string& name) const;
  // Throws DataError naming the source and the key.
  const std::string& Text(const std::string& key) const;

  // What messages call it: the file it was read from.
  std::string source = "tensors in memory";

  // Publishes the file whole (io/files.h).
  void Write(const std::filesystem::path& file) const;
  // Throws DataError: missing, not in this layout, truncated, payload damaged.
  static TensorFile Read(const std::filesystem::path& file);
  // The same of a file that anybody may have written: it need not hold the hash, or any text.
  static TensorFile ReadForeign(const std::filesystem::path& file);

 private:
  static TensorFile Read(const std::filesystem::path& file, bool foreign);

  std::map<std::string, TensorEntry> tensors_;
};

std::string ShapeText(const std::vector<int64_t>& shape);  // "{3, 4}"

}  // namespace handforge
