#include "io/shard.h"

#include "io/chunk_codec.h"
#include "io/files.h"
#include "io/foreign_shard.h"
#include "tests/io/error_matchers.h"
#include "tests/io/random_tuple.h"
#include "tests/io/temporary_folder.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

TupleLayout SmallLayout(bool decoded, int latent_dim) {
  TupleLayout layout;
  layout.image_px = 24;
  layout.rgb_px = 16;
  layout.decoded = decoded;
  layout.photo = !decoded;
  layout.latent_dim = latent_dim;
  return layout;
}

TupleLayout LayoutWithEverything() {
  TupleLayout layout = SmallLayout(false, 0);
  layout.columns = kOptionalColumns;
  return layout;
}

TupleLayout SynthesisedLayout() {
  TupleLayout layout = SmallLayout(true, 8);
  layout.lineage = true;
  layout.rgb_rendered = true;
  layout.small_px = 8;
  layout.columns = {"depth_sensor"};
  return layout;
}

ShardMetadata SomeMetadata() {
  ShardMetadata metadata;
  metadata.text = {{"generator", "handforge test"}, {"config", "a: 1\nb: \"µm\"\n"}, {"empty", ""}};
  metadata.lists = {{"gesture_names", {"fist", "Zeigen", "öffnen"}}, {"nothing", {}}};
  return metadata;
}

ShardInfo WriteShard(const fs::path& folder, const TupleLayout& layout, uint64_t rows) {
  ShardWriter writer(folder, 3, rows, layout, SomeMetadata());
  for (uint64_t row = 0; row < rows; ++row) {
    writer.Append(EncodeTuple(RandomTuple(100 + row, layout), layout, 4));
  }
  return writer.Publish();
}

// The columns of tuples as the encoder sees them: raw rows.
std::vector<std::vector<uint8_t>> RawColumns(const std::vector<Tuple>& tuples,
                                             const TupleLayout& layout) {
  const std::vector<Column> columns = TupleColumns(layout);
  std::vector<std::vector<uint8_t>> raw(columns.size());
  for (const Tuple& tuple : tuples) {
    const EncodedTuple encoded = EncodeTuple(tuple, layout, 1);
    for (size_t i = 0; i < columns.size(); ++i) {
      std::vector<uint8_t> row = encoded.columns[i];
      if (columns[i].chunk_per_row) {
        row.assign(columns[i].RowBytes(), 0);
        EXPECT_TRUE(
            DecodeChunk(encoded.columns[i], SizeOf(columns[i].type), true, row.data(), row.size()));
      }
      raw[i].insert(raw[i].end(), row.begin(), row.end());
    }
  }
  return raw;
}

