#include "synth/dataset_writer.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/folder_lock.h"
#include "io/h5_faults.h"
#include "io/interrupt.h"
#include "synth/task_files.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
#include "tests/synth/counting_source.h"
#include "tests/synth/synth_testing.h"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kTuples = 26;
constexpr int64_t kPerShard = 8;

TEST(WriteDataset, OneAndTwoThreadsGiveTheSameBytes) {
  const TemporaryFolder folder;
  const RenderWorld one = SmallWorld(folder / "one", kTuples, kPerShard);
  const RenderWorld two = SmallWorld(folder / "two", kTuples, kPerShard);
  const DatasetResult a = WriteSmallDataset(one, 1), b = WriteSmallDataset(two, 2);
  const auto hashes = ShardHashes(folder / "one");
  EXPECT_EQ(hashes.size(), 4u);
  EXPECT_EQ(hashes, ShardHashes(folder / "two"));
  EXPECT_EQ(a.manifest.rejections, b.manifest.rejections);
  EXPECT_EQ(ReadText(ManifestPath(folder / "one")), ReadText(ManifestPath(folder / "two")));
}

TEST(WriteDataset, KilledAtAnyMomentItIsContinuedByTheSameCommand) {
  const TemporaryFolder folder;
  const RenderWorld whole = SmallWorld(folder / "whole", kTuples, kPerShard);
  WriteSmallDataset(whole, 1);
  const auto expected = ShardHashes(folder / "whole");
  int kills = 0;
  for (const int after_ms : {30, 120, 250, 400, 600}) {
    const fs::path out = folder / ("killed" + std::to_string(after_ms));
    const RenderWorld world = SmallWorld(out, kTuples, kPerShard);
    const pid_t child = fork();
    if (child == 0) {
      WriteSmallDataset(world, 1);
      _exit(0);
    }
    usleep(static_cast<useconds_t>(after_ms) * 1000);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    kills += WIFSIGNALED(status);
    // Whatever has a final name is whole.
    if (fs::exists(out / "shards")) {
      for (const auto& entry : fs::directory_iterator(out / "shards")) {
        const std::string name = entry.path().filename();
        if (entry.path().extension() == ".h5" && name[0] != '.') {
          EXPECT_EQ(Sha256OfFile(entry.path()), expected.at(name)) << after_ms;
        }
      }
    }
    WriteSmallDataset(world, 1);
    EXPECT_EQ(ShardHashes(out), expected)
        << after_ms << " ms; no leftovers beside the shards either";
  }
  EXPECT_GE(kills, 1);
}

TEST(WriteDataset, KeepsFinishedShards) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  shared.fail_at = 25;
  DatasetJob job = CountingJob(folder / "d", 40, 1);
  EXPECT_EQ(MessageOf<DataError>([&] { WriteCounted(job, &shared); }), "planted failure");
  EXPECT_FALSE(fs::exists(ManifestPath(job.out)));
  EXPECT_FALSE(fs::exists(job.out / "shards/00002.h5"));
  shared.fail_at = UINT64_MAX;
  shared.made = 0;
  const DatasetResult result = WriteCounted(job, &shared);
  EXPECT_EQ(result.shards_reused, 2u);
  EXPECT_EQ(shared.made, 20u) << "shards 0 and 1 are not made again";
  EXPECT_EQ(result.manifest.rejections.at("planted"), 40u) << "counts of kept shards are kept";
}

TEST(WriteDataset, AnInterruptKeepsWholeShardsOnly) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  shared.interrupt_at = 17;
  const DatasetJob job = CountingJob(folder / "d", 40, 1);
  EXPECT_THROW(WriteCounted(job, &shared), Interrupted);
  RequestInterrupt(false);
  EXPECT_FALSE(fs::exists(ManifestPath(job.out)));
  for (const auto& entry : fs::directory_iterator(job.out / "shards")) {
    EXPECT_FALSE(IsTemporaryName(entry.path())) << entry.path();
  }
  shared.interrupt_at = UINT64_MAX;
  EXPECT_EQ(WriteCounted(job, &shared).manifest.count, 40u);
}

TEST(WriteDataset, ACompleteDatasetIsLeftAlone) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  const DatasetJob job = CountingJob(folder / "d", 15, 2);
  WriteCounted(job, &shared);
  shared.made = 0;
  EXPECT_TRUE(WriteCounted(job, &shared).was_complete);
  EXPECT_EQ(shared.made, 0u);
}

