#pragma once

#include "io/shard.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace handforge {

// A column and how it maps to `Tuple`: the list of columns exists only in `TupleColumnTable`.
struct TupleColumn {
  Column column;
  // Writes the row, `column.RowBytes()` bytes. Throws DataError where the tuple does not fit the
  // layout. An image or latent code that is absent becomes zeros (`present` says so).
  std::function<void(const Tuple& tuple, uint8_t* row)> store;
  std::function<void(const uint8_t* row, Tuple* tuple)> load;
};

// Throws UsageError on sizes that are not positive.
std::vector<TupleColumn> TupleColumnTable(const TupleLayout& layout);

}  // namespace handforge
