// Datasets whose splits are drawn anew: what changes, what does not, what is refused.
#include "synth/split_source.h"

#include "io/core/error.h"
#include "io/files.h"
#include "synth/audit.h"
#include "synth/augment_source.h"
#include "synth/merge.h"
#include "synth/provenance.h"
#include "tests/io/error_matchers.h"
#include "tests/io/random_tuple.h"
#include "tests/io/temporary_folder.h"
#include "tests/synth/synth_testing.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include <gmock/gmock.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Key;

constexpr uint64_t kTuples = 60;

// Every column there is, each with something different in it.
TupleLayout RichLayout() {
  TupleLayout layout;
  layout.image_px = 24;
  layout.rgb_px = 16;
  layout.latent_dim = 5;
  layout.decoded = layout.photo = layout.lineage = layout.rgb_rendered = true;
  layout.small_px = 8;
  layout.columns = kOptionalColumns;
  return layout;
}

// Person i / 4 % 15 or so, three frames a scene, two hands a picture.
Tuple RichTuple(uint64_t index, uint64_t seed, const TupleLayout& layout) {
  Tuple t = RandomTuple(index + 1000 * seed, layout);
  t.index = index;
  t.seed = seed;
  t.subject = static_cast<int64_t>(index / 4);
  t.sequence_id = static_cast<int64_t>(index / 6);
  t.image_id = static_cast<int64_t>(index / 2);
  return t;
}

using Change = std::function<void(Tuple*)>;

class RichSource : public TupleSource {
 public:
  RichSource(uint64_t seed, TupleLayout layout, Change change)
      : seed_(seed), layout_(std::move(layout)), change_(std::move(change)) {}
  void Make(uint64_t first, uint64_t count, std::vector<Tuple>* tuples, Rejections*) override {
    tuples->clear();
    for (uint64_t i = first; i < first + count; ++i) {
      tuples->push_back(RichTuple(i, seed_, layout_));
      change_(&tuples->back());
    }
  }

 private:
  uint64_t seed_;
  TupleLayout layout_;
  Change change_;
};

std::vector<uint8_t> BytesOf(const ShardReader& shard, const Column& column) {
  const auto bytes = [&](auto zero) {
    const auto values = shard.Read<decltype(zero)>(column.name, 0, shard.size());
    const auto* first = reinterpret_cast<const uint8_t*>(values.data());
    return std::vector<uint8_t>(first, first + values.size() * sizeof zero);
  };
  switch (column.type) {
    case DType::kU8:
      return bytes(uint8_t{0});
    case DType::kU16:
      return bytes(uint16_t{0});
    case DType::kU32:
      return bytes(uint32_t{0});
    case DType::kU64:
      return bytes(uint64_t{0});
    case DType::kI32:
      return bytes(int32_t{0});
    case DType::kI64:
      return bytes(int64_t{0});
    case DType::kF32:
      return bytes(float{0});
  }
  return {};
}

std::vector<Tuple> TuplesOf(const fs::path& folder) {
  const Dataset dataset(folder);
  std::vector<Tuple> tuples;
  for (size_t s = 0; s < dataset.manifest().shards.size(); ++s) {
    const ShardReader shard = dataset.OpenShard(s);
    for (uint64_t row = 0; row < shard.size(); ++row) tuples.push_back(shard.ReadTuple(row));
  }
  return tuples;
}

// By seed and index, which say which row it is while all are written.
std::map<std::pair<uint64_t, uint64_t>, std::pair<Split, bool>> FatesIn(const fs::path& folder) {
  std::map<std::pair<uint64_t, uint64_t>, std::pair<Split, bool>> fates;
  for (const Tuple& t : TuplesOf(folder)) fates[{t.seed, t.index}] = {t.split, t.labelled};
  return fates;
}

class SplitDataset : public ::testing::Test {
 protected:
  std::string Source(
      const std::string& name,
      uint64_t seed = 1,
      const Change& change = [](Tuple*) {},
      TupleLayout layout = RichLayout()) {
    DatasetJob job;
    job.out = folder_ / name;
    job.tuples_per_shard = 25;
    Manifest& m = job.manifest;
    m.generator = "test";
    m.command = "render";
    m.seed = seed;
    m.count = kTuples;
    m.layout = layout;
    m.config = "name: " + name + "\n";
    m.config_sha256 = Sha256(m.config.data(), m.config.size());
    m.licences = {"CC0"};
    AddProvenance(m, "", &job.metadata);
    job.metadata.text["source_dataset"] = "of " + name;
    job.metadata.lists["gesture_names"] = {"fist", "gesture of " + name};
    job.metadata.lists["object_names"] = {};
    WriteDataset(job, [&] { return std::make_unique<RichSource>(seed, layout, change); });
    return job.out;
  }

