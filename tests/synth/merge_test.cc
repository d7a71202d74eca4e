#include "synth/merge.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/interrupt.h"
#include "synth/task_files.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
#include "tests/synth/counting_source.h"
#include "tests/synth/synth_testing.h"

#include <gmock/gmock.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr uint64_t kTuples = 57;  // six shards, the last one not full

class Merge : public ::testing::Test {
 protected:
  void Write(const DatasetJob& job) { WriteCounted(job, &shared_); }
  void WriteTasks(const fs::path& out, int tasks, int threads) {
    DatasetJob job = CountingJob(out, kTuples, threads);
    for (int task = tasks - 1; task >= 0; --task) {
      job.task = TaskOfRun{task, tasks};
      Write(job);
    }
  }
  void ExpectSameDataset(const fs::path& a, const fs::path& b) {
    EXPECT_EQ(ShardHashes(a), ShardHashes(b));
    EXPECT_EQ(ReadText(ManifestPath(a)), ReadText(ManifestPath(b)));
  }
  // A run of another seed.
  DatasetJob OtherJob(const fs::path& out) {
    DatasetJob job = CountingJob(out, 13, 1);
    job.manifest.seed = 5;
    job.manifest.licences = {"CC0"};
    return job;
  }

  TemporaryFolder folder_;
  CountingSource::Shared shared_;
};

TEST_F(Merge, TasksGiveWhatOneProcessGives) {
  Write(CountingJob(folder_ / "whole", kTuples, 1));
  for (int tasks : {1, 2, 4, 6, 9}) {
    const fs::path out = folder_ / std::to_string(tasks);
    WriteTasks(out, tasks, tasks % 2 + 1);
    EXPECT_FALSE(fs::exists(ManifestPath(out))) << "only the merge completes the dataset";
    EXPECT_FALSE(MergeTasks(out).was_complete);
    ExpectSameDataset(out, folder_ / "whole");
    EXPECT_FALSE(fs::exists(out / "tasks"));
    EXPECT_TRUE(MergeTasks(out).was_complete);
  }
}

TEST_F(Merge, AFinishedTaskIsLeftAlone) {
  WriteTasks(folder_ / "d", 3, 1);
  const uint64_t made = shared_.made;
  WriteTasks(folder_ / "d", 3, 2);
  EXPECT_EQ(shared_.made, made);
}

TEST_F(Merge, AWholeRunTakesOverWhatTasksFinished) {
  DatasetJob job = CountingJob(folder_ / "d", kTuples, 1);
  job.shards = ShardRange{1, 4};
  Write(job);
  job.shards.reset();
  const DatasetResult result = WriteCounted(job, &shared_);
  EXPECT_EQ(result.shards_reused, 3u);
  EXPECT_EQ(result.manifest.rejections.at("planted"), kTuples);
  EXPECT_FALSE(fs::exists(folder_ / "d/tasks"));
}

TEST_F(Merge, NamesTuplesThatNoTaskMade) {
  DatasetJob job = CountingJob(folder_ / "d", kTuples, 1);
  job.shards = ShardRange{0, 2};
  Write(job);
  EXPECT_THAT(MessageOf<DataError>([&] { MergeTasks(folder_ / "d"); }),
              HasSubstr("tuples 20 to 56 of the run (seed 0) are missing"));
  job.shards = ShardRange{3, 6};
  Write(job);
  EXPECT_THAT(MessageOf<DataError>([&] { MergeTasks(folder_ / "d"); }),
              HasSubstr("tuples 20 to 29 of the run (seed 0) are missing"));
}

TEST_F(Merge, NamesAShardThatIsMissingOrCut) {
  WriteTasks(folder_ / "d", 2, 1);
  fs::resize_file(folder_ / "d/shards/00004.h5", 100);
  EXPECT_THAT(MessageOf<DataError>([&] { MergeTasks(folder_ / "d"); }),
              HasSubstr("shards/00004.h5 has 100 bytes, its manifest says"));
  fs::remove(folder_ / "d/shards/00004.h5");
  EXPECT_THAT(MessageOf<DataError>([&] { MergeTasks(folder_ / "d"); }),
              HasSubstr("shards/00004.h5 is missing"));
}