void ExpectEqual(const Tuple& a, const Tuple& b) {
  const auto numbers = [](const Tuple& t) {
    return std::tie(t.seed,
                    t.index,
                    t.attempt,
                    t.image_id,
                    t.view_id,
                    t.sequence_id,
                    t.frame,
                    t.gesture,
                    t.subject,
                    t.handedness,
                    t.visible,
                    t.bbox_px,
                    t.z,
                    t.present,
                    t.labelled,
                    t.split,
                    t.source,
                    t.quality_residual_px,
                    t.quality_fit_mm,
                    t.quality_silhouette_iou,
                    t.rig.origin_in_cam_mm,
                    t.rig.rotation_xyzw,
                    t.rig.scale,
                    t.photo.exposure,
                    t.photo.red_gain,
                    t.photo.blue_gain,
                    t.photo.blur_px,
                    t.photo.shot_noise,
                    t.photo.read_noise,
                    t.photo.jpeg_quality,
                    t.other_hand,
                    t.other_rig.origin_in_cam_mm,
                    t.other_rig.rotation_xyzw,
                    t.other_rig.scale,
                    t.depth_sensor.pixels,
                    t.instance.pixels,
                    t.normals.pixels,
                    t.correspondence.pixels,
                    t.previous_px.pixels,
                    t.visible_fraction,
                    t.crop_from_cam,
                    t.picture_K,
                    t.latent_method,
                    t.parents,
                    t.quality_cycle_rgb_mm,
                    t.quality_cycle_2d_mm,
                    t.rgb_rendered.pixels,
                    t.rgb_small.pixels,
                    t.depth_small.pixels,
                    t.mask_small.pixels,
                    t.rgb.pixels,
                    t.alpha.pixels,
                    t.depth.pixels,
                    t.mask.pixels);
  };
  EXPECT_TRUE(numbers(a) == numbers(b));
  for (int i = 0; i < kMaxObjects; ++i) {
    EXPECT_EQ(a.objects[i].shape, b.objects[i].shape);
    EXPECT_EQ(a.objects[i].size_mm, b.objects[i].size_mm);
    EXPECT_EQ(a.objects[i].rotation_xyzw, b.objects[i].rotation_xyzw);
    EXPECT_EQ(a.objects[i].origin_in_cam_mm, b.objects[i].origin_in_cam_mm);
  }
  EXPECT_EQ(a.joints_in_cam, b.joints_in_cam);
  EXPECT_EQ(a.joints_px, b.joints_px);
  EXPECT_EQ(a.decoded_joints_in_cam, b.decoded_joints_in_cam);
  EXPECT_EQ(a.decoded_joints_px, b.decoded_joints_px);
  EXPECT_EQ(a.camera.K(), b.camera.K());
  EXPECT_EQ(a.camera.width_px, b.camera.width_px);
  EXPECT_EQ(a.rgb.width, b.rgb.width);
  EXPECT_EQ(a.rgb.channels, b.rgb.channels);
  EXPECT_EQ(a.depth.height, b.depth.height);
}

class ShardLayouts : public ::testing::TestWithParam<TupleLayout> {};
INSTANTIATE_TEST_SUITE_P(Layouts,
                         ShardLayouts,
                         ::testing::Values(SmallLayout(false, 0),
                                           SmallLayout(true, 0),
                                           SmallLayout(false, 8),
                                           SmallLayout(true, 30),
                                           LayoutWithEverything(),
                                           SynthesisedLayout()));

TEST_P(ShardLayouts, TuplesComeBackEqual) {
  const TemporaryFolder folder;
  const TupleLayout layout = GetParam();
  WriteShard(folder.path(), layout, 5);
  const ShardReader reader(folder / ShardFileName(3));
  ASSERT_EQ(reader.size(), 5u);
  for (uint64_t row : {4u, 0u, 2u}) {
    ExpectEqual(reader.ReadTuple(row), RandomTuple(100 + row, layout));
  }
}

TEST_P(ShardLayouts, ComeBackEqualThroughAnotherProcess) {
  const TemporaryFolder folder;
  const TupleLayout layout = GetParam();
  WriteShard(folder.path(), layout, 3);
  const ForeignShard shard = ForeignShard::Read(folder / ShardFileName(3));
  ASSERT_EQ(shard.size(), 3u);
  for (uint64_t row = 0; row < 3; ++row) {
    ExpectEqual(shard.ReadTuple(row), RandomTuple(100 + row, layout));
  }
}

TEST_P(ShardLayouts, EveryColumnComesBackAsBytes) {
  const TemporaryFolder folder;
  const TupleLayout layout = GetParam();
  WriteShard(folder.path(), layout, 4);
  std::vector<Tuple> tuples;
  for (uint64_t row = 0; row < 4; ++row) tuples.push_back(RandomTuple(100 + row, layout));
  const auto raw = RawColumns(tuples, layout);
  const ShardReader reader(folder / ShardFileName(3));
  const std::vector<Column> columns = TupleColumns(layout);
  EXPECT_EQ(reader.columns().size(), columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    SCOPED_TRACE(columns[i].name);
    const Column& stored = reader.Find(columns[i].name);
    EXPECT_EQ(stored.type, columns[i].type);
    EXPECT_EQ(stored.row_shape, columns[i].row_shape);
    EXPECT_EQ(stored.chunk_per_row, columns[i].chunk_per_row);
    EXPECT_EQ(stored.help, columns[i].help);
    const auto matches = [&](auto element) {
      using T = decltype(element);
      const std::vector<T> rows = reader.Read<T>(columns[i].name, 1, 2);
      const size_t row_bytes = columns[i].RowBytes();
      ASSERT_EQ(rows.size() * sizeof(T), 2 * row_bytes);
      EXPECT_EQ(std::memcmp(rows.data(), raw[i].data() + row_bytes, 2 * row_bytes), 0);
    };
    switch (columns[i].type) {
      case DType::kU8:
        matches(uint8_t());
        break;
      case DType::kU16:
        matches(uint16_t());
        break;
      case DType::kU32:
        matches(uint32_t());
        break;
      case DType::kU64:
        matches(uint64_t());
        break;
      case DType::kI32:
        matches(int32_t());
        break;
      case DType::kI64:
        matches(int64_t());
        break;
      case DType::kF32:
        matches(float());
        break;
    }
  }
}