  SplitOptions Options(const std::vector<std::string>& data, const std::string& out) const {
    SplitOptions options;
    options.data = data;
    options.out = folder_ / out;
    options.validation_share = 0.2;
    options.test_share = 0.2;
    options.tuples_per_shard = 20;
    return options;
  }

  static MergeResult Write(const SplitOptions& options, int threads = 2) {
    return WriteSplit(SplitWorld::Load(options),
                      [threads](DatasetJob job, const TupleSourceFactory& make_source) {
                        job.threads = threads;
                        WriteDataset(job, make_source);
                      });
  }

  static std::string Refusal(const SplitOptions& options) {
    return MessageOf<UsageError>([&] { Write(options); });
  }

  TemporaryFolder folder_;
};

TEST_F(SplitDataset, AllButSplitAndLabelsIsCopiedBitForBit) {
  const std::string source = Source("a");
  SplitOptions options = Options({source}, "out");
  options.labelled_share = 0.5;
  options.tuples_per_shard = 25;  // shard against shard
  const Manifest written = Write(options).manifest;
  const Dataset before(source), after(options.out);
  ASSERT_EQ(written.shards.size(), before.manifest().shards.size());
  EXPECT_EQ(written.count, kTuples);
  std::set<std::string> changed;
  for (size_t s = 0; s < written.shards.size(); ++s) {
    const ShardReader was = before.OpenShard(s), is = after.OpenShard(s);
    ASSERT_EQ(is.columns().size(), was.columns().size());
    for (const Column& column : was.columns()) {
      if (BytesOf(is, column) != BytesOf(was, column)) changed.insert(column.name);
    }
  }
  EXPECT_THAT(changed, ElementsAre("labelled", "split"));
}

TEST_F(SplitDataset, ShardsKeepTheirAttributesAndSayWhatMadeTheRows) {
  const std::string source = Source("a");
  const SplitOptions options = Options({source}, "out");
  const Manifest written = Write(options).manifest;
  const ShardMetadata was = Dataset(source).OpenShard(0).Metadata();
  const ShardMetadata is = Dataset(options.out).OpenShard(0).Metadata();
  EXPECT_EQ(is.lists, was.lists);
  EXPECT_THAT(is.lists, Contains(Key("object_names"))) << "empty lists too";
  EXPECT_EQ(is.text.at("source_dataset"), "of a");
  EXPECT_EQ(is.text.at("command"), "split");
  EXPECT_EQ(is.text.at("config"), written.config);
  EXPECT_EQ(is.text.at("before_split_command"), "render");
  EXPECT_EQ(is.text.at("before_split_config"), "name: a\n");
  EXPECT_EQ(is.text.at("before_split_config_sha256"), was.text.at("config_sha256"));
  EXPECT_EQ(written.command, "split");
  EXPECT_EQ(written.seed, 1U) << "of the run: persons are numbered within it";
  EXPECT_THAT(written.licences, ElementsAre("CC0"));
  EXPECT_THAT(written.config, HasSubstr("seed: 1\n"));

  const SplitOptions again = Options({options.out}, "again");
  Write(again);
  EXPECT_EQ(Dataset(again.out).OpenShard(0).TextAttribute("before_split_command"), "render");
}

TEST_F(SplitDataset, GroupsStayTogetherInExactShares) {
  const std::string source = Source("a");
  const auto groups_of = [&](const std::string& by, int64_t Tuple::*number) {
    SplitOptions options = Options({source}, by);
    options.by = by;
    Write(options);
    std::map<int64_t, std::set<Split>> splits;
    std::array<size_t, 3> counts{};
    for (const Tuple& t : TuplesOf(options.out)) splits[t.*number].insert(t.split);
    for (const auto& [group, of_group] : splits) {
      EXPECT_EQ(of_group.size(), 1U) << by << " " << group;
      ++counts[static_cast<size_t>(*of_group.begin())];
    }
    return counts;
  };
  EXPECT_THAT(groups_of("subject", &Tuple::subject), ElementsAre(9, 3, 3));
  EXPECT_THAT(groups_of("sequence", &Tuple::sequence_id), ElementsAre(6, 2, 2));
  EXPECT_THAT(groups_of("image", &Tuple::image_id), ElementsAre(18, 6, 6));
}

