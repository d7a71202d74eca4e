#include "synth/dataset_writer.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/interrupt.h"
#include "synth/folder_lock.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
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
using ::testing::HasSubstr;

constexpr int64_t kTuples = 26;
constexpr int64_t kPerShard = 8;

// A source that costs nothing, counts its calls and can be told to fail.
class CountingSource : public TupleSource {
 public:
  struct Shared {
    std::atomic<int> in_flight{0};
    std::atomic<int> most_in_flight{0};
    std::atomic<uint64_t> made{0};
    uint64_t fail_at = UINT64_MAX;
    uint64_t interrupt_at = UINT64_MAX;
  };
  explicit CountingSource(Shared* shared) : shared_(*shared) {}

  void Make(uint64_t first,
            uint64_t count,
            std::vector<Tuple>* tuples,
            Rejections* rejections) override {
    const int now = ++shared_.in_flight;
    int most = shared_.most_in_flight;
    while (now > most && !shared_.most_in_flight.compare_exchange_weak(most, now)) {
    }
    tuples->assign(count, Tuple());
    for (uint64_t i = 0; i < count; ++i) {
      Tuple& t = (*tuples)[i];
      t.index = first + i;
      t.camera = PinholeCamera::Centred(32, 50);
      t.rgb = ImageU8(32, 32, 3, static_cast<uint8_t>(first + i));
      t.depth = ImageU16(32, 32);
      t.mask = ImageU8(32, 32);
      if (t.index == shared_.fail_at) throw DataError("planted failure");
      if (t.index == shared_.interrupt_at) RequestInterrupt(true);
    }
    (*rejections)["planted"] += count;
    shared_.made += count;
    --shared_.in_flight;
  }

 private:
  Shared& shared_;
};

DatasetJob CountingJob(const fs::path& out, uint64_t count, int threads) {
  DatasetJob job;
  job.out = out;
  job.tuples_per_shard = 10;
  job.tuples_per_block = 4;
  job.threads = threads;
  job.manifest.command = "render";
  job.manifest.generator = "test";
  job.manifest.count = count;
  job.manifest.layout.image_px = job.manifest.layout.rgb_px = 32;
  job.manifest.config_sha256 = std::string(64, 'a');
  return job;
}

DatasetResult WriteCounted(const DatasetJob& job, CountingSource::Shared* shared) {
  return WriteDataset(job, [shared] { return std::make_unique<CountingSource>(shared); });
}

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

TEST(WriteDataset, RefusesAnotherConfigurationSeedOrCount) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  DatasetJob job = CountingJob(folder / "d", 15, 1);
  WriteCounted(job, &shared);
  DatasetJob other = job;
  other.manifest.config_sha256 = std::string(64, 'b');
  EXPECT_THAT(MessageOf<UsageError>([&] { WriteCounted(other, &shared); }),
              HasSubstr("another configuration"));
  other = job;
  other.manifest.seed = 2;
  EXPECT_THAT(MessageOf<UsageError>([&] { WriteCounted(other, &shared); }),
              HasSubstr("another seed (0, wanted 2)"));
  other = job;
  other.manifest.count = 16;
  EXPECT_THAT(MessageOf<UsageError>([&] { WriteCounted(other, &shared); }),
              HasSubstr("another count (15, wanted 16)"));
}

TEST(WriteDataset, ShardsOfAnotherConfigurationAreMadeAgain) {
  const TemporaryFolder folder;
  CountingSource::Shared shared;
  shared.fail_at = 25;
  DatasetJob job = CountingJob(folder / "d", 40, 1);
  EXPECT_THROW(WriteCounted(job, &shared), DataError);
  shared.fail_at = UINT64_MAX;
  job.manifest.config_sha256 = std::string(64, 'b');
  EXPECT_EQ(WriteCounted(job, &shared).shards_reused, 0u);
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