// Debian's interpreter; another python3 without h5py may come first on the PATH.
constexpr char kPython[] = "/usr/bin/python3";

bool HasH5py() {
  static const bool has = std::system("/usr/bin/python3 -c 'import h5py' 2>/dev/null") == 0;
  return has;
}

const char* NumpyType(DType type) {
  switch (type) {
    case DType::kU8:
      return "u1";
    case DType::kU16:
      return "<u2";
    case DType::kU32:
      return "<u4";
    case DType::kU64:
      return "<u8";
    case DType::kI32:
      return "<i4";
    case DType::kI64:
      return "<i8";
    case DType::kF32:
      return "<f4";
  }
  return "";
}

TEST_P(ShardLayouts, H5pyReadsTheSameValues) {
  if (!HasH5py()) GTEST_SKIP() << kPython << " has no h5py (Debian: python3-h5py)";
  const TemporaryFolder folder;
  const TupleLayout layout = GetParam();
  WriteShard(folder.path(), layout, 6);
  std::vector<Tuple> tuples;
  for (uint64_t row = 0; row < 6; ++row) tuples.push_back(RandomTuple(100 + row, layout));
  const auto raw = RawColumns(tuples, layout);
  const std::vector<Column> columns = TupleColumns(layout);
  std::ofstream index(folder / "columns.txt");
  for (size_t i = 0; i < columns.size(); ++i) {
    index << columns[i].name << ' ' << NumpyType(columns[i].type) << " 6";
    for (const uint64_t extent : columns[i].row_shape) index << ',' << extent;
    index << '\n';
    std::ofstream(folder / (columns[i].name + ".raw"))
        .write(reinterpret_cast<const char*>(raw[i].data()),
               static_cast<std::streamsize>(raw[i].size()));
  }
  index.close();
  std::ofstream(folder / "attributes.json")
      << R"({"format_version": 1, "units": "mm", "generator": "handforge test", "empty": "",
             "config": "a: 1\nb: \"µm\"\n", "gesture_names": ["fist", "Zeigen", "öffnen"],
             "nothing": [], "handedness_names": ["left", "right"]})";
  const std::string command = std::string(kPython) + " " + HANDFORGE_SOURCE_DIR +
                              "/tests/io/read_shard.py " + (folder / ShardFileName(3)).string() +
                              " " + folder.path().string();
  EXPECT_EQ(std::system(command.c_str()), 0);
}