TEST_F(SplitDataset, ByTupleEveryRowGoesItsOwnWay) {
  SplitOptions options = Options({Source("a")}, "out");
  options.by = "tuple";
  const SplitWorld world = SplitWorld::Load(options);
  EXPECT_THAT(world.tuples, ElementsAre(36, 12, 12));
  EXPECT_EQ(world.groups, world.tuples);
}

TEST_F(SplitDataset, RowsWithoutAPersonCountByScenePictureOrThemselves) {
  const std::string source = Source("a", 1, [](Tuple* t) {
    if (t->index >= 12) t->subject = -1;      // 3 persons
    if (t->index >= 24) t->sequence_id = -1;  // 2 scenes
    if (t->index >= 40) t->image_id = -1;     // 8 pictures, then 20 rows
  });
  const SplitWorld world = SplitWorld::Load(Options({source}, "out"));
  EXPECT_EQ(world.groups[0] + world.groups[1] + world.groups[2], 33U);
}

TEST_F(SplitDataset, NeitherThreadsNorTheOrderOfDatasetsChangeAnything) {
  const std::string a = Source("a", 1), b = Source("b", 2);
  Write(Options({a, b}, "ab"), 1);
  Write(Options({a, b}, "ab3"), 3);
  Write(Options({b, a}, "ba"), 2);
  EXPECT_EQ(ShardHashes(folder_ / "ab"), ShardHashes(folder_ / "ab3"));
  EXPECT_EQ(ReadText(folder_ / "ab/dataset.json"), ReadText(folder_ / "ab3/dataset.json"));
  EXPECT_EQ(FatesIn(folder_ / "ab"), FatesIn(folder_ / "ba"));
  SplitOptions other = Options({a, b}, "other");
  other.seed = 2;
  Write(other);
  EXPECT_NE(FatesIn(folder_ / "ab"), FatesIn(other.out));
}

TEST_F(SplitDataset, DatasetsStayRunsOfTheirOwn) {
  const std::string a = Source("a", 1), b = Source("b", 2), c = Source("c", 3);
  MergeDatasets({b, c}, folder_ / "bc");
  const SplitOptions options = Options({a, folder_ / "bc"}, "out");
  const Manifest m = Write(options).manifest;
  EXPECT_EQ(m.count, 3 * kTuples);
  ASSERT_EQ(m.runs.size(), 3U);
  EXPECT_EQ(m.runs[1].seed, 2U);
  EXPECT_EQ(m.runs[2].seed, 3U);
  EXPECT_EQ(m.shards[8].first_index, 40U);
  EXPECT_EQ(Dataset(options.out).OpenShard(3).ListAttribute("gesture_names")[1], "gesture of b");
  EXPECT_FALSE(fs::exists(folder_ / "out/.runs"));
  // A person of one number is one person.
  std::map<int64_t, std::set<Split>> splits;
  for (const Tuple& t : TuplesOf(options.out)) splits[t.subject].insert(t.split);
  for (const auto& [subject, of_subject] : splits) EXPECT_EQ(of_subject.size(), 1U) << subject;
}

TEST_F(SplitDataset, AnInterruptedOneIsContinued) {
  const std::string a = Source("a", 1), b = Source("b", 2);
  Write(Options({a, b}, "whole"));
  const SplitOptions options = Options({a, b}, "out");
  const SplitWorld world = SplitWorld::Load(options);
  int jobs = 0;
  EXPECT_THROW(WriteSplit(world,
                          [&jobs](const DatasetJob& job, const TupleSourceFactory& make_source) {
                            if (jobs++ == 1) throw Interrupted("planted");
                            WriteDataset(job, make_source);
                          }),
               Interrupted);
  EXPECT_FALSE(fs::exists(folder_ / "out/dataset.json"));
  int made = 0;
  const JobWriter count_made = [&made](const DatasetJob& job, const TupleSourceFactory& make) {
    made += !WriteDataset(job, make).was_complete;
  };
  EXPECT_FALSE(WriteSplit(world, count_made).was_complete);
  EXPECT_EQ(made, 1);
  EXPECT_EQ(ShardHashes(folder_ / "out"), ShardHashes(folder_ / "whole"));
  EXPECT_TRUE(WriteSplit(world, count_made).was_complete);
  EXPECT_EQ(made, 1);
}