// A folder that holds `what` of a job refuses to go on with another configuration or seed.
void ExpectRefusesOthers(const DatasetJob& job, const std::string& what) {
  CountingSource::Shared shared;
  DatasetJob other = job;
  other.manifest.config_sha256 = std::string(64, 'b');
  EXPECT_THAT(MessageOf<UsageError>([&] { WriteCounted(other, &shared); }),
              HasSubstr("holds " + what + " with another configuration"));
  other = job;
  other.manifest.seed = 2;
  EXPECT_THAT(MessageOf<UsageError>([&] { WriteCounted(other, &shared); }),
              HasSubstr("holds " + what + " with another seed (0, wanted 2)"));
}

TEST(WriteDataset, ADamagedDatasetIsNeitherCompleteNorAppendedTo) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  DatasetJob job = CountingJob(folder / "d", 25, 1);
  WriteCounted(job, &shared);
  fs::resize_file(folder / "d" / ShardFileName(1), 1000);
  for (const bool append : {false, true}) {
    job.append = append;
    EXPECT_THAT(MessageOf<DataError>([&] { WriteCounted(job, &shared); }),
                AllOf(HasSubstr("00001.h5 is damaged"), HasSubstr("it has 1000")));
    EXPECT_EQ(Manifest::FromJson(ReadText(ManifestPath(job.out)), "d").count, 25u);
  }
}

TEST(WriteDataset, RefusesAnotherConfigurationSeedOrCount) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  const DatasetJob job = CountingJob(folder / "d", 15, 1);
  WriteCounted(job, &shared);
  ExpectRefusesOthers(job, "a dataset");
  DatasetJob other = job;
  other.manifest.count = 16;
  EXPECT_THAT(MessageOf<UsageError>([&] { WriteCounted(other, &shared); }),
              HasSubstr("another count (15, wanted 16)"));
}

TEST(WriteDataset, RefusesToMixWithUnfinishedShardsOfAnotherRun) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  shared.fail_at = 25;
  const DatasetJob job = CountingJob(folder / "d", 40, 1);
  EXPECT_THROW(WriteCounted(job, &shared), DataError);
  shared.fail_at = UINT64_MAX;
  ExpectRefusesOthers(job, "unfinished shards");
  EXPECT_EQ(WriteCounted(job, &shared).shards_reused, 2u) << "nothing was lost";
}

// What an unfinished run leaves beyond the dataset would be read by whoever globs the shards.
TEST(WriteDataset, ShardsThatNoManifestWillNameAreRemoved) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  const auto interrupted = [&](DatasetJob job, uint64_t at) {
    shared.fail_at = at;
    EXPECT_THROW(WriteCounted(job, &shared), DataError);
    shared.fail_at = UINT64_MAX;
  };
  interrupted(CountingJob(folder / "d", 60, 1), 45);  // four shards of 10 stay
  DatasetJob fewer = CountingJob(folder / "d", 20, 1);
  EXPECT_EQ(WriteCounted(fewer, &shared).shards_reused, 2u);
  EXPECT_EQ(ShardHashes(folder / "d").size(), 2u);
  EXPECT_FALSE(fs::exists(folder / "d/shards/00002.h5"));

  DatasetJob more = CountingJob(folder / "d", 60, 1);
  more.append = true;
  interrupted(more, 55);
  fewer.append = true;
  EXPECT_EQ(WriteCounted(fewer, &shared).manifest.count, 40u);
  EXPECT_FALSE(fs::exists(folder / "d/shards/00004.h5"));

  interrupted(CountingJob(folder / "large", 60, 1), 45);
  DatasetJob larger = CountingJob(folder / "large", 60, 1);
  larger.tuples_per_shard = 30;
  EXPECT_EQ(WriteCounted(larger, &shared).manifest.shards.size(), 2u);
  EXPECT_FALSE(fs::exists(folder / "large/shards/00002.h5"));
}

TEST(WriteDataset, TellsHowMuchThereIsToDo) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  std::pair<uint64_t, uint64_t> told;
  const auto job = [&](const char* name) {
    DatasetJob counted = CountingJob(folder / name, 45, 1);
    counted.begin = [&](uint64_t total, uint64_t done) { told = {total, done}; };
    return counted;
  };
  shared.fail_at = 25;
  EXPECT_THROW(WriteCounted(job("d"), &shared), DataError);
  EXPECT_EQ(told, std::make_pair(uint64_t{45}, uint64_t{0}));
  shared.fail_at = UINT64_MAX;
  WriteCounted(job("d"), &shared);
  EXPECT_EQ(told, std::make_pair(uint64_t{45}, uint64_t{20}));
  DatasetJob task = job("tasks");
  task.shards = ShardRange{3, 5};
  WriteCounted(task, &shared);
  EXPECT_EQ(told, std::make_pair(uint64_t{15}, uint64_t{0})) << "the last shard holds five";
}