TEST_F(Merge, PartsOfOneRunOnSeveralDisksBecomeThatRun) {
  Write(CountingJob(folder_ / "whole", kTuples, 1));
  std::vector<fs::path> parts;
  for (int task : {2, 0, 1}) {
    parts.push_back(folder_ / ("disk" + std::to_string(task)));
    DatasetJob job = CountingJob(parts.back(), kTuples, 1);
    job.task = TaskOfRun{task, 3};
    Write(job);
  }
  MergeDatasets(parts, folder_ / "merged");
  ExpectSameDataset(folder_ / "merged", folder_ / "whole");
  EXPECT_TRUE(MergeDatasets(parts, folder_ / "merged").was_complete);
}

TEST_F(Merge, DatasetsOfDifferentRunsFollowEachOther) {
  Write(CountingJob(folder_ / "a", kTuples, 1));
  Write(OtherJob(folder_ / "b"));
  MergeDatasets({folder_ / "a", folder_ / "b"}, folder_ / "ab");
  const Dataset merged(folder_ / "ab");
  const Manifest& m = merged.manifest();
  EXPECT_EQ(m.command, "merge");
  EXPECT_EQ(m.count, kTuples + 13);
  EXPECT_EQ(m.rejections.at("planted"), kTuples + 13);
  EXPECT_EQ(m.licences, std::vector<std::string>{"CC0"});
  ASSERT_EQ(m.runs.size(), 2u);
  EXPECT_EQ(m.RunOf(5).seed, 0u);
  EXPECT_EQ(m.RunOf(6).seed, 5u);
  EXPECT_EQ(m.shards[6].file, "shards/00006.h5");
  EXPECT_EQ(m.shards[6].first_index, 0u);
  for (size_t shard = 0; shard < m.shards.size(); ++shard) merged.OpenShard(shard);

  // What was merged can be merged again.
  DatasetJob third = OtherJob(folder_ / "c");
  third.manifest.seed = 6;
  Write(third);
  MergeDatasets({folder_ / "ab", folder_ / "c"}, folder_ / "abc");
  const Manifest all = Dataset(folder_ / "abc").manifest();
  EXPECT_EQ(all.runs.size(), 3u);
  EXPECT_EQ(all.rejections.at("planted"), kTuples + 13 + 13);
}

TEST_F(Merge, NamesTheModelAndTheMeshThatAllRunsShare) {
  DatasetJob a = CountingJob(folder_ / "a", kTuples, 1), b = OtherJob(folder_ / "b");
  a.manifest.model_sha256 = std::string(64, '1');
  b.manifest.model_sha256 = std::string(64, '2');
  a.manifest.mesh_sha256 = b.manifest.mesh_sha256 = std::string(64, '3');
  Write(a);
  Write(b);
  const Manifest m = MergeDatasets({a.out, b.out}, folder_ / "ab").manifest;
  EXPECT_EQ(m.model_sha256, "");
  EXPECT_EQ(m.mesh_sha256, std::string(64, '3'));
  EXPECT_EQ(m.RunOf(0).model_sha256, std::string(64, '1'));
  EXPECT_EQ(m.RunOf(6).model_sha256, std::string(64, '2'));
}

TEST_F(Merge, AnInterruptedMergeIsContinuedAndLeavesNothingBehind) {
  Write(CountingJob(folder_ / "a", kTuples, 1));
  Write(OtherJob(folder_ / "b"));
  const std::vector<fs::path> parts = {folder_ / "a", folder_ / "b"};
  RequestInterrupt(true);
  EXPECT_THROW(MergeDatasets(parts, folder_ / "ab"), Interrupted);
  RequestInterrupt(false);
  MergeDatasets(parts, folder_ / "ab");
  const auto hashes = ShardHashes(folder_ / "ab");
  fs::remove(ManifestPath(folder_ / "ab"));
  MergeDatasets(parts, folder_ / "ab");
  EXPECT_EQ(ShardHashes(folder_ / "ab"), hashes);
  for (const auto& entry : fs::directory_iterator(folder_ / "ab/shards")) {
    EXPECT_FALSE(IsTemporaryName(entry.path())) << entry.path();
  }
}