TEST(Shard, AttributesComeBack) {
  const TemporaryFolder folder;
  WriteShard(folder.path(), SmallLayout(false, 0), 1);
  const ShardReader reader(folder / ShardFileName(3));
  EXPECT_EQ(reader.TextAttribute("generator"), "handforge test");
  EXPECT_EQ(reader.TextAttribute("config"), "a: 1\nb: \"µm\"\n");
  EXPECT_EQ(reader.TextAttribute("empty"), "");
  EXPECT_EQ(reader.TextAttribute("absent"), "");
  EXPECT_EQ(reader.TextAttribute("format_version"), "1");
  EXPECT_THAT(reader.ListAttribute("gesture_names"),
              ::testing::ElementsAre("fist", "Zeigen", "öffnen"));
  EXPECT_THAT(reader.ListAttribute("nothing"), ::testing::IsEmpty());
  const ShardMetadata metadata = reader.Metadata();
  EXPECT_EQ(metadata.text.at("config"), "a: 1\nb: \"µm\"\n");
  EXPECT_EQ(metadata.text.count("units"), 0U) << "the writer adds it";
  EXPECT_EQ(metadata.lists.at("gesture_names"), reader.ListAttribute("gesture_names"));
  const std::vector<std::string> joints = reader.ListAttribute("joint_names");
  ASSERT_EQ(joints.size(), static_cast<size_t>(kNumJoints));
  for (int j = 0; j < kNumJoints; ++j) EXPECT_EQ(joints[j], kJointNames[j]);
  const std::vector<std::string> parts = reader.ListAttribute("part_names");
  ASSERT_EQ(parts.size(), 20u);
  EXPECT_EQ(parts[SegmentPart(kThumb, 0)], "thumb_metacarpal");
  EXPECT_EQ(parts[SegmentPart(kLittle, 2)], "little_distal");
  EXPECT_EQ(parts[kPartForearm], "forearm");
  EXPECT_EQ(parts[kPartObject], "object");
  EXPECT_EQ(parts[kPartOtherHand], "other_hand");
}

TEST(Shard, InfoDescribesTheFile) {
  const TemporaryFolder folder;
  const ShardInfo info = WriteShard(folder.path(), SmallLayout(true, 4), 3);
  const fs::path file = folder / info.file;
  EXPECT_EQ(info.file, "shards/00003.h5");
  EXPECT_EQ(info.bytes, fs::file_size(file));
  EXPECT_EQ(info.sha256, Sha256OfFile(file));
  EXPECT_EQ(info.first_index, 100u);
  EXPECT_EQ(info.tuples, 3u);
}

TEST(Shard, EqualRowsGiveEqualBytes) {
  const TemporaryFolder folder;
  const ShardInfo first = WriteShard(folder / "a", SmallLayout(true, 4), 3);
  ::usleep(1100 * 1000);  // time stamps of HDF5 count seconds
  const ShardInfo second = WriteShard(folder / "b", SmallLayout(true, 4), 3);
  EXPECT_EQ(first.sha256, second.sha256);
}

TEST(Shard, AbsentPicturesBecomeZeros) {
  const TemporaryFolder folder;
  const TupleLayout layout = SmallLayout(false, 0);
  Tuple tuple = RandomTuple(0, layout);
  tuple.depth = {};
  ShardWriter writer(folder.path(), 0, 1, layout, {});
  writer.Append(EncodeTuple(tuple, layout, 4));
  writer.Publish();
  const Tuple read = ShardReader(folder / ShardFileName(0)).ReadTuple(0);
  EXPECT_THAT(read.depth.pixels, ::testing::Each(0));
  EXPECT_EQ(read.rgb.pixels, tuple.rgb.pixels);
}

// Every column has a line with its name, shape and type on the format's page.
TEST(Shard, ColumnsAreDocumented) {
  const std::string page = ReadText(fs::path(HANDFORGE_SOURCE_DIR) / "io/FORMAT.md");
  const TupleLayout layout = SmallLayout(true, 30);
  for (const Column& column : TupleColumns(layout)) {
    std::string shape;
    for (const uint64_t extent : column.row_shape) {
      std::string text = std::to_string(extent);
      if (extent == static_cast<uint64_t>(layout.image_px)) text = "H";
      if (extent == static_cast<uint64_t>(layout.rgb_px)) text = "R";
      if (extent == static_cast<uint64_t>(layout.latent_dim)) text = "D";
      shape += (shape.empty() ? "" : ", ") + text;
    }
    std::string line = "| `" + column.name + "` | " + (shape.empty() ? "" : shape + " ") + "| ";
    line += DTypeName(column.type);
    EXPECT_THAT(page, HasSubstr(line + " |"));
  }
}

TEST(Shard, PictureOfAnotherSizeIsRefused) {
  const TupleLayout layout = SmallLayout(false, 0);
  Tuple tuple = RandomTuple(17, layout);
  tuple.rgb = ImageU8(15, 16, 3);
  EXPECT_THAT(MessageOf<DataError>([&] { EncodeTuple(tuple, layout, 4); }),
              AllOf(HasSubstr("tuple 17"), HasSubstr("'rgb' is 15x16x3"), HasSubstr("16x16x3")));
}

