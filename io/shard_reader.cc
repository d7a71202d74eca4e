#include "io/chunk_codec.h"
#include "io/core/error.h"
#include "io/h5.h"
#include "io/row_file.h"
#include "io/shard.h"
#include "io/tuple_columns.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <utility>

namespace handforge {
namespace {

// Columns of one chunk are kept in memory once touched, unless they are larger than this: reading
// row by row would otherwise unpack the whole chunk for every row.
constexpr size_t kMaxCachedColumnBytes = size_t{256} << 20;

std::string ShapeText(const std::vector<uint64_t>& shape) {
  std::string text = "N";
  for (const uint64_t extent : shape) text += ", " + std::to_string(extent);
  return "{" + text + "}";
}

template <typename T>
struct TypeOf;
template <>
struct TypeOf<uint8_t> {
  static constexpr DType kType = DType::kU8;
};
template <>
struct TypeOf<uint16_t> {
  static constexpr DType kType = DType::kU16;
};
template <>
struct TypeOf<uint32_t> {
  static constexpr DType kType = DType::kU32;
};
template <>
struct TypeOf<uint64_t> {
  static constexpr DType kType = DType::kU64;
};
template <>
struct TypeOf<int32_t> {
  static constexpr DType kType = DType::kI32;
};
template <>
struct TypeOf<int64_t> {
  static constexpr DType kType = DType::kI64;
};
template <>
struct TypeOf<float> {
  static constexpr DType kType = DType::kF32;
};

}  // namespace

struct ShardReader::Impl {
  // An open column.
  struct Open {
    h5::DatasetInfo info;
    h5::Handle dataset;
    std::vector<uint8_t> cache;  // all rows, where `cached`
    bool cached = false;
  };

  explicit Impl(const std::filesystem::path& path)
      : file_path(path), caller(path, h5::Caller::kReading) {
    const h5::Session session;
    if (!std::filesystem::is_regular_file(path)) throw DataError(path.string() + ": no such file");
    file = h5::OpenFileToRead(caller);
    CheckVersion();
    CheckJointOrder();
    for (const std::string& name : h5::DatasetNames(caller, file)) AddColumn(name);
    if (columns.empty()) throw DataError(path.string() + ": holds no columns");
  }

  ~Impl() {
    const h5::Session session;
    opened.clear();
    file.Close();
  }

  [[noreturn]] void Fail(const std::string& text) const {
    throw DataError(file_path.string() + ": " + text);
  }

  void CheckVersion() const {
    if (!h5::HasAttribute(caller, file, "format_version")) {
      Fail("is HDF5 but no handforge shard: attribute 'format_version' is missing");
    }
    const std::vector<std::string> version = h5::ReadTexts(caller, file, "format_version");
    if (version == std::vector<std::string>{std::to_string(kFormatVersion)}) return;
    Fail("format_version is " + (version.empty() ? "empty" : version[0]) + ", this program reads " +
         std::to_string(kFormatVersion));
  }

  // What another program says otherwise would be read wrongly without a word.
  void CheckJointOrder() const {
    if (!h5::HasAttribute(caller, file, "joint_names")) return;
    const std::vector<std::string> names = h5::ReadTexts(caller, file, "joint_names");
    if (std::equal(names.begin(), names.end(), kJointNames.begin(), kJointNames.end())) return;
    Fail("joint_names are not those of the canonical order (io/FORMAT.md); put the joints into it");
  }
  void CheckUnit(const Open& open, const std::string& name) const {
    if (!h5::HasAttribute(caller, open.dataset, "scale_mm")) return;
    const double scale_mm = h5::ReadNumber(caller, open.dataset, "scale_mm");
    if (std::abs(scale_mm - kDepthUnitMm) < 1e-9) return;
    Fail("column '" + name + "': scale_mm is " + std::to_string(scale_mm) +
         ", this program reads 0.1");
  }