TEST_F(SplitDataset, WhatIsNotItsOwnStaysThere) {
  const std::string a = Source("a", 1), b = Source("b", 2);
  const SplitOptions options = Options({a, b}, "out");
  for (const char* strange : {"out/runs/events", "out/.runs/mine"}) {
    fs::create_directories(folder_ / fs::path(strange).parent_path());
    PublishText(folder_ / strange, "kept");
  }
  Write(options);
  EXPECT_EQ(ReadText(folder_ / "out/runs/events"), "kept");
  EXPECT_EQ(ReadText(folder_ / "out/.runs/mine"), "kept");
  EXPECT_FALSE(fs::exists(folder_ / "out/.runs/0"));
  // Its sources, in whatever folder below.
  EXPECT_THAT(Refusal(Options({a, b}, ".")), HasSubstr("is or holds the dataset"));
  EXPECT_TRUE(fs::exists(ManifestPath(a)));
}

TEST_F(SplitDataset, OfSeveralRunsIsCompleteWithAllItsShardsAlone) {
  const SplitOptions options = Options({Source("a", 1), Source("b", 2)}, "out");
  const Manifest m = Write(options).manifest;
  fs::create_directories(folder_ / "out/.runs/1");  // as of a process that died at the end
  EXPECT_TRUE(Write(options).was_complete);
  EXPECT_FALSE(fs::exists(folder_ / "out/.runs"));
  fs::resize_file(folder_ / "out" / m.shards[1].file, 100);
  EXPECT_THAT(MessageOf<DataError>([&] { Write(options); }),
              AllOf(HasSubstr(m.shards[1].file), HasSubstr("is damaged")));
}

TEST_F(SplitDataset, TheSameAgainKeepsWhatIsThere) {
  const SplitOptions options = Options({Source("a")}, "out");
  EXPECT_FALSE(Write(options).was_complete);
  const auto hashes = ShardHashes(options.out);
  EXPECT_TRUE(Write(options).was_complete);
  fs::remove(ManifestPath(options.out));
  Write(options);
  EXPECT_EQ(ShardHashes(options.out), hashes);
}

TEST_F(SplitDataset, AnotherDatasetIsNotOverwritten) {
  const std::string a = Source("a", 1), b = Source("b", 2);
  SplitOptions options = Options({a, b}, "out");
  Write(options);
  options.labelled_share = 0.5;
  EXPECT_THAT(Refusal(options), HasSubstr("holds another dataset"));
  options.data = {a};
  options.out = b;
  EXPECT_THAT(Refusal(options), HasSubstr("another command (render, wanted split)"));
}

// Beside another dataset the same rows may be drawn otherwise: what was written then is not theirs.
TEST_F(SplitDataset, TheConfigurationIsAnotherWhereOtherRowsAreDrawn) {
  const std::string a = Source("a", 1), b = Source("b", 2);
  const std::string c = Source("c", 3, [](Tuple* t) { t->subject += 100; });
  const auto hash = [&](const std::vector<std::string>& data) {
    return SplitJob(SplitWorld::Load(Options(data, "out")), 0).manifest.config_sha256;
  };
  EXPECT_EQ(hash({a}), hash({a, b})) << "the same persons";
  EXPECT_NE(hash({a}), hash({a, c}));
}

TEST_F(SplitDataset, PartsTogetherAreTheWhole) {
  const std::string a = Source("a", 1), b = Source("b", 2);
  SplitOptions options = Options({a, b}, "all");
  Write(options);
  std::vector<Tuple> all = TuplesOf(options.out);
  std::map<Split, std::vector<Tuple>> wanted;
  for (Tuple& t : all) wanted[t.split].push_back(std::move(t));
  for (const auto& [part, split] : {std::pair{"train", Split::kTrain},
                                    std::pair{"validation", Split::kValidation},
                                    std::pair{"test", Split::kTest}}) {
    options.part = part;
    options.out = folder_ / part;
    Write(options);
    const std::vector<Tuple> tuples = TuplesOf(options.out);
    ASSERT_EQ(tuples.size(), wanted[split].size());
    uint64_t index = 0;
    for (size_t i = 0; i < tuples.size(); ++i) {
      const Tuple& was = wanted[split][i];
      if (i > 0 && tuples[i].seed != tuples[i - 1].seed) index = 0;
      EXPECT_EQ(tuples[i].split, split);
      EXPECT_EQ(tuples[i].index, index++) << "counted anew";
      EXPECT_EQ(tuples[i].seed, was.seed);
      EXPECT_EQ(tuples[i].attempt, was.attempt);
      EXPECT_EQ(tuples[i].subject, was.subject);
      EXPECT_EQ(tuples[i].rgb.pixels, was.rgb.pixels);
      EXPECT_EQ(tuples[i].joints_in_cam, was.joints_in_cam);
    }
  }
}