TEST(Shard, LatentCodeOfAnotherLengthIsRefused) {
  const TupleLayout layout = SmallLayout(true, 8);
  Tuple tuple = RandomTuple(17, layout);
  tuple.z.resize(7);
  EXPECT_THAT(MessageOf<DataError>([&] { EncodeTuple(tuple, layout, 4); }),
              AllOf(HasSubstr("tuple 17"), HasSubstr("'z' is 7 numbers"), HasSubstr("wants 8")));
}

// ---- Writing ------------------------------------------------------------------------------------

size_t FilesIn(const fs::path& folder) {
  size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    count += entry.is_regular_file() ? 1 : 0;
  }
  return count;
}

TEST(ShardWriter, LeavesNothingUnlessPublished) {
  const TemporaryFolder folder;
  const TupleLayout layout = SmallLayout(false, 0);
  {
    ShardWriter writer(folder.path(), 0, 2, layout, {});
    writer.Append(EncodeTuple(RandomTuple(0, layout), layout, 4));
  }
  EXPECT_EQ(FilesIn(folder.path()), 0u);
}

TEST(ShardWriter, RefusesToPublishMissingRows) {
  const TemporaryFolder folder;
  const TupleLayout layout = SmallLayout(false, 0);
  ShardWriter writer(folder.path(), 0, 2, layout, {});
  writer.Append(EncodeTuple(RandomTuple(0, layout), layout, 4));
  EXPECT_THAT(MessageOf<DataError>([&] { writer.Publish(); }),
              AllOf(HasSubstr("shards/00000.h5"), HasSubstr("only 1 of 2 rows")));
  EXPECT_EQ(FilesIn(folder.path()), 0u);
}

TEST(ShardWriter, RefusesRowsBeyondTheLast) {
  const TemporaryFolder folder;
  const TupleLayout layout = SmallLayout(false, 0);
  const EncodedTuple row = EncodeTuple(RandomTuple(0, layout), layout, 4);
  ShardWriter writer(folder.path(), 0, 1, layout, {});
  writer.Append(row);
  EXPECT_THAT(MessageOf<DataError>([&] { writer.Append(row); }), HasSubstr("one more than"));
  EXPECT_THAT(MessageOf<EnvironmentError>([&] { writer.Append(row); }),
              HasSubstr("an earlier write failed"));
  EXPECT_THAT(MessageOf<EnvironmentError>([&] { writer.Publish(); }),
              HasSubstr("an earlier write failed"));
}

TEST(ShardWriter, RefusesRowsOfAnotherLayout) {
  const TemporaryFolder folder;
  ShardWriter writer(folder.path(), 0, 1, SmallLayout(false, 0), {});
  const TupleLayout other = SmallLayout(false, 5);
  EXPECT_THAT(
      MessageOf<DataError>([&] { writer.Append(EncodeTuple(RandomTuple(0, other), other, 4)); }),
      HasSubstr("columns"));
}

TEST(ShardWriter, RefusesZeroRows) {
  const TemporaryFolder folder;
  EXPECT_THAT(
      MessageOf<UsageError>([&] { ShardWriter(folder.path(), 0, 0, SmallLayout(false, 0), {}); }),
      HasSubstr("at least one row"));
}

TEST(ShardWriter, NamesAFolderThatCannotBeMade) {
  const TemporaryFolder folder;
  std::ofstream(folder / "shards") << "a file";
  EXPECT_THAT(MessageOf<EnvironmentError>(
                  [&] { ShardWriter(folder.path(), 0, 1, SmallLayout(false, 0), {}); }),
              HasSubstr("shards"));
}

// Writes under a limit on file size, which fails as a full disk does; exits 0 where the writer
// behaved.
void WriteUnderLimit(const fs::path& folder, uint64_t limit_bytes) {
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{limit_bytes, limit_bytes};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const TupleLayout layout = SmallLayout(true, 30);
  std::string message;
  try {
    ShardWriter writer(folder, 0, 40, layout, {});
    for (uint64_t row = 0; row < 40; ++row) {
      writer.Append(EncodeTuple(RandomTuple(row, layout), layout, 4));
    }
    writer.Publish();
  } catch (const EnvironmentError& error) {
    message = error.what();
  }
  std::fprintf(stderr, "%s\n", message.c_str());
  const bool named = message.find("00000.h5") != std::string::npos;
  std::exit(named && FilesIn(folder) == 0 ? 0 : 1);
}

