#pragma once

#include "io/shard.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace handforge {

// A shard that no manifest vouches for: written or edited by another program, or of unknown origin.
// The HDF5 library can crash on damaged files, so the whole of it is read in a child process
// (io/isolated.h) and kept here as plain rows, uncompressed. Shards of a dataset are opened with
// Dataset::OpenShard, which compares their hash first and reads row by row.
class ForeignShard {
 public:
  // Throws DataError naming the file where it is missing, no shard, damaged, or larger than 1 GiB
  // when unpacked.
  static ForeignShard Read(const std::filesystem::path& file);

  uint64_t size() const { return num_rows_; }
  const TupleLayout& layout() const { return layout_; }
  Tuple ReadTuple(uint64_t row) const;
  // "" where absent; kept are generator, command, config, rig, model_sha256
  // and mesh_sha256.
  std::string TextAttribute(const std::string& name) const;

 private:
  std::filesystem::path file_;
  TupleLayout layout_;
  uint64_t num_rows_ = 0;
  std::vector<uint8_t> rows_;
  std::map<std::string, std::string> texts_;
};

}  // namespace handforge