  void AddColumn(const std::string& name) {
    Open open;
    open.dataset = h5::OpenDataset(caller, file, name);
    open.info = h5::Describe(caller, open.dataset, name);
    const std::string column_name = "column '" + name + "' ";
    if (open.info.shape.empty()) Fail(column_name + "is a single value, expected one row a tuple");
    if (open.info.outside_storage) Fail(column_name + "keeps its data outside this file");
    if (!open.info.type) {
      untyped.push_back(name);
      return;
    }
    if (columns.empty()) num_rows = open.info.shape[0];
    if (open.info.shape[0] != num_rows) {
      Fail(column_name + "has " + std::to_string(open.info.shape[0]) + " rows, column '" +
           columns[0].name + "' " + std::to_string(num_rows));
    }
    Column column;
    column.name = name;
    column.type = *open.info.type;
    column.row_shape.assign(open.info.shape.begin() + 1, open.info.shape.end());
    column.chunk_per_row = IsRowChunked(open.info);
    if (h5::HasAttribute(caller, open.dataset, "description")) {
      const auto texts = h5::ReadTexts(caller, open.dataset, "description");
      column.help = texts.empty() ? "" : texts[0];
    }
    CheckUnit(open, name);
    columns.push_back(column);
    opened.emplace(name, std::move(open));
  }

  static bool IsRowChunked(const h5::DatasetInfo& info) {
    if (info.chunk.empty() || info.chunk[0] != 1) return false;
    return std::equal(info.chunk.begin() + 1, info.chunk.end(), info.shape.begin() + 1);
  }

  const Column& Find(const std::string& name) const {
    for (const Column& column : columns) {
      if (column.name == name) return column;
    }
    if (std::find(untyped.begin(), untyped.end(), name) != untyped.end()) {
      Fail("column '" + name +
           "' has a type no shard has; expected uint8, uint16, uint32, uint64, int32, int64 or "
           "float32");
    }
    std::string known;
    for (const Column& column : columns) known += (known.empty() ? "" : ", ") + column.name;
    Fail("column '" + name + "' is missing; the shard has " + known);
  }

  // Rows as bytes in the machine's order.
  void ReadBytes(const Column& column, uint64_t first, uint64_t count, uint8_t* out) {
    if (first > num_rows || count > num_rows - first) {
      Fail("rows " + std::to_string(first) + " to " + std::to_string(first + count) +
           " of column '" + column.name + "' asked for, the shard has " + std::to_string(num_rows));
    }
    if (count == 0) return;
    Open& open = opened.at(column.name);
    if (column.chunk_per_row && open.info.plain_deflate) {
      for (uint64_t i = 0; i < count; ++i) {
        ReadRowChunk(column, open, first + i, out + i * column.RowBytes());
      }
    } else if (Cache(column, &open)) {
      const size_t row_bytes = column.RowBytes();
      std::memcpy(out, open.cache.data() + first * row_bytes, count * row_bytes);
    } else {
      const h5::Session session;
      h5::ReadRows(caller, open.dataset, open.info, first, count, out);
    }
  }

  // The library only fetches the compressed bytes: unpacking them, the slow part, needs no lock.
  void ReadRowChunk(const Column& column, const Open& open, uint64_t row, uint8_t* out) {
    const size_t row_bytes = column.RowBytes();
    const size_t rank = 1 + column.row_shape.size();
    std::optional<std::vector<uint8_t>> chunk;
    {
      const h5::Session session;
      chunk = h5::ReadChunk(caller, open.dataset, row, rank, MostChunkBytes(row_bytes));
      if (!chunk) h5::ReadRows(caller, open.dataset, open.info, row, 1, out);
    }
    if (chunk && !DecodeChunk(*chunk, SizeOf(column.type), open.info.shuffled, out, row_bytes)) {
      Fail("row " + std::to_string(row) + " of column '" + column.name +
           "' is damaged: its compressed data do not unpack");
    }
  }