TEST_F(Merge, WhatALargerMergeLeftBehindIsNoPartOfASmallerOne) {
  Write(CountingJob(folder_ / "a", kTuples, 1));
  Write(OtherJob(folder_ / "b"));
  MergeDatasets({folder_ / "a", folder_ / "b"}, folder_ / "out");
  const size_t both = ShardHashes(folder_ / "out").size();
  fs::remove(ManifestPath(folder_ / "out"));  // as if killed before it was written
  MergeDatasets({folder_ / "a"}, folder_ / "out");
  EXPECT_LT(ShardHashes(folder_ / "a").size(), both);
  EXPECT_EQ(ShardHashes(folder_ / "out"), ShardHashes(folder_ / "a"));
}

TEST_F(Merge, ShardsOfNoPartAreLeftAlone) {
  Write(CountingJob(folder_ / "a", kTuples, 1));
  EnsureWritableFolder(folder_ / "out/shards");
  for (const int shard : {1, 99}) {
    const fs::path file = folder_ / "out" / ShardFileName(shard);
    PublishText(file, "precious");
    EXPECT_THAT(MessageOf<UsageError>([&] { MergeDatasets({folder_ / "a"}, folder_ / "out"); }),
                HasSubstr(file.string() + " is no shard of what is to be joined"));
    EXPECT_EQ(ReadText(file), "precious");
    fs::remove(file);
  }
  MergeDatasets({folder_ / "a"}, folder_ / "out");
  ExpectSameDataset(folder_ / "out", folder_ / "a");
}

TEST_F(Merge, UnnamedShardsOfOthersBesideTasksAreLeftAlone) {
  WriteTasks(folder_ / "tasks", 2, 1);
  const fs::path file = folder_ / "tasks" / ShardFileName(98);
  PublishText(file, "precious");
  EXPECT_THAT(MessageOf<UsageError>([&] { MergeTasks(folder_ / "tasks"); }),
              HasSubstr("00098.h5 is a shard of another run"));
  EXPECT_EQ(ReadText(file), "precious");
  fs::remove(file);
  EXPECT_FALSE(MergeTasks(folder_ / "tasks").was_complete);
}

TEST_F(Merge, TasksWithoutWorkAreOfOneRunToo) {
  DatasetJob job = CountingJob(folder_ / "d", 15, 1);  // two shards
  for (int task = 0; task < 3; ++task) {
    job.task = TaskOfRun{task, 3};
    Write(job);
  }
  ++job.manifest.seed;
  job.task = TaskOfRun{2, 3};
  EXPECT_THAT(MessageOf<UsageError>([&] { Write(job); }), HasSubstr("another seed"));
  EXPECT_FALSE(MergeTasks(folder_ / "d").was_complete);
}

// Nodes that write to disks of their own, one of them without work.
TEST_F(Merge, PartsOfTasksWithNothingToDoAreParts) {
  Write(CountingJob(folder_ / "whole", 15, 1));  // two shards
  std::vector<fs::path> parts;
  for (int task = 0; task < 3; ++task) {
    DatasetJob job = CountingJob(folder_ / ("node" + std::to_string(task)), 15, 1);
    job.task = TaskOfRun{task, 3};
    Write(job);
    parts.push_back(job.out);
  }
  MergeDatasets(parts, folder_ / "joined");
  ExpectSameDataset(folder_ / "joined", folder_ / "whole");
}

TEST_F(Merge, RefusesAFolderWithAnUnfinishedRun) {
  Write(CountingJob(folder_ / "a", kTuples, 1));
  shared_.fail_at = 25;
  EXPECT_THROW(Write(CountingJob(folder_ / "unfinished", kTuples, 1)), DataError);
  shared_.fail_at = UINT64_MAX;
  const std::vector<fs::path> parts = {folder_ / "a"};
  EXPECT_THAT(MessageOf<UsageError>([&] { MergeDatasets(parts, folder_ / "unfinished"); }),
              HasSubstr("shards of an unfinished run"));
}

// Shards may be links to where the space is; what is joined must hold without them.
TEST_F(Merge, LinksToShardsAreFollowed) {
  Write(CountingJob(folder_ / "a", kTuples, 1));
  fs::rename(folder_ / "a/shards", folder_ / "store");
  fs::create_directory(folder_ / "a/shards");
  for (const auto& entry : fs::directory_iterator(folder_ / "store")) {
    fs::create_symlink("../../store" / entry.path().filename(),
                       folder_ / "a/shards" / entry.path().filename());
  }
  MergeDatasets({folder_ / "a"}, folder_ / "deeper/joined");
  fs::remove_all(folder_ / "store");
  for (const auto& entry : fs::directory_iterator(folder_ / "deeper/joined/shards")) {
    EXPECT_TRUE(entry.is_regular_file() && !entry.is_symlink()) << entry.path();
  }
  const Dataset joined(folder_ / "deeper/joined");
  for (size_t i = 0; i < joined.manifest().shards.size(); ++i) joined.OpenShard(i);
}