TEST(ShardWriterDeathTest, FullDiskIsNamedAndLeavesNothing) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  for (const uint64_t limit_bytes : {2000u, 60000u}) {
    SCOPED_TRACE(limit_bytes);
    const TemporaryFolder folder;
    EXPECT_EXIT(WriteUnderLimit(folder.path(), limit_bytes),
                ::testing::ExitedWithCode(0),
                "00000.h5: cannot be written: File too large");
  }
}

TEST(ShardWriter, ReplacesAnOlderShard) {
  const TemporaryFolder folder;
  const ShardInfo first = WriteShard(folder.path(), SmallLayout(false, 0), 1);
  const ShardInfo second = WriteShard(folder.path(), SmallLayout(false, 0), 2);
  EXPECT_NE(first.sha256, second.sha256);
  EXPECT_EQ(Sha256OfFile(folder / second.file), second.sha256);
  EXPECT_EQ(FilesIn(folder.path()), 1u);
}

TEST(ShardWriter, PublishesOnce) {
  const TemporaryFolder folder;
  const TupleLayout layout = SmallLayout(false, 0);
  ShardWriter writer(folder.path(), 0, 1, layout, {});
  writer.Append(EncodeTuple(RandomTuple(0, layout), layout, 4));
  writer.Publish();
  EXPECT_THAT(MessageOf<UsageError>([&] { writer.Publish(); }), HasSubstr("published already"));
}

// ---- Damaged and foreign files ------------------------------------------------------------------

