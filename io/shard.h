#pragma once

#include "io/core/tuple.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace handforge {

constexpr int kFormatVersion = 1;  // io/FORMAT.md

enum class DType { kU8, kU16, kU32, kU64, kI32, kI64, kF32 };
size_t SizeOf(DType type);
const char* DTypeName(DType type);  // "uint8" ... "float32"

// One column of a shard: an HDF5 dataset {N, row_shape...}.
struct Column {
  std::string name;
  DType type;
  std::vector<uint64_t> row_shape;
  bool chunk_per_row = false;  // images: one deflated chunk a row; others: one chunk for all rows
  std::string help;            // stored as the dataset's attribute `description`

  size_t RowBytes() const;
};

class RowFile;  // io/row_file.h

// Sizes that fix the columns of a dataset.
struct TupleLayout {
  int image_px = 256;  // depth, mask, joints_2d, K
  int rgb_px = 128;
  int latent_dim = 0;    // 0: no z
  bool decoded = false;  // alpha, decoded_3d, decoded_2d, quality_* columns
  bool photo = false;    // what the camera did to a rendered picture
  bool lineage = false;  // latent_method, parents, quality_cycle_* columns
  bool rgb_rendered = false;
  int small_px = 0;        // side of rgb_small, depth_small and mask_small; 0: none
  bool augmented = false;  // augmented, augment_*, source_index
  // Optional columns and groups of them, of kOptionalColumns, in that order.
  std::vector<std::string> columns;

  bool Has(const std::string& column) const;
};
// "objects", "other_hand", "depth_sensor", "instance", "normals", "correspondence", "previous_2d",
// "visible_fraction", "crop": see io/FORMAT.md.
extern const std::vector<std::string> kOptionalColumns;
std::vector<Column> TupleColumns(const TupleLayout& layout);

// A tuple as bytes, ready for the writer: per column the raw row, or for `chunk_per_row` columns
// the finished chunk (shuffle + deflate). Made in the parallel stage; calls no HDF5.
struct EncodedTuple {
  uint64_t index = 0;
  std::vector<std::vector<uint8_t>> columns;
};
EncodedTuple EncodeTuple(const Tuple& tuple, const TupleLayout& layout, int deflate_level);

// Attributes of the shard's root group. Joint names, edges, units and conventions are added by the
// writer.
struct ShardMetadata {
  std::map<std::string, std::string> text;                // generator, config, licences, hashes ...
  std::map<std::string, std::vector<std::string>> lists;  // gesture_names ...
};

struct ShardInfo {
  std::string file;  // relative to the dataset folder: "shards/00000.h5"
  std::string sha256;
  uint64_t bytes = 0;
  uint64_t first_index = 0;
  uint64_t tuples = 0;
  std::map<std::string, uint64_t> rejections = {};  // reason -> attempts, on the way to these
};

// Names of the attributes that the writer adds.
extern const std::vector<std::string> kFixedAttributes;

// Puts one shard together in memory (about its size on disk, twice that while publishing) and
// publishes it whole, under a temporary name first. One thread; rows in order. The bytes depend
// only on the rows, layout and metadata. After a failed call every further call throws; without
// `Publish` nothing appears on disk. A second `Publish` throws.
class ShardWriter {
 public:
  ShardWriter(const std::filesystem::path& dataset_folder,
              int shard,
              uint64_t num_rows,
              const TupleLayout& layout,
              const ShardMetadata& metadata);
  ~ShardWriter();
  ShardWriter(const ShardWriter&) = delete;
  ShardWriter& operator=(const ShardWriter&) = delete;

  void Append(const EncodedTuple& tuple);
  // Requires `num_rows` appended rows.
  ShardInfo Publish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::string ShardFileName(int shard);  // "shards/00000.h5"

// Reads any shard, ours or imported. Every read checks type and shape and throws DataError naming
// file and column. One thread per reader; HDF5 calls of all readers are serialised by one mutex.
class ShardReader {
 public:
  explicit ShardReader(const std::filesystem::path& file);
  ~ShardReader();
  ShardReader(ShardReader&&) noexcept;
  ShardReader& operator=(ShardReader&&) noexcept;

  const std::filesystem::path& file() const;
  uint64_t size() const;
  const std::vector<Column>& columns() const;
  bool Has(const std::string& column) const;
  const Column& Find(const std::string& column) const;

  // Rows [first, first + count) of a column, row-major. T must match the stored type.
  template <typename T>
  std::vector<T> Read(const std::string& column, uint64_t first, uint64_t count) const;

  // Image columns, to be read without this reader. Throws DataError naming the column that is not
  // stored as one deflated chunk a row.
  RowFile Rows(const std::vector<std::string>& columns) const;

  Tuple ReadTuple(uint64_t row) const;
  // The layout its columns were written with. Throws DataError where they are no tuple's.
  TupleLayout Layout() const;

  std::string TextAttribute(const std::string& name) const;  // "" where absent
  std::vector<std::string> ListAttribute(const std::string& name) const;
  // Every attribute that is text or a list of texts, without those that the writer adds: written
  // again with these, equal rows give equal bytes.
  ShardMetadata Metadata() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace handforge