TEST(WriteDataset, ADamagedShardIsMadeAgain) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  shared.fail_at = 25;
  const DatasetJob job = CountingJob(folder / "d", 40, 1);
  EXPECT_THROW(WriteCounted(job, &shared), DataError);
  const fs::path shard = job.out / "shards/00001.h5";
  std::string bytes = ReadText(shard);
  bytes[bytes.size() / 2] ^= 1;
  PublishText(shard, bytes);
  shared.fail_at = UINT64_MAX;
  EXPECT_EQ(WriteCounted(job, &shared).shards_reused, 1u);
}

TEST(WriteDataset, BoundsWhatIsInFlight) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  WriteCounted(CountingJob(folder / "d", 400, 2), &shared);
  EXPECT_LE(shared.most_in_flight, 2) << "no more workers than threads";
}

TEST(WriteDataset, RefusesASecondWriter) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  const FolderLock lock(folder.path());
  const DatasetJob job = CountingJob(folder.path(), 15, 1);
  EXPECT_THAT(MessageOf<EnvironmentError>([&] { WriteCounted(job, &shared); }),
              HasSubstr("written by another process"));
}

TEST(WriteDataset, RefusesASecondWriterOfTheSameShardsOnly) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  DatasetJob job = CountingJob(folder.path(), 40, 1);
  const FolderLock lock(folder.path(), 1, 3);
  job.shards = ShardRange{2, 4};
  EXPECT_THAT(MessageOf<EnvironmentError>([&] { WriteCounted(job, &shared); }),
              HasSubstr("one of the shards 2-3 is being written by another process"));
  job.shards = ShardRange{3, 4};
  EXPECT_EQ(WriteCounted(job, &shared).tuples_made, 10u);
  job.shards.reset();
  EXPECT_THROW(WriteCounted(job, &shared), EnvironmentError) << "the whole overlaps its parts";
}

TEST(WriteDataset, ATaskOfAnotherSeedIsRefusedAndNamed) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  DatasetJob job = CountingJob(folder / "d", 40, 1);
  job.shards = ShardRange{0, 2};
  WriteCounted(job, &shared);
  DatasetJob other = job;
  other.manifest.seed = job.manifest.seed + 1;
  other.shards = ShardRange{2, 4};
  EXPECT_THAT(MessageOf<UsageError>([&] { WriteCounted(other, &shared); }),
              AllOf(HasSubstr("another seed"), HasSubstr("shards/00000.h5")));
  job.shards = ShardRange{2, 4};
  EXPECT_EQ(WriteCounted(job, &shared).tuples_made, 20u);
}

// Its manifest would go on naming shards that the other count's tasks replace.
TEST(WriteDataset, ATaskOfAnotherCountIsRefusedAndNamed) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  DatasetJob job = CountingJob(folder / "d", 15, 1);
  job.shards = ShardRange{0, 2};
  WriteCounted(job, &shared);
  for (const uint64_t count : {uint64_t{40}, uint64_t{10}}) {
    DatasetJob other = CountingJob(folder / "d", count, 1);
    other.task = TaskOfRun{0, 1};
    EXPECT_THAT(MessageOf<UsageError>([&] { WriteCounted(other, &shared); }),
                HasSubstr("another count (15, wanted " + std::to_string(count) + ")"));
  }
}

TEST(WriteDataset, ASmallerRunKeepsWhatTasksOfALargerOneMade) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  DatasetJob job = CountingJob(folder / "d", 40, 1);
  job.task = TaskOfRun{1, 2};
  WriteCounted(job, &shared);
  const auto before = ShardHashes(folder / "d");
  const DatasetJob smaller = CountingJob(folder / "d", 10, 1);
  EXPECT_THAT(MessageOf<UsageError>([&] { WriteCounted(smaller, &shared); }),
              HasSubstr("another count (40, wanted 10)"));
  EXPECT_EQ(ShardHashes(folder / "d"), before);
  EXPECT_GT(WriteCounted(CountingJob(folder / "d", 45, 1), &shared).shards_reused, 0u)
      << "a larger one goes on with them";
}