TEST_F(Merge, RefusesTheSameTuplesTwice) {
  Write(CountingJob(folder_ / "a", kTuples, 1));
  Write(CountingJob(folder_ / "b", 20, 1));
  EXPECT_THAT(MessageOf<UsageError>([&] {
                MergeDatasets({folder_ / "a", folder_ / "b"}, folder_ / "c");
              }),
              HasSubstr("which another shard of the same run"));
  EXPECT_FALSE(fs::exists(ManifestPath(folder_ / "c")));
  for (const char* again : {"a", "a/", "./a"}) {
    EXPECT_THAT(MessageOf<UsageError>([&] {
                  MergeDatasets({folder_ / "a", folder_ / again}, folder_ / "c");
                }),
                HasSubstr("is named twice"));
  }
}

TEST_F(Merge, RefusesOtherColumnsAndOtherContent) {
  Write(CountingJob(folder_ / "a", kTuples, 1));
  Write(OtherJob(folder_ / "b"));
  Manifest wide = Dataset(folder_ / "b").manifest();
  wide.layout.image_px = 64;
  PublishText(ManifestPath(folder_ / "b"), wide.ToJson());
  EXPECT_THAT(MessageOf<UsageError>([&] {
                MergeDatasets({folder_ / "a", folder_ / "b"}, folder_ / "c");
              }),
              HasSubstr("different columns or image sizes"));
  EXPECT_THAT(MessageOf<UsageError>([&] { MergeDatasets({folder_ / "a"}, folder_ / "b"); }),
              HasSubstr("holds another dataset"));
  EXPECT_THAT(MessageOf<DataError>([&] { MergeDatasets({folder_ / "none"}, folder_ / "d"); }),
              HasSubstr("neither dataset.json nor task manifests"));
}

TEST(TaskManifest, RoundTripsAndNamesWhatIsWrong) {
  TaskManifest task;
  task.run.command = "synth";
  task.run.count = 1000;
  task.run.shards = {{"shards/00003.h5", std::string(64, '1'), 900, 30, 10, {{"fit", 2}}}};
  const std::string json = task.ToJson();
  EXPECT_EQ(TaskManifest::FromJson(json, "t.json").ToJson(), json);
  const auto without = [&](const std::string& text) {
    std::string broken = json;
    broken.erase(broken.find(text), text.size());
    return MessageOf<DataError>([&] { TaskManifest::FromJson(broken, "t.json"); });
  };
  EXPECT_THAT(without("\"seed\": 0,"), HasSubstr("field 'seed' is missing"));
  EXPECT_THAT(without("shards/00003.h5"), HasSubstr("'shards[0].file'"));
}

TEST(ShardRange, SharesEveryShardExactlyOnce) {
  for (int shards : {1, 7, 100}) {
    for (int tasks : {1, 3, 8, 150}) {
      int next = 0;
      for (int task = 0; task < tasks; ++task) {
        const ShardRange range = RangeOfTask({task, tasks}, shards);
        EXPECT_EQ(range.first, next);
        EXPECT_LE(range.end - range.first, shards / tasks + 1);
        next = range.end;
      }
      EXPECT_EQ(next, shards);
    }
  }
}

TEST(ShardRange, ReadsItsTexts) {
  EXPECT_EQ(ParseShardRange("3-17").end, 18);
  EXPECT_EQ(ParseShardRange("4").first, 4);
  EXPECT_EQ(ParseShardRange("4").end, 5);
  EXPECT_EQ(ParseTask("2/8").task, 2);
  for (const char* bad : {"", "-", "5-3", "a-b", "1-", "-1", "1-2-3", "1 - 2"}) {
    EXPECT_THROW(ParseShardRange(bad), UsageError) << bad;
  }
  for (const char* bad : {"", "4/4", "1", "/2", "1/", "-1/2", "a/b"}) {
    EXPECT_THROW(ParseTask(bad), UsageError) << bad;
  }
}

}  // namespace
}  // namespace handforge