  RowFile::Rows RowsOf(const Column& column) const {
    const Open& open = opened.at(column.name);
    const size_t rank = 1 + column.row_shape.size();
    RowFile::Rows rows{column, open.info.shuffled, {}};
    const h5::Session session;
    const bool row_chunks =
        column.chunk_per_row && open.info.plain_deflate && h5::UserBlockBytes(caller, file) == 0;
    for (uint64_t row = 0; row_chunks && row < num_rows; ++row) {
      const auto place =
          h5::FindChunk(caller, open.dataset, row, rank, MostChunkBytes(column.RowBytes()));
      if (!place) break;
      rows.places.push_back({place->offset, place->bytes});
    }
    if (rows.places.size() == num_rows) return rows;
    Fail("column '" + column.name +
         "' is not stored as one deflated chunk a row, so its rows cannot "
         "be read one by one");
  }

  // Larger ones are no deflated row.
  static size_t MostChunkBytes(size_t row_bytes) { return 2 * row_bytes + 4096; }

  bool Cache(const Column& column, Open* open) {
    if (open->cached) return true;
    const size_t row_bytes = column.RowBytes();
    if (row_bytes == 0 || num_rows > kMaxCachedColumnBytes / row_bytes) return false;
    const h5::Session session;
    open->cache.resize(num_rows * row_bytes);
    h5::ReadRows(caller, open->dataset, open->info, 0, num_rows, open->cache.data());
    open->cached = true;
    return true;
  }

  // The layout a shard with these columns was written with; throws where no layout fits.
  const std::vector<TupleColumn>& Table() {
    if (table.empty()) {
      std::vector<TupleColumn> wanted = TupleColumnTable(GuessLayout());
      for (const TupleColumn& entry : wanted) CheckFits(entry.column);
      table = std::move(wanted);
    }
    return table;
  }

  TupleLayout GuessLayout() const {
    const auto extent = [this](const char* name) {
      const Column& column = Find(name);
      const uint64_t size = column.row_shape.empty() ? 0 : column.row_shape[0];
      if (size < 1 || size > 65535) {
        Fail("column '" + column.name + "' has shape " + ShapeText(column.row_shape) +
             ", which no tuple has");
      }
      return static_cast<int>(size);
    };
    TupleLayout layout;
    layout.image_px = extent("depth");
    layout.rgb_px = extent("rgb");
    layout.decoded = opened.count("alpha") > 0;
    layout.photo = opened.count("photo") > 0;
    layout.lineage = opened.count("latent_method") > 0;
    layout.rgb_rendered = opened.count("rgb_rendered") > 0;
    layout.small_px = opened.count("depth_small") > 0 ? extent("depth_small") : 0;
    layout.augmented = opened.count("augmented") > 0;
    for (const std::string& column : kOptionalColumns) {
      // A group is named by the first of its columns.
      const std::string first = column == "objects" ? "object_shape"
                                : column == "crop"  ? "crop_rotation"
                                                    : column;
      if (opened.count(first) > 0) layout.columns.push_back(column);
    }
    layout.latent_dim = opened.count("z") > 0 ? extent("z") : 0;
    return layout;
  }

  void CheckFits(const Column& wanted) const {
    const Column& column = Find(wanted.name);
    if (column.type != wanted.type) {
      Fail("column '" + wanted.name + "' is " + DTypeName(column.type) + ", a tuple needs " +
           DTypeName(wanted.type));
    }
    if (column.row_shape != wanted.row_shape) {
      Fail("column '" + wanted.name + "' has shape " + ShapeText(column.row_shape) +
           ", a tuple needs " + ShapeText(wanted.row_shape));
    }
  }