TEST(WriteDataset, ShardsOfNoKnownRunAreLeftAlone) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  WriteCounted(CountingJob(folder / "d", 35, 1), &shared);
  const auto before = ShardHashes(folder / "d");
  fs::rename(ManifestPath(folder / "d"), folder / "elsewhere.json");
  DatasetJob other = CountingJob(folder / "d", 12, 1);
  ++other.manifest.seed;
  EXPECT_THAT(MessageOf<UsageError>([&] { WriteCounted(other, &shared); }),
              AllOf(HasSubstr("00000.h5 is a shard of another run"), HasSubstr("no dataset.json")));
  EXPECT_EQ(ShardHashes(folder / "d"), before);
  other.task = TaskOfRun{0, 2};
  EXPECT_THAT(MessageOf<UsageError>([&] { WriteCounted(other, &shared); }),
              HasSubstr("00000.h5 is a shard of another run"));
  EXPECT_EQ(ShardHashes(folder / "d"), before);
}

TEST(WriteDataset, AppendingLeavesUnnamedShardsOfOthersAlone) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  DatasetJob job = CountingJob(folder / "d", 12, 1);
  WriteCounted(job, &shared);
  PublishText(folder / "d" / ShardFileName(7), "precious");
  job.append = true;
  EXPECT_THAT(MessageOf<UsageError>([&] { WriteCounted(job, &shared); }),
              HasSubstr("00007.h5 is a shard of another run"));
  EXPECT_EQ(ReadText(folder / "d" / ShardFileName(7)), "precious");
}

TEST(WriteDataset, ATaskManifestBeyondTheRunIsLeftAside) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  DatasetJob job = CountingJob(folder / "d", 40, 1);
  job.shards = ShardRange{0, 2};
  WriteCounted(job, &shared);
  const fs::path path = TaskManifestPath(folder / "d", {0, 2});
  TaskManifest task = TaskManifest::FromJson(ReadText(path), path);
  task.run.shards[1].first_index = job.tuples_per_shard << 31;  // the number of a shard is an int
  PublishText(path, task.ToJson());
  for (const int shard : RecordedShards(folder / "d")) {
    fs::remove((folder / "d" / ShardFileName(shard)).replace_extension(".json"));
  }
  job.shards.reset();
  EXPECT_EQ(WriteCounted(job, &shared).shards_reused, 1u);
}

TEST(WriteDataset, AppendingGivesTheRowsOfOneLargerRun) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  WriteCounted(CountingJob(folder / "whole", 40, 1), &shared);
  WriteCounted(CountingJob(folder / "grown", 20, 1), &shared);
  DatasetJob more = CountingJob(folder / "grown", 20, 1);
  more.append = true;
  // Killed on the way, the dataset is what it was; the same command completes it.
  shared.fail_at = 33;
  EXPECT_THROW(WriteCounted(more, &shared), DataError);
  EXPECT_EQ(Dataset(folder / "grown").size(), 20u);
  shared.fail_at = UINT64_MAX;
  const DatasetResult result = WriteCounted(more, &shared);
  EXPECT_EQ(result.shards_reused, 1u);
  EXPECT_EQ(result.tuples_made, 10u);
  EXPECT_EQ(ShardHashes(folder / "grown"), ShardHashes(folder / "whole"));
  EXPECT_EQ(ReadText(ManifestPath(folder / "grown")), ReadText(ManifestPath(folder / "whole")));
}

TEST(WriteDataset, AppendsBehindAShardThatIsNotFull) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  DatasetJob job = CountingJob(folder / "d", 7, 1);
  WriteCounted(job, &shared);
  job.append = true;
  for (uint64_t total : {14u, 21u}) {
    EXPECT_EQ(WriteCounted(job, &shared).manifest.count, total);
  }
  const Dataset dataset(folder / "d");
  ASSERT_EQ(dataset.manifest().shards.size(), 3u);
  for (size_t shard = 0; shard < 3; ++shard) {
    const ShardReader reader = dataset.OpenShard(shard);
    ASSERT_EQ(reader.size(), 7u);
    for (uint64_t row = 0; row < 7; ++row) EXPECT_EQ(reader.ReadTuple(row).index, 7 * shard + row);
  }
}

