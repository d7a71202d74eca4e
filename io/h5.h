#pragma once

#include "io/shard.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hdf5.h>

namespace handforge::h5 {

// The only file pair that calls the HDF5 C library; `shard_writer` and `shard_reader` build on it
// and nothing else may include it.

// Every use of the library happens inside a Session: one mutex for the whole process (an ordinary
// build of HDF5 is not thread-safe), and no printing of errors to stderr.
class Session {
 public:
  Session();

 private:
  std::lock_guard<std::recursive_mutex> lock_;
};

// The library's error stack as one line, innermost cause last; clears the stack.
std::string ErrorStack();

// Owns an identifier and closes it with the function it was made with; closing never throws.
class Handle {
 public:
  using Closer = herr_t (*)(hid_t);

  Handle() = default;
  Handle(hid_t id, Closer closer) : id_(id), closer_(closer) {}
  Handle(Handle&& other) noexcept
      : id_(std::exchange(other.id_, H5I_INVALID_HID)), closer_(other.closer_) {}
  Handle& operator=(Handle&& other) noexcept;
  ~Handle() { Close(); }

  hid_t get() const { return id_; }
  bool ok() const { return id_ >= 0; }
  void Close();

 private:
  hid_t id_ = H5I_INVALID_HID;
  Closer closer_ = nullptr;
};

// Whether a test wants this call to fail (io/h5_faults.h).
bool PlantedFailure();

// Reports failures of the library as EnvironmentError (`kWriting`: disk full, permissions) or
// DataError (`kReading`: truncated, damaged, foreign), naming the file and quoting the error stack.
class Caller {
 public:
  enum Kind { kReading, kWriting };
  Caller(std::filesystem::path file, Kind kind) : file_(std::move(file)), kind_(kind) {}

  const std::filesystem::path& file() const { return file_; }
  Handle Make(hid_t id, Handle::Closer closer, const std::string& what) const;
  // Passes on the library's return value where it is no failure.
  template <typename Result>
  Result Check(Result result, const std::string& what) const {
    if (result < 0 || PlantedFailure()) Fail(what);
    return result;
  }
  [[noreturn]] void Fail(const std::string& what) const;

 private:
  std::filesystem::path file_;
  Kind kind_;
};

// ---- Files --------------------------------------------------------------------------------------

// A file that exists in memory only; it has no time stamps and a fixed format version (readable by
// every HDF5), so that equal content gives equal bytes. Shards are put together this way because
// HDF5 1.10 can crash once a write to disk has failed.
Handle CreateFileInMemory(const Caller& caller);
// Its bytes, as they would lie on disk.
std::vector<uint8_t> FileImage(const Caller& caller, const Handle& file);
Handle OpenFileToRead(const Caller& caller);

// ---- Datasets -----------------------------------------------------------------------------------

struct DatasetInfo {
  std::string name;
  std::optional<DType> type;  // nothing where a shard has no such type
  std::vector<hsize_t> shape;
  std::vector<hsize_t> chunk;    // empty: contiguous or compact
  bool outside_storage = false;  // virtual, or in other files
  bool shuffled = false;
  // The filters are shuffle (or none), then deflate, and numbers lie as in memory.
  bool plain_deflate = false;
};

// A chunked dataset with the shuffle and deflate filters, whose chunks the caller compresses.
Handle CreateChunkedDataset(const Caller& caller,
                            const Handle& file,
                            const std::string& name,
                            DType type,
                            const std::vector<hsize_t>& shape,
                            const std::vector<hsize_t>& chunk,
                            int deflate_level);
// `row`: first row of the chunk, which spans all other dimensions.
void WriteChunk(const Caller& caller,
                const Handle& dataset,
                uint64_t row,
                size_t rank,
                const std::vector<uint8_t>& bytes);

// Names of the datasets that lie in the root group itself (no soft or external links), sorted.
std::vector<std::string> DatasetNames(const Caller& caller, const Handle& file);
Handle OpenDataset(const Caller& caller, const Handle& file, const std::string& name);
DatasetInfo Describe(const Caller& caller, const Handle& dataset, const std::string& name);
// The chunk as stored, or nothing where it was never written, skips a filter or is larger than
// `max_bytes`.
std::optional<std::vector<uint8_t>> ReadChunk(
    const Caller& caller, const Handle& dataset, uint64_t row, size_t rank, size_t max_bytes);
// Bytes before the HDF5 data, which places in the file do not count.
uint64_t UserBlockBytes(const Caller& caller, const Handle& file);
struct ChunkPlace {
  uint64_t offset = 0;  // in the file
  uint32_t bytes = 0;
};
// Where ReadChunk reads; nothing where it reads nothing.
std::optional<ChunkPlace> FindChunk(
    const Caller& caller, const Handle& dataset, uint64_t row, size_t rank, size_t max_bytes);
// Rows [first, first + count) into `out`, in the machine's byte order.
void ReadRows(const Caller& caller,
              const Handle& dataset,
              const DatasetInfo& info,
              uint64_t first,
              uint64_t count,
              void* out);

// ---- Attributes ---------------------------------------------------------------------------------

// `object` is a file (its root group) or a dataset.
void WriteText(const Caller& caller,
               const Handle& object,
               const std::string& name,
               const std::string& text);
void WriteList(const Caller& caller,
               const Handle& object,
               const std::string& name,
               const std::vector<std::string>& list);
void WriteNumber(const Caller& caller,
                 const Handle& object,
                 const std::string& name,
                 double number);
// {shape...}, row-major; an empty shape is a scalar.
void WriteIntegers(const Caller& caller,
                   const Handle& object,
                   const std::string& name,
                   const std::vector<hsize_t>& shape,
                   const std::vector<int32_t>& numbers);
bool HasAttribute(const Caller& caller, const Handle& object, const std::string& name);
// Name -> whether it is a list, of the attributes that hold texts.
std::map<std::string, bool> TextAttributes(const Caller& caller, const Handle& object);
double ReadNumber(const Caller& caller, const Handle& object, const std::string& name);
// The strings of a scalar or one-dimensional attribute (of fixed or variable length); whole numbers
// are written out.
std::vector<std::string> ReadTexts(const Caller& caller,
                                   const Handle& object,
                                   const std::string& name);

}  // namespace handforge::h5