  std::filesystem::path file_path;
  h5::Caller caller;
  h5::Handle file;
  uint64_t num_rows = 0;
  std::vector<Column> columns;
  std::vector<std::string> untyped;
  std::map<std::string, Open> opened;
  std::vector<TupleColumn> table;
};

ShardReader::ShardReader(const std::filesystem::path& file) : impl_(std::make_unique<Impl>(file)) {}
ShardReader::~ShardReader() = default;
ShardReader::ShardReader(ShardReader&&) noexcept = default;
ShardReader& ShardReader::operator=(ShardReader&&) noexcept = default;

const std::filesystem::path& ShardReader::file() const { return impl_->file_path; }
uint64_t ShardReader::size() const { return impl_->num_rows; }
const std::vector<Column>& ShardReader::columns() const { return impl_->columns; }
bool ShardReader::Has(const std::string& column) const { return impl_->opened.count(column) > 0; }
const Column& ShardReader::Find(const std::string& column) const { return impl_->Find(column); }

template <typename T>
std::vector<T> ShardReader::Read(const std::string& name, uint64_t first, uint64_t count) const {
  const Column& column = impl_->Find(name);
  if (column.type != TypeOf<T>::kType) {
    impl_->Fail("column '" + name + "' is " + DTypeName(column.type) + ", asked for as " +
                DTypeName(TypeOf<T>::kType));
  }
  if (count > impl_->num_rows) {
    impl_->Fail(std::to_string(count) + " rows of column '" + name + "' asked for, the shard has " +
                std::to_string(impl_->num_rows));
  }
  std::vector<T> values(count * (column.RowBytes() / sizeof(T)));
  impl_->ReadBytes(column, first, count, reinterpret_cast<uint8_t*>(values.data()));
  return values;
}

template std::vector<uint8_t> ShardReader::Read(const std::string&, uint64_t, uint64_t) const;
template std::vector<uint16_t> ShardReader::Read(const std::string&, uint64_t, uint64_t) const;
template std::vector<uint32_t> ShardReader::Read(const std::string&, uint64_t, uint64_t) const;
template std::vector<uint64_t> ShardReader::Read(const std::string&, uint64_t, uint64_t) const;
template std::vector<int32_t> ShardReader::Read(const std::string&, uint64_t, uint64_t) const;
template std::vector<int64_t> ShardReader::Read(const std::string&, uint64_t, uint64_t) const;
template std::vector<float> ShardReader::Read(const std::string&, uint64_t, uint64_t) const;

Tuple ShardReader::ReadTuple(uint64_t row) const {
  Tuple tuple;
  std::vector<uint8_t> bytes;
  for (const TupleColumn& entry : impl_->Table()) {
    bytes.resize(entry.column.RowBytes());
    impl_->ReadBytes(impl_->Find(entry.column.name), row, 1, bytes.data());
    entry.load(bytes.data(), &tuple);
  }
  return tuple;
}

RowFile ShardReader::Rows(const std::vector<std::string>& names) const {
  std::vector<RowFile::Rows> rows;
  for (const std::string& name : names) rows.push_back(impl_->RowsOf(impl_->Find(name)));
  return {impl_->file_path, std::move(rows)};
}

TupleLayout ShardReader::Layout() const { return impl_->GuessLayout(); }

std::string ShardReader::TextAttribute(const std::string& name) const {
  const std::vector<std::string> texts = ListAttribute(name);
  return texts.empty() ? "" : texts[0];
}

std::vector<std::string> ShardReader::ListAttribute(const std::string& name) const {
  const h5::Session session;
  if (!h5::HasAttribute(impl_->caller, impl_->file, name)) return {};
  return h5::ReadTexts(impl_->caller, impl_->file, name);
}

ShardMetadata ShardReader::Metadata() const {
  const h5::Session session;
  ShardMetadata metadata;
  for (const auto& [name, is_list] : h5::TextAttributes(impl_->caller, impl_->file)) {
    const auto& fixed = kFixedAttributes;
    if (std::find(fixed.begin(), fixed.end(), name) != fixed.end()) continue;
    if (is_list) {
      metadata.lists[name] = ListAttribute(name);
    } else {
      metadata.text[name] = TextAttribute(name);
    }
  }
  return metadata;
}

}  // namespace handforge