TEST(WriteDataset, AppendsOnlyToWhatTheSameRunMade) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  DatasetJob job = CountingJob(folder / "d", 10, 1);
  job.append = true;
  EXPECT_THAT(MessageOf<UsageError>([&] { WriteCounted(job, &shared); }),
              HasSubstr("no complete dataset to append to"));
  job.append = false;
  WriteCounted(job, &shared);
  job.append = true;
  job.manifest.config_sha256 = std::string(64, 'b');
  EXPECT_THAT(MessageOf<UsageError>([&] { WriteCounted(job, &shared); }),
              HasSubstr("another configuration"));
}

TEST(WriteDataset, TellsTheSizeToExpectAndRefusesADiskTooSmall) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  DatasetJob job = CountingJob(folder / "d", 40, 1);
  uint64_t expected = 0;
  job.preflight = [&](uint64_t bytes, uint64_t) { expected = bytes; };
  const DatasetResult result = WriteCounted(job, &shared);
  EXPECT_EQ(shared.made, 40u) << "the block that was weighed is used";
  uint64_t raw_rows = 0;
  for (const Column& column : TupleColumns(job.manifest.layout)) {
    if (!column.chunk_per_row) raw_rows += 40 * column.RowBytes();
  }
  EXPECT_GT(expected, raw_rows);
  job = CountingJob(folder / "huge", uint64_t{1} << 40, 1);
  job.tuples_per_shard = uint64_t{1} << 30;
  EXPECT_THAT(MessageOf<EnvironmentError>([&] { WriteCounted(job, &shared); }),
              ::testing::AllOf(HasSubstr("tuples need about"), HasSubstr("MiB free")));
}

TEST(WriteDataset, AFolderRemovedMeanwhileIsAnErrorAndMadeAgain) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  const DatasetJob job = CountingJob(folder / "d", 40, 1);
  shared.before = [&](uint64_t index) {
    if (index == 25) fs::remove_all(folder / "d");
  };
  EXPECT_THAT(MessageOf<EnvironmentError>([&] { WriteCounted(job, &shared); }),
              HasSubstr((folder / "d").string()));
  EXPECT_FALSE(fs::exists(ManifestPath(job.out)));
  shared.before = nullptr;
  EXPECT_EQ(WriteCounted(job, &shared).manifest.count, 40u);
}

TEST(WriteDataset, OutOfMemoryInAStageLosesNothing) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  const DatasetJob job = CountingJob(folder / "d", 40, 2);
  shared.out_of_memory_at = 31;
  EXPECT_THROW(WriteCounted(job, &shared), std::bad_alloc);
  shared.out_of_memory_at = UINT64_MAX;
  EXPECT_GE(WriteCounted(job, &shared).shards_reused, 1u);
}

TEST(WriteDataset, AnHdf5ErrorInAnyCallLosesNothing) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  WriteCounted(CountingJob(folder / "whole", 20, 1), &shared);
  const auto expected = ShardHashes(folder / "whole");
  int64_t calls = 0;
  for (bool failed = true; failed;) {
    const DatasetJob job = CountingJob(folder / "d", 20, 1);
    FailHdf5CallAfter(++calls);
    try {
      WriteCounted(job, &shared);
    } catch (const EnvironmentError& e) {
      EXPECT_THAT(e.what(), HasSubstr(".h5: ")) << "call " << calls;
    }
    failed = Hdf5CallFailed();
    FailHdf5CallAfter(0);
    ASSERT_EQ(fs::exists(ManifestPath(job.out)), !failed) << "call " << calls;
    for (const auto& [name, hash] : ShardHashes(job.out)) {
      if (fs::path(name).extension() != ".h5") continue;
      ASSERT_EQ(hash, expected.at(name)) << calls;
    }
    WriteCounted(job, &shared);
    ASSERT_EQ(ShardHashes(job.out), expected) << "call " << calls;
    fs::remove_all(job.out);
  }
  EXPECT_GT(calls, 500) << "every column and attribute of both shards is a call or more";
}

TEST(WriteDataset, NamesAFolderThatCannotBeWritten) {
  const TemporaryFolder folder;
  PublishText(folder / "file", "in the way");
  CountingSource::Shared shared;
  const DatasetJob job = CountingJob(folder / "file", 15, 1);
  EXPECT_THAT(MessageOf<EnvironmentError>([&] { WriteCounted(job, &shared); }),
              HasSubstr((folder / "file").string()));
}

}  // namespace
}  // namespace handforge
