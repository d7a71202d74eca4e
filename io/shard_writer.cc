#include "io/chunk_codec.h"
#include "io/core/error.h"
#include "io/files.h"
#include "io/h5.h"
#include "io/shard.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <system_error>
#include <utility>

namespace handforge {
namespace fs = std::filesystem;
namespace {

// For the columns whose one chunk the writer compresses itself.
constexpr int kDeflateLevel = 4;

constexpr char kConventions[] =
    "Camera frame: x right, y down, z forward, right-handed, millimetres. "
    "Integer pixel coordinates are pixel centres: an image of width W spans -0.5 to W - 0.5. "
    "depth, mask, joints_2d, bbox and K share one pixel grid; rgb and alpha cover the same field "
    "of "
    "view on their own grid, x_rgb = (x + 0.5) * W_rgb / W - 0.5. "
    "depth is z along the optical axis in units of scale_mm, 0 = background. "
    "mask holds part ids (part_names), 18 and above other objects. "
    "visible holds positions in visibility_names, 255 = unknown.";

std::vector<std::string> JointNames() { return {kJointNames.begin(), kJointNames.end()}; }

std::vector<std::string> PartNames() {
  std::vector<std::string> names = {"background", "palm"};
  for (int finger = 0; finger < kNumFingers; ++finger) {
    const bool thumb = finger == kThumb;
    for (const char* segment :
         {thumb ? "metacarpal" : "proximal", thumb ? "proximal" : "intermediate", "distal"}) {
      names.push_back(std::string(kFingerNames[finger]) + "_" + segment);
    }
  }
  names.insert(names.end(), {"forearm", "object", "other_hand"});
  return names;
}

std::vector<int32_t> EdgeNumbers() {
  std::vector<int32_t> numbers;
  for (const auto& [parent, child] : Edges()) numbers.insert(numbers.end(), {parent, child});
  return numbers;
}

// What every shard says about itself, whatever made it: kFixedAttributes.
void WriteFixedAttributes(const h5::Caller& caller, const h5::Handle& file) {
  h5::WriteIntegers(caller, file, "format_version", {}, {kFormatVersion});
  h5::WriteText(caller, file, "units", "mm");
  h5::WriteText(caller, file, "conventions", kConventions);
  h5::WriteList(caller, file, "joint_names", JointNames());
  h5::WriteIntegers(caller, file, "edges", {kNumEdges, 2}, EdgeNumbers());
  h5::WriteList(caller, file, "part_names", PartNames());
  h5::WriteList(caller,
                file,
                "visibility_names",
                {"out_of_frame",
                 "visible",
                 "hidden_by_hand",
                 "hidden_by_arm",
                 "hidden_by_occluder",
                 "hidden_by_other_hand",
                 "hidden"});
  h5::WriteList(caller, file, "handedness_names", {"left", "right"});
  h5::WriteList(caller, file, "split_names", {"train", "validation", "test"});
  h5::WriteList(caller, file, "source_names", {"rendered", "decoded", "imported", "pseudo"});
  h5::WriteList(caller,
                file,
                "present_bits",
                {"rgb", "depth", "mask", "joints_3d", "joints_2d", "alpha", "rig", "z"});
}

void WriteMetadata(const h5::Caller& caller,
                   const h5::Handle& file,
                   const ShardMetadata& metadata) {
  for (const auto& [name, text] : metadata.text) h5::WriteText(caller, file, name, text);
  for (const auto& [name, list] : metadata.lists) h5::WriteList(caller, file, name, list);
}

h5::Handle CreateColumn(const h5::Caller& caller,
                        const h5::Handle& file,
                        const Column& column,
                        uint64_t num_rows) {
  std::vector<hsize_t> shape = {num_rows};
  shape.insert(shape.end(), column.row_shape.begin(), column.row_shape.end());
  std::vector<hsize_t> chunk = shape;
  if (column.chunk_per_row) chunk[0] = 1;
  h5::Handle dataset =
      h5::CreateChunkedDataset(caller, file, column.name, column.type, shape, chunk, kDeflateLevel);
  h5::WriteText(caller, dataset, "description", column.help);
  if (column.name == "depth" || column.name == "depth_sensor")
    h5::WriteNumber(caller, dataset, "scale_mm", kDepthUnitMm);
  return dataset;
}

fs::path MakeShardFolder(const fs::path& shard_path) {
  std::error_code error;
  fs::create_directories(shard_path.parent_path(), error);
  if (error) {
    throw EnvironmentError(shard_path.parent_path().string() +
                           ": cannot be created: " + error.message());
  }
  return shard_path;
}

}  // namespace

const std::vector<std::string> kFixedAttributes = {"format_version",
                                                   "units",
                                                   "conventions",
                                                   "joint_names",
                                                   "edges",
                                                   "part_names",
                                                   "visibility_names",
                                                   "handedness_names",
                                                   "split_names",
                                                   "source_names",
                                                   "present_bits"};

struct ShardWriter::Impl {
  Impl(const fs::path& dataset_folder, int shard, uint64_t rows, const TupleLayout& layout)
      : name(ShardFileName(shard)),
        path(MakeShardFolder(dataset_folder / name)),
        num_rows(rows),
        columns(TupleColumns(layout)),
        caller(path, h5::Caller::kWriting),
        whole_columns(columns.size()) {}

