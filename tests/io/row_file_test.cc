#include "io/row_file.h"

#include "io/chunk_codec.h"
#include "io/files.h"
#include "tests/io/error_matchers.h"
#include "tests/io/random_tuple.h"
#include "tests/io/temporary_folder.h"

#include <atomic>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uint64_t kRows = 12;

TupleLayout SmallLayout() {
  TupleLayout layout;
  layout.image_px = 24;
  layout.rgb_px = 16;
  return layout;
}

std::filesystem::path WriteRandomShard(const std::filesystem::path& folder) {
  EnsureWritableFolder(folder / "shards");
  ShardWriter writer(folder, 0, kRows, SmallLayout(), ShardMetadata());
  for (uint64_t row = 0; row < kRows; ++row) {
    writer.Append(EncodeTuple(RandomTuple(row, SmallLayout()), SmallLayout(), 4));
  }
  return folder / writer.Publish().file;
}

std::vector<std::vector<uint8_t>> ByReader(const ShardReader& shard, uint64_t row) {
  const std::vector<uint16_t> depth = shard.Read<uint16_t>("depth", row, 1);
  const auto* bytes = reinterpret_cast<const uint8_t*>(depth.data());
  return {shard.Read<uint8_t>("mask", row, 1),
          {bytes, bytes + sizeof(uint16_t) * depth.size()},
          shard.Read<uint8_t>("rgb", row, 1)};
}

// Of three columns.
std::vector<std::vector<uint8_t>> ByFile(const RowFile& rows, uint64_t row) {
  return {rows.Read(0, row), rows.Read(1, row), rows.Read(2, row)};
}

class RowFileTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  std::filesystem::path file_ = WriteRandomShard(folder_.path());
};

TEST_F(RowFileTest, ReadsWhatTheShardReaderReads) {
  const ShardReader shard(file_);
  const RowFile rows = shard.Rows({"mask", "depth", "rgb"});
  for (uint64_t row = kRows; row-- > 0;) EXPECT_EQ(ByFile(rows, row), ByReader(shard, row)) << row;
}

TEST_F(RowFileTest, OutlivesItsReaderAndServesManyThreads) {
  std::vector<std::vector<std::vector<uint8_t>>> wanted;
  const RowFile rows = [&] {
    const ShardReader shard(file_);
    for (uint64_t row = 0; row < kRows; ++row) wanted.push_back(ByReader(shard, row));
    return shard.Rows({"mask", "depth", "rgb"});
  }();
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (uint64_t first = 0; first < 4; ++first) {
    threads.emplace_back([&, first] {
      for (uint64_t i = 0; i < 5 * kRows; ++i) {
        const uint64_t row = (first + i) % kRows;
        wrong += ByFile(rows, row) != wanted[row];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(RowFileTest, ColumnsOfOneChunkAreRefused) {
  const ShardReader shard(file_);
  EXPECT_THAT(MessageOf<DataError>([&] {
                shard.Rows({"rgb", "joints_3d"});
              }),
              AllOf(HasSubstr(file_.string()), HasSubstr("'joints_3d'"), HasSubstr("chunk a row")));
  EXPECT_THAT(MessageOf<DataError>([&] { shard.Rows({"colour"}); }),
              HasSubstr("'colour' is missing"));
}

TEST_F(RowFileTest, DamageIsNamed) {
  const RowFile rows = ShardReader(file_).Rows({"rgb"});
  std::filesystem::resize_file(file_, 2000);
  int damaged = 0;
  for (uint64_t row = 0; row < kRows; ++row) {
    const std::string message = MessageOf<DataError>([&] { rows.Read(0, row); });
    if (message == "(nothing was thrown)") continue;
    EXPECT_THAT(message,
                AllOf(HasSubstr(file_.string()),
                      HasSubstr("row " + std::to_string(row) + " of column 'rgb' is damaged")));
    ++damaged;
  }
  EXPECT_GT(damaged, 0);
  std::filesystem::remove(file_);
  EXPECT_THAT(MessageOf<DataError>([&] { rows.Read(0, 0); }),
              AllOf(HasSubstr(file_.string()), HasSubstr("cannot be opened")));
}

}  // namespace
}  // namespace handforge