class DamagedShard : public ::testing::Test {
 protected:
  void SetUp() override {
    WriteShard(folder_.path(), SmallLayout(false, 0), 4);
    file_ = folder_ / ShardFileName(3);
  }
  // Runs a script over the shard; tests that need it are skipped where there is no h5py.
  void Python(const std::string& body) {
    if (!HasH5py()) GTEST_SKIP() << kPython << " has no h5py (Debian: python3-h5py)";
    std::ofstream(folder_ / "edit.py") << "import h5py, numpy as np\n" << body;
    const std::string command = std::string(kPython) + " " + (folder_ / "edit.py").string();
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
  std::string Open() { return "with h5py.File('" + file_.string() + "', 'a') as f:\n  "; }

  TemporaryFolder folder_;
  fs::path file_;
};

TEST_F(DamagedShard, TruncatedAnywhereIsRefused) {
  const uint64_t size = fs::file_size(file_);
  for (const uint64_t kept : {size - 1, size / 2, uint64_t{100}, uint64_t{8}, uint64_t{0}}) {
    SCOPED_TRACE(kept);
    fs::resize_file(file_, kept);
    EXPECT_THAT(MessageOf<DataError>([&] { ShardReader reader(file_); }),
                AllOf(HasSubstr(file_.string()), HasSubstr("truncated")));
  }
}

TEST_F(DamagedShard, MissingFileIsNamed) {
  EXPECT_THAT(MessageOf<DataError>([&] { ShardReader reader(folder_ / "none.h5"); }),
              AllOf(HasSubstr("none.h5"), HasSubstr("no such file")));
}

TEST_F(DamagedShard, TextIsRefused) {
  std::ofstream(folder_ / "text.h5") << "this is no HDF5 file, whatever its name says";
  EXPECT_THAT(MessageOf<DataError>([&] { ShardReader reader(folder_ / "text.h5"); }),
              AllOf(HasSubstr("text.h5"), HasSubstr("no readable HDF5 file")));
}

TEST_F(DamagedShard, ForeignHdf5IsRefused) {
  Python("with h5py.File('" + (folder_ / "other.h5").string() +
         "', 'w') as f:\n  f['x'] = [1, 2]\n");
  if (IsSkipped()) return;
  EXPECT_THAT(MessageOf<DataError>([&] { ShardReader reader(folder_ / "other.h5"); }),
              AllOf(HasSubstr("other.h5"), HasSubstr("no handforge shard")));
}

TEST_F(DamagedShard, NewerVersionIsRefused) {
  Python(Open() + "f.attrs['format_version'] = 2\n");
  if (IsSkipped()) return;
  EXPECT_THAT(MessageOf<DataError>([&] { ShardReader reader(file_); }),
              AllOf(HasSubstr("format_version is 2"), HasSubstr("reads 1")));
}

TEST_F(DamagedShard, AnotherUnitOrOrderIsRefused) {
  Python(Open() + "f['depth'].attrs['scale_mm'] = 1.0\n");
  if (IsSkipped()) return;
  EXPECT_THAT(MessageOf<DataError>([&] { ShardReader reader(file_); }),
              AllOf(HasSubstr("column 'depth': scale_mm is 1.0"), HasSubstr("reads 0.1")));
  Python(Open() +
         "f['depth'].attrs['scale_mm'] = 0.1\n  n = list(f.attrs['joint_names'])\n"
         "  f.attrs['joint_names'] = n[::-1]\n");
  EXPECT_THAT(MessageOf<DataError>([&] { ShardReader reader(file_); }), HasSubstr("joint_names"));
}

// Chunks are read as they lie where that is how numbers lie in memory, else by HDF5.
TEST_F(DamagedShard, BigEndianNumbersAreReadAsTheyAre) {
  const Tuple before = ShardReader(file_).ReadTuple(1);
  Python(Open() +
         "d = f['depth']; v = d[:]; a = dict(d.attrs); del f['depth']\n"
         "  n = f.create_dataset('depth', data=v.astype('>u2'), chunks=(1,) + v.shape[1:],\n"
         "                       shuffle=True, compression='gzip')\n"
         "  for k in a: n.attrs[k] = a[k]\n");
  if (IsSkipped()) return;
  EXPECT_EQ(ShardReader(file_).ReadTuple(1).depth.pixels, before.depth.pixels);
}

TEST_F(DamagedShard, MissingColumnIsNamed) {
  Python(Open() + "del f['joints_2d']\n");
  if (IsSkipped()) return;
  const ShardReader reader(file_);
  EXPECT_FALSE(reader.Has("joints_2d"));
  EXPECT_THAT(MessageOf<DataError>([&] { reader.ReadTuple(0); }),
              AllOf(HasSubstr(file_.string()), HasSubstr("column 'joints_2d' is missing")));
  EXPECT_THAT(MessageOf<DataError>([&] { reader.Read<float>("joints_2d", 0, 1); }),
              HasSubstr("column 'joints_2d' is missing"));
  EXPECT_EQ(reader.Read<float>("joints_3d", 0, 4).size(), 4u * 63);
}

TEST_F(DamagedShard, ColumnOfAnotherTypeIsNamed) {
  Python(Open() + "del f['joints_3d']; f['joints_3d'] = np.zeros((4, 21, 3), 'i4')\n");
  if (IsSkipped()) return;
  const ShardReader reader(file_);
  EXPECT_THAT(MessageOf<DataError>([&] { reader.ReadTuple(0); }),
              HasSubstr("column 'joints_3d' is int32, a tuple needs float32"));
  EXPECT_THAT(MessageOf<DataError>([&] { reader.Read<float>("joints_3d", 0, 1); }),
              HasSubstr("column 'joints_3d' is int32, asked for as float32"));
}

TEST_F(DamagedShard, ColumnOfAnUnknownTypeIsNamed) {
  Python(Open() + "del f['joints_3d']; f['joints_3d'] = np.zeros((4, 21, 3), 'f8')\n");
  if (IsSkipped()) return;
  EXPECT_THAT(MessageOf<DataError>([&] { ShardReader(file_).ReadTuple(0); }),
              HasSubstr("column 'joints_3d' has a type no shard has"));
}

TEST_F(DamagedShard, ColumnOfAnotherShapeIsNamed) {
  Python(Open() + "del f['joints_3d']; f['joints_3d'] = np.zeros((4, 20, 3), 'f4')\n");
  if (IsSkipped()) return;
  EXPECT_THAT(
      MessageOf<DataError>([&] { ShardReader(file_).ReadTuple(0); }),
      AllOf(HasSubstr("column 'joints_3d' has shape {N, 20, 3}"), HasSubstr("needs {N, 21, 3}")));
}

TEST_F(DamagedShard, ColumnsOfDifferentLengthAreRefused) {
  Python(Open() + "del f['joints_3d']; f['joints_3d'] = np.zeros((5, 21, 3), 'f4')\n");
  if (IsSkipped()) return;
  EXPECT_THAT(MessageOf<DataError>([&] { ShardReader reader(file_); }),
              AllOf(HasSubstr("column 'joints_3d' has 5 rows"), HasSubstr("4")));
}

TEST_F(DamagedShard, DataOutsideTheFileAreRefused) {
  Python(Open() + "f.create_dataset('far', (4,), 'f4', external=[('elsewhere.bin', 0, 16)])\n");
  if (IsSkipped()) return;
  EXPECT_THAT(MessageOf<DataError>([&] { ShardReader reader(file_); }),
              HasSubstr("column 'far' keeps its data outside this file"));
}

TEST_F(DamagedShard, OtherStorageIsRead) {
  Python(Open() +
         "rgb = f['rgb'][...]; depth = f['depth'][...]; del f['rgb']; del f['depth']\n"
         "  f['rgb'] = rgb\n"
         "  f.create_dataset('depth', data=depth.astype('>u2'), chunks=(3, 7, 7), "
         "compression='gzip', fletcher32=True)\n");
  if (IsSkipped()) return;
  const TupleLayout layout = SmallLayout(false, 0);
  ExpectEqual(ShardReader(file_).ReadTuple(2), RandomTuple(102, layout));
}

TEST_F(DamagedShard, FlippedByteOfAPictureIsFound) {
  // The chunk of row 1 of `mask` is found by its bytes in the file.
  const TupleLayout layout = SmallLayout(false, 0);
  const EncodedTuple row = EncodeTuple(RandomTuple(101, layout), layout, 4);
  const std::string chunk(row.columns[2].begin(), row.columns[2].end());
  std::string bytes = ReadText(file_);
  const size_t at = bytes.find(chunk);
  ASSERT_NE(at, std::string::npos);
  bytes[at + chunk.size() / 2] ^= 0x10;
  std::ofstream(file_, std::ios::binary) << bytes;
  const ShardReader reader(file_);
  EXPECT_THAT(MessageOf<DataError>([&] { reader.ReadTuple(1); }),
              AllOf(HasSubstr(file_.string()), HasSubstr("column 'mask' is damaged")));
  ExpectEqual(reader.ReadTuple(0), RandomTuple(100, layout));
}

TEST(ShardReader, ReadersInSeveralThreadsSeeTheSame) {
  const TemporaryFolder folder;
  const TupleLayout layout = SmallLayout(true, 8);
  WriteShard(folder.path(), layout, 6);
  std::vector<std::thread> threads;
  std::atomic<int> equal{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const ShardReader reader(folder / ShardFileName(3));
      for (uint64_t row = 0; row < 6; ++row) {
        const bool same =
            reader.ReadTuple(row).rgb.pixels == RandomTuple(100 + row, layout).rgb.pixels;
        equal += same ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(equal, 24);
}

TEST(ShardReader, RowsOutOfRangeAreRefused) {
  const TemporaryFolder folder;
  WriteShard(folder.path(), SmallLayout(false, 0), 4);
  const ShardReader reader(folder / ShardFileName(3));
  EXPECT_TRUE(reader.Read<float>("joints_3d", 4, 0).empty());
  EXPECT_THAT(MessageOf<DataError>([&] { reader.Read<float>("joints_3d", 3, 2); }),
              HasSubstr("the shard has 4"));
  EXPECT_THAT(MessageOf<DataError>([&] { reader.Read<float>("joints_3d", 0, 5); }),
              HasSubstr("the shard has 4"));
  EXPECT_THAT(MessageOf<DataError>([&] { reader.ReadTuple(4); }), HasSubstr("the shard has 4"));
}

}  // namespace
}  // namespace handforge
