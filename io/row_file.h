#pragma once

#include "io/shard.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace handforge {

// Image columns of a shard, read row by row straight from the file: where each compressed row lies
// was asked of HDF5 once (ShardReader::Rows), so reading takes no HDF5 call, no lock and no open
// file between calls, and any number of threads may.
class RowFile {
 public:
  // Of one row of one column.
  struct Place {
    uint64_t offset = 0;  // in the file
    uint32_t bytes = 0;   // compressed (io/chunk_codec.h)
  };
  struct Rows {
    Column column;
    bool shuffled = false;
    std::vector<Place> places;  // by row
  };

  RowFile(std::filesystem::path file, std::vector<Rows> columns)
      : file_(std::move(file)), columns_(std::move(columns)) {}

  // Column::RowBytes() bytes of the column with this place among those asked for. Throws DataError
  // naming the file, and column and row where they are damaged.
  std::vector<uint8_t> Read(size_t column, uint64_t row) const;

 private:
  std::filesystem::path file_;
  std::vector<Rows> columns_;
};

}  // namespace handforge
