#pragma once

#include "io/core/error.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

namespace handforge {

// Plain values one after the other, as they lie in memory: what a child process hands to its parent
// (io/isolated.h). Never on disk.
class ByteWriter {
 public:
  template <typename T>
  void Put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto* first = reinterpret_cast<const uint8_t*>(&value);
    bytes_.insert(bytes_.end(), first, first + sizeof value);
  }
  template <typename T>
  void PutVector(const std::vector<T>& values) {
    static_assert(std::is_trivially_copyable_v<T>);
    Put<uint64_t>(values.size());
    const auto* first = reinterpret_cast<const uint8_t*>(values.data());
    bytes_.insert(bytes_.end(), first, first + values.size() * sizeof(T));
  }
  void PutText(const std::string& text) { PutVector(std::vector<char>(text.begin(), text.end())); }
  std::vector<uint8_t> Take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
};

// Reads them in the same order. The child may have been taken over by the file it read, so every
// length is checked; throws DataError naming `source`.
class ByteReader {
 public:
  ByteReader(const std::vector<uint8_t>& bytes, std::string source)
      : bytes_(bytes), source_(std::move(source)) {}

  template <typename T>
  T Get() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    std::memcpy(&value, Next(sizeof value), sizeof value);
    return value;
  }
  template <typename T>
  std::vector<T> GetVector() {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto count = Get<uint64_t>();
    if (count > (bytes_.size() - at_) / sizeof(T)) Fail();
    std::vector<T> values(count);
    if (count > 0) std::memcpy(values.data(), Next(count * sizeof(T)), count * sizeof(T));
    return values;
  }
  std::string GetText() {
    const std::vector<char> text = GetVector<char>();
    return {text.begin(), text.end()};
  }

 private:
  const uint8_t* Next(size_t size) {
    if (size > bytes_.size() - at_) Fail();
    at_ += size;
    return bytes_.data() + at_ - size;
  }
  [[noreturn]] void Fail() const {
    throw DataError(source_ + ": the process that read it handed over less than it said");
  }

  const std::vector<uint8_t>& bytes_;
  std::string source_;
  size_t at_ = 0;
};

}  // namespace handforge