  // Runs a step of writing; after a failure the shard is given up for good.
  void Guarded(const std::function<void()>& step) {
    if (published) throw UsageError(path.string() + ": is published already");
    if (failed) {
      throw EnvironmentError(path.string() + ": an earlier write failed; nothing more is written");
    }
    failed = true;
    step();
    failed = false;
  }

  void Create(const ShardMetadata& metadata) {
    const h5::Session session;
    file = h5::CreateFileInMemory(caller);
    WriteFixedAttributes(caller, file);
    WriteMetadata(caller, file, metadata);
    for (const Column& column : columns) {
      datasets.push_back(CreateColumn(caller, file, column, num_rows));
    }
  }

  void CheckRow(const EncodedTuple& tuple) const {
    const std::string row = path.string() + ": tuple " + std::to_string(tuple.index);
    if (appended == num_rows) {
      throw DataError(row + " is one more than the shard's " + std::to_string(num_rows) + " rows");
    }
    if (tuple.columns.size() != columns.size()) {
      throw DataError(row + " has " + std::to_string(tuple.columns.size()) +
                      " columns, the shard's layout " + std::to_string(columns.size()));
    }
    for (size_t i = 0; i < columns.size(); ++i) {
      const bool fits =
          columns[i].chunk_per_row || tuple.columns[i].size() == columns[i].RowBytes();
      if (fits) continue;
      throw DataError(row + ": column '" + columns[i].name + "' has " +
                      std::to_string(tuple.columns[i].size()) + " bytes a row, the shard's " +
                      std::to_string(columns[i].RowBytes()));
    }
  }

  void AppendRow(const EncodedTuple& tuple) {
    CheckRow(tuple);
    const h5::Session session;
    for (size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].chunk_per_row) {
        const size_t rank = 1 + columns[i].row_shape.size();
        h5::WriteChunk(caller, datasets[i], appended, rank, tuple.columns[i]);
      } else {
        std::vector<uint8_t>& whole = whole_columns[i];
        whole.insert(whole.end(), tuple.columns[i].begin(), tuple.columns[i].end());
      }
    }
    if (appended == 0) first_index = tuple.index;
    ++appended;
  }

  void WriteWholeColumns() {
    for (size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].chunk_per_row) continue;
      const std::vector<uint8_t>& whole = whole_columns[i];
      const std::vector<uint8_t> chunk =
          EncodeChunk(whole.data(), whole.size(), SizeOf(columns[i].type), kDeflateLevel);
      h5::WriteChunk(caller, datasets[i], 0, 1 + columns[i].row_shape.size(), chunk);
    }
  }

  // The whole shard as bytes; frees what it was made from.
  std::vector<uint8_t> Finish() {
    if (appended != num_rows) {
      throw DataError(path.string() + ": only " + std::to_string(appended) + " of " +
                      std::to_string(num_rows) + " rows were appended");
    }
    const h5::Session session;
    WriteWholeColumns();
    datasets.clear();
    std::vector<uint8_t> image = h5::FileImage(caller, file);
    file.Close();
    return image;
  }

  std::string name;  // relative to the dataset folder
  fs::path path;
  uint64_t num_rows;
  std::vector<Column> columns;
  h5::Caller caller;
  h5::Handle file;
  std::vector<h5::Handle> datasets;                 // per column
  std::vector<std::vector<uint8_t>> whole_columns;  // raw rows of the columns of one chunk
  uint64_t appended = 0;
  uint64_t first_index = 0;
  bool failed = false;
  bool published = false;
};

ShardWriter::ShardWriter(const fs::path& dataset_folder,
                         int shard,
                         uint64_t num_rows,
                         const TupleLayout& layout,
                         const ShardMetadata& metadata) {
  if (num_rows == 0) {
    throw UsageError((dataset_folder / ShardFileName(shard)).string() +
                     ": a shard needs at least one row");
  }
  impl_ = std::make_unique<Impl>(dataset_folder, shard, num_rows, layout);
  impl_->Guarded([&] { impl_->Create(metadata); });
}

ShardWriter::~ShardWriter() = default;

void ShardWriter::Append(const EncodedTuple& tuple) {
  impl_->Guarded([&] { impl_->AppendRow(tuple); });
}

ShardInfo ShardWriter::Publish() {
  ShardInfo info;
  impl_->Guarded([&] {
    const std::vector<uint8_t> image = impl_->Finish();
    info.file = impl_->name;
    info.sha256 = Sha256(image.data(), image.size());
    info.bytes = image.size();
    info.first_index = impl_->first_index;
    info.tuples = impl_->num_rows;
    PublishBytes(impl_->path, image.data(), image.size());
    impl_->published = true;
  });
  return info;
}

std::string ShardFileName(int shard) {
  char name[32];
  std::snprintf(name, sizeof name, "shards/%05d.h5", shard);
  return name;
}

}  // namespace handforge