TEST_F(SplitDataset, LabelsAreTakenFromTrainingGroupsAlone) {
  const std::string source = Source("a", 1, [](Tuple* t) { t->labelled = t->index % 5 != 0; });
  SplitOptions options = Options({source}, "out");
  options.labelled_share = 1.0 / 3;
  const SplitWorld world = SplitWorld::Load(options);
  Write(options);
  std::map<int64_t, int> of_subject;  // training rows with labels
  uint64_t labelled = 0;
  for (const Tuple& t : TuplesOf(options.out)) {
    if (t.split != Split::kTrain) {
      EXPECT_EQ(t.labelled, t.index % 5 != 0);
      continue;
    }
    EXPECT_FALSE(t.labelled && t.index % 5 == 0) << "labels nobody gave";
    of_subject[t.subject] += t.labelled;
    labelled += t.labelled;
  }
  EXPECT_EQ(std::count_if(
                of_subject.begin(), of_subject.end(), [](const auto& s) { return s.second > 0; }),
            3);
  EXPECT_EQ(world.labelled, labelled);
}

TEST_F(SplitDataset, TellsOfTestRowsThatAreTrainedOn) {
  const std::string none = Source("a", 1, [](Tuple* t) { t->split = Split::kTrain; });
  EXPECT_EQ(SplitWorld::Load(Options({none}, "out")).tests_in_use, 0U);
  const std::string tests = Source("b", 1, [](Tuple* t) { t->split = Split::kTest; });
  const SplitWorld world = SplitWorld::Load(Options({tests}, "out"));
  EXPECT_EQ(world.tests_in_use, world.tuples[0] + world.tuples[1]);
}

