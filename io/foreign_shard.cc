#include "io/foreign_shard.h"

#include "io/byte_stream.h"
#include "io/core/error.h"
#include "io/isolated.h"
#include "io/tuple_columns.h"

namespace handforge {
namespace {

constexpr const char* kKeptAttributes[] = {
    "generator", "command", "config", "rig", "model_sha256", "mesh_sha256"};

size_t RowBytes(const std::vector<TupleColumn>& table) {
  size_t bytes = 0;
  for (const TupleColumn& entry : table) bytes += entry.column.RowBytes();
  return bytes;
}

void PutLayout(const TupleLayout& layout, ByteWriter* writer) {
  writer->Put<int32_t>(layout.image_px);
  writer->Put<int32_t>(layout.rgb_px);
  writer->Put<int32_t>(layout.latent_dim);
  writer->Put<int32_t>(layout.small_px);
  writer->Put<uint8_t>(layout.decoded);
  writer->Put<uint8_t>(layout.photo);
  writer->Put<uint8_t>(layout.lineage);
  writer->Put<uint8_t>(layout.rgb_rendered);
  writer->Put<uint8_t>(layout.augmented);
  for (const std::string& column : kOptionalColumns) writer->Put<uint8_t>(layout.Has(column));
}

TupleLayout GetLayout(ByteReader* reader) {
  TupleLayout layout;
  layout.image_px = reader->Get<int32_t>();
  layout.rgb_px = reader->Get<int32_t>();
  layout.latent_dim = reader->Get<int32_t>();
  layout.small_px = reader->Get<int32_t>();
  layout.decoded = reader->Get<uint8_t>() != 0;
  layout.photo = reader->Get<uint8_t>() != 0;
  layout.lineage = reader->Get<uint8_t>() != 0;
  layout.rgb_rendered = reader->Get<uint8_t>() != 0;
  layout.augmented = reader->Get<uint8_t>() != 0;
  for (const std::string& column : kOptionalColumns) {
    if (reader->Get<uint8_t>() != 0) layout.columns.push_back(column);
  }
  return layout;
}

// In the child process.
std::vector<uint8_t> ReadWhole(const std::filesystem::path& file) {
  const ShardReader reader(file);
  const TupleLayout layout = reader.Layout();
  const std::vector<TupleColumn> table = TupleColumnTable(layout);
  std::vector<uint8_t> rows, row;
  for (uint64_t i = 0; i < reader.size(); ++i) {
    const Tuple tuple = reader.ReadTuple(i);
    for (const TupleColumn& entry : table) {
      row.resize(entry.column.RowBytes());
      entry.store(tuple, row.data());
      rows.insert(rows.end(), row.begin(), row.end());
    }
  }
  ByteWriter writer;
  PutLayout(layout, &writer);
  for (const char* name : kKeptAttributes) writer.PutText(reader.TextAttribute(name));
  writer.Put<uint64_t>(reader.size());
  writer.PutVector(rows);
  return writer.Take();
}

}  // namespace

ForeignShard ForeignShard::Read(const std::filesystem::path& file) {
  const std::vector<uint8_t> bytes =
      RunIsolated(file.string(), IsolationLimits(), [&] { return ReadWhole(file); });
  ByteReader reader(bytes, file.string());
  ForeignShard shard;
  shard.file_ = file;
  shard.layout_ = GetLayout(&reader);
  for (const char* name : kKeptAttributes) shard.texts_[name] = reader.GetText();
  shard.num_rows_ = reader.Get<uint64_t>();
  shard.rows_ = reader.GetVector<uint8_t>();
  const size_t row_bytes = RowBytes(TupleColumnTable(shard.layout_));
  if (shard.rows_.size() % row_bytes != 0 || shard.rows_.size() / row_bytes != shard.num_rows_) {
    throw DataError(file.string() + ": was read to rows that do not fit its columns");
  }
  return shard;
}

Tuple ForeignShard::ReadTuple(uint64_t row) const {
  if (row >= num_rows_) {
    throw DataError(file_.string() + ": row " + std::to_string(row) + " asked for, the shard has " +
                    std::to_string(num_rows_));
  }
  const std::vector<TupleColumn> table = TupleColumnTable(layout_);
  const uint8_t* bytes = rows_.data() + row * RowBytes(table);
  Tuple tuple;
  for (const TupleColumn& entry : table) {
    entry.load(bytes, &tuple);
    bytes += entry.column.RowBytes();
  }
  return tuple;
}

std::string ForeignShard::TextAttribute(const std::string& name) const {
  const auto found = texts_.find(name);
  return found == texts_.end() ? "" : found->second;
}

}  // namespace handforge
