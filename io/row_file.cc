#include "io/row_file.h"

#include "io/chunk_codec.h"
#include "io/core/error.h"

#include <fstream>
#include <string>

namespace handforge {

std::vector<uint8_t> RowFile::Read(size_t column, uint64_t row) const {
  const Rows& rows = columns_.at(column);
  const Place place = rows.places.at(row);
  std::ifstream in;
  in.rdbuf()->pubsetbuf(nullptr, 0);  // one read is all there will be
  in.open(file_, std::ios::binary);
  if (!in) throw DataError(file_.string() + ": cannot be opened any more");
  std::vector<uint8_t> packed(place.bytes), out(rows.column.RowBytes());
  in.seekg(static_cast<std::streamoff>(place.offset));
  in.read(reinterpret_cast<char*>(packed.data()), static_cast<std::streamsize>(packed.size()));
  const size_t element_bytes = SizeOf(rows.column.type);
  if (!in || !DecodeChunk(packed, element_bytes, rows.shuffled, out.data(), out.size())) {
    throw DataError(file_.string() + ": row " + std::to_string(row) + " of column '" +
                    rows.column.name + "' is damaged: its compressed data do not unpack");
  }
  return out;
}

}  // namespace handforge