TEST_F(SplitDataset, NamesKeysThatDoNotFit) {
  const std::string source = Source("a");
  SplitOptions options = Options({source}, "out");
  options.validation_share = 0.7;
  options.test_share = 0.6;
  EXPECT_THAT(Refusal(options),
              HasSubstr("split.validation_share = 0.7 and split.test_share = 0.6 add up to 1.3; "
                        "together they may be 1 at most"));
  options.validation_share = 1.5;
  EXPECT_THAT(Refusal(options), HasSubstr("validation_share"));
  options = Options({source}, "out");
  options.part = "test";
  options.test_share = 0;
  EXPECT_THAT(Refusal(options), HasSubstr("split.part = test would have no rows"));
  options.test_share = 1e-10;
  EXPECT_THAT(Refusal(options), HasSubstr("split.part = test would have no rows"));
  options.test_share = 0;
  options = Options({source}, "out");
  options.part = "train";
  options.test_share = 0.8;
  EXPECT_THAT(Refusal(options), HasSubstr("split.part = train would have no rows"));
  options.part = "validation";
  options.validation_share = 0;
  EXPECT_THAT(Refusal(options), HasSubstr("split.part = validation would have no rows"));
  EXPECT_THAT(Refusal(Options({}, "out")), HasSubstr("split.data is empty"));
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(SplitDataset, ANumberThatNoRowHasIsRefused) {
  const std::string source = Source("a", 1, [](Tuple* t) { t->subject = t->sequence_id = -1; });
  SplitOptions options = Options({source}, "out");
  EXPECT_THAT(Refusal(options),
              HasSubstr("split.by = subject: no row of " + source +
                        " has a subject; part by something finer"));
  options.by = "sequence";
  EXPECT_THAT(Refusal(options), HasSubstr("has a sequence_id"));
  options.by = "image";
  EXPECT_NO_THROW(Write(options));
}

TEST_F(SplitDataset, DatasetsThatDoNotFitAreRefused) {
  const std::string a = Source("a", 1), same = Source("same", 1);
  TupleLayout smaller = RichLayout();
  smaller.rgb_px = 8;
  const std::string other = Source(
      "other", 2, [](Tuple*) {}, smaller);
  EXPECT_THAT(Refusal(Options({a, other}, "out")),
              HasSubstr("column 'alpha' (uint8, 256 bytes a row)"));
  EXPECT_THAT(Refusal(Options({a, a}, "out")), HasSubstr("hold the same tuples"));
  EXPECT_NO_THROW(SplitWorld::Load(Options({a, same}, "out"))) << "another configuration";
  EXPECT_THAT(Refusal(Options({a}, "a")), HasSubstr("choose another --out"));
  EXPECT_THAT(MessageOf<DataError>([&] { Write(Options({folder_ / "nothing"}, "out")); }),
              HasSubstr("nothing: no such folder"));
  fs::resize_file(folder_ / "a/shards/00001.h5", 99);
  EXPECT_THAT(MessageOf<DataError>([&] { Write(Options({a}, "out")); }),
              HasSubstr("00001.h5: has SHA-256"));
}

// Real tuples, which the audit renders again.
class SplitRendered : public SplitDataset {
 protected:
  static void SetUpTestSuite() {
    shared_ = new TemporaryFolder;
    RenderOptions options = SmallWorld(*shared_ / "source", 24, 10).options;
    options.subjects = 6;
    WriteSmallDataset(RenderWorld::Load(options), 2);
  }
  static void TearDownTestSuite() { delete shared_; }

  static std::vector<std::string> FaultsOf(const fs::path& folder) {
    AuditOptions options;
    options.rerender_rows = -1;
    std::vector<std::string> faults;
    const AuditResult result = AuditDataset(folder, options);
    for (const Fault& f : result.faults) faults.push_back(f.column + " " + f.what);
    EXPECT_EQ(result.rendered_again, result.tuples);
    EXPECT_GT(result.tuples, 0U);
    return faults;
  }

  static TemporaryFolder* shared_;
};
TemporaryFolder* SplitRendered::shared_ = nullptr;

TEST_F(SplitRendered, PassesTheAuditHoweverItIsParted) {
  for (const char* by : {"subject", "image", "tuple"}) {
    SplitOptions options = Options({*shared_ / "source"}, by);
    options.by = by;
    Write(options);
    EXPECT_THAT(FaultsOf(options.out), ::testing::IsEmpty()) << by;
    options.part = "train";
    options.out += "-train";
    Write(options);
    EXPECT_THAT(FaultsOf(options.out), ::testing::IsEmpty()) << by;
  }
}

// The audit knows what a split was to keep together.
TEST_F(SplitRendered, TheAuditFindsAPersonThatWasParted) {
  const SplitOptions options = Options({*shared_ / "source"}, "out");
  SplitWorld faulty = SplitWorld::Load(options);
  const std::vector<Tuple> tuples = TuplesOf(*shared_ / "source");
  std::map<int64_t, size_t> last;
  for (size_t i = 0; i < tuples.size(); ++i) {
    const auto [known, is_new] = last.insert({tuples[i].subject, i});
    if (is_new) continue;
    Split& split = faulty.runs[0].rows[i].split;
    split = split == Split::kTest ? Split::kTrain : Split::kTest;
    break;
  }
  WriteSplit(faulty, [](const DatasetJob& job, const TupleSourceFactory& make_source) {
    WriteDataset(job, make_source);
  });
  EXPECT_THAT(FaultsOf(options.out), ElementsAre(HasSubstr("other rows of subject")));
}

TEST_F(SplitRendered, AugmentedCopiesGoWithTheRowsTheyWereMadeOf) {
  AugmentJobOptions augment;
  augment.out = folder_ / "augmented";
  augment.copies = 2;
  augment.seed = 9;
  const AugmentWorld world = AugmentWorld::Load(*shared_ / "source", augment);
  WriteDataset(AugmentJob(world), [&] { return MakeAugmentSource(world); });
  SplitOptions options = Options({folder_ / "augmented"}, "out");
  Write(options);
  std::map<uint64_t, std::set<Split>> splits;
  for (const Tuple& t : TuplesOf(options.out)) {
    splits[t.augmentation.source_index].insert(t.split);
  }
  EXPECT_EQ(splits.size(), 24U);
  for (const auto& [row, of_row] : splits) EXPECT_EQ(of_row.size(), 1U) << row;
  EXPECT_THAT(FaultsOf(options.out), ::testing::IsEmpty());
  for (const char* by : {"image", "tuple"}) {
    options.by = by;
    options.out = folder_ / by;
    EXPECT_THAT(Refusal(options), HasSubstr("is augmented")) << by;
    EXPECT_THAT(Refusal(options), HasSubstr("split the dataset it was made from")) << by;
  }
}

}  // namespace
}  // namespace handforge
