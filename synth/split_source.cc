#include "synth/split_source.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/interrupt.h"
#include "synth/provenance.h"
#include "synth/split_draw.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace handforge {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kTuplesPerBlock = 8;

GroupKind KindNamed(const std::string& by) {
  if (by == "subject") return GroupKind::kSubject;
  if (by == "sequence") return GroupKind::kSequence;
  return by == "image" ? GroupKind::kImage : GroupKind::kTuple;
}

const char* ColumnOf(GroupKind kind) {
  constexpr const char* kColumns[] = {"subject", "sequence_id", "image_id", "index"};
  return kColumns[static_cast<size_t>(kind)];
}

std::string PathsOf(const std::vector<Dataset>& datasets) {
  std::string paths;
  for (const Dataset& d : datasets) paths += (paths.empty() ? "" : ", ") + d.folder().string();
  return paths;
}

// ---- Datasets and their runs --------------------------------------------------------------------

std::vector<Dataset> OpenDatasets(const SplitOptions& options) {
  std::vector<Dataset> datasets;
  for (const std::string& folder : options.data) {
    std::error_code ignored;
    const fs::path inner =
        fs::weakly_canonical(folder, ignored).lexically_relative(fs::weakly_canonical(options.out));
    if (!inner.empty() && *inner.begin() != "..") {
      throw UsageError("split.out " + options.out + " is or holds the dataset " + folder +
                       "; choose another --out");
    }
    datasets.emplace_back(folder);
    RequireSameColumns(datasets[0].folder(),
                       datasets[0].manifest().layout,
                       folder,
                       datasets.back().manifest().layout);
  }
  return datasets;
}

std::vector<SplitRun> RunsOf(const std::vector<Dataset>& datasets) {
  std::vector<SplitRun> runs;
  std::map<std::tuple<std::string, uint64_t, std::string>, size_t> seen;
  for (size_t d = 0; d < datasets.size(); ++d) {
    const Manifest& manifest = datasets[d].manifest();
    std::vector<RunInfo> infos = manifest.runs;
    if (infos.empty()) infos.push_back(manifest.RunOf(0));
    size_t shard = 0;
    for (const RunInfo& info : infos) {
      const auto known = seen.insert({{info.command, info.seed, info.config_sha256}, d}).first;
      if (known->second != d && !info.config_sha256.empty()) {
        throw UsageError("split.data: " + datasets[known->second].folder().string() + " and " +
                         datasets[d].folder().string() +
                         " hold the same tuples: one run (command, seed, configuration)");
      }
      runs.push_back({d, info, shard, {}});
      shard += info.shards;
    }
  }
  return runs;
}

// ---- Groups -------------------------------------------------------------------------------------

// What a row says that decides its fate.
struct RowFacts {
  SplitGroup group;
  Split split = Split::kTrain;
  bool labelled = true;
};

uint64_t NumberOf(const RunInfo& info) {
  const std::string text =
      info.command + "\n" + std::to_string(info.seed) + "\n" + info.config_sha256;
  return std::stoull(Sha256(text.data(), text.size()).substr(0, 16), nullptr, 16);
}

class GroupReader {
 public:
  GroupReader(const Dataset& dataset, const SplitRun& run, const std::string& by)
      : dataset_(dataset),
        run_(run),
        by_name_(by),
        by_(KindNamed(by)),
        run_number_(NumberOf(run.info)) {}

  std::vector<RowFacts> Read() {
    std::vector<RowFacts> facts;
    for (size_t s = run_.first_shard; s < run_.first_shard + run_.info.shards; ++s) {
      ThrowIfInterrupted("reading the datasets to split");
      AddShard(dataset_.OpenShard(s), &facts);
    }
    return facts;
  }
  // Rows that say what they were to be grouped by.
  uint64_t known() const { return known_; }

 private:
  void AddShard(const ShardReader& shard, std::vector<RowFacts>* facts) {
    const uint64_t count = shard.size();
    const auto splits = shard.Read<uint8_t>("split", 0, count);
    const auto labelled = shard.Read<uint8_t>("labelled", 0, count);
    std::vector<std::vector<int64_t>> numbers;  // by kind
    for (const GroupKind kind : {GroupKind::kSubject, GroupKind::kSequence, GroupKind::kImage}) {
      numbers.push_back(shard.Read<int64_t>(ColumnOf(kind), 0, count));
    }
    for (uint64_t row = 0; row < count; ++row) {
      if (splits[row] > static_cast<uint8_t>(Split::kTest)) {
        throw DataError(shard.file().string() + ": row " + std::to_string(row) +
                        " has the unknown split " + std::to_string(splits[row]) +
                        ", expected 0 (train), 1 (validation) or 2 (test)");
      }
      SplitGroup group{GroupKind::kTuple, run_number_, static_cast<int64_t>(facts->size())};
      for (auto kind = static_cast<size_t>(by_); kind < numbers.size(); ++kind) {
        if (numbers[kind][row] < 0) continue;
        group = {static_cast<GroupKind>(kind), 0, numbers[kind][row]};
        break;
      }
      known_ += group.kind == by_;
      RequireTraceable(group);
      facts->push_back({group, static_cast<Split>(splits[row]), labelled[row] != 0});
    }
  }

  void RequireTraceable(const SplitGroup& group) const {
    if (!dataset_.manifest().layout.augmented || group.kind < GroupKind::kImage) return;
    throw UsageError("split.by = " + by_name_ + ": " + dataset_.folder().string() +
                     " is augmented, and the copies of one picture no longer share a number there; "
                     "split the dataset it was made from (augment keeps splits), or part by what "
                     "all its rows know");
  }

  const Dataset& dataset_;
  const SplitRun& run_;
  const std::string& by_name_;
  GroupKind by_;
  uint64_t run_number_;
  uint64_t known_ = 0;
};

void RequireKnown(const SplitOptions& options, uint64_t known, const std::vector<Dataset>& data) {
  if (known > 0) return;
  throw UsageError("split.by = " + options.by + ": no row of " + PathsOf(data) + " has a " +
                   ColumnOf(KindNamed(options.by)) +
                   "; part by something finer: subject, sequence, image, tuple");
}

bool IsOfPart(const std::string& part, Split split) {
  constexpr const char* kNames[] = {"train", "validation", "test"};
  return part == "all" || part == kNames[static_cast<size_t>(split)];
}

void ChooseRows(const std::vector<RowFacts>& facts,
                const std::map<SplitGroup, GroupFate>& fates,
                SplitWorld* world,
                SplitRun* run) {
  for (size_t row = 0; row < facts.size(); ++row) {
    const GroupFate& fate = fates.at(facts[row].group);
    const bool is_train = fate.split == Split::kTrain;
    const bool labelled = facts[row].labelled && fate.keeps_labels;
    ++world->tuples[static_cast<size_t>(fate.split)];
    world->labelled += is_train && labelled;
    world->tests_in_use += facts[row].split == Split::kTest && fate.split != Split::kTest;
    if (IsOfPart(world->options.part, fate.split)) run->rows.push_back({row, fate.split, labelled});
  }
}

// ---- Tuples -------------------------------------------------------------------------------------

class SplitSource : public TupleSource {
 public:
  SplitSource(const Dataset& dataset, const SplitRun& run) : dataset_(dataset), run_(run) {
    uint64_t next = 0;
    for (size_t s = run.first_shard; s < run.first_shard + run.info.shards; ++s) {
      ends_.push_back(next += dataset.manifest().shards[s].tuples);
    }
  }

  void Make(uint64_t first,
            uint64_t count,
            std::vector<Tuple>* tuples,
            Rejections* /*rejections*/) override {
    tuples->clear();
    for (uint64_t index = first; index < first + count; ++index) {
      const SplitRow& row = run_.rows[index];
      Tuple t = Read(row.row);
      t.index = index;
      t.split = row.split;
      t.labelled = row.labelled;
      tuples->push_back(std::move(t));
    }
  }

 private:
  Tuple Read(uint64_t row) {
    const auto shard =
        static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), row) - ends_.begin());
    if (!reader_ || shard != open_) reader_.emplace(dataset_.OpenShard(run_.first_shard + shard));
    open_ = shard;
    return reader_->ReadTuple(row - (shard == 0 ? 0 : ends_[shard - 1]));
  }

  const Dataset& dataset_;
  const SplitRun& run_;
  std::vector<uint64_t> ends_;  // rows up to and with each shard of the run
  std::optional<ShardReader> reader_;
  size_t open_ = 0;
};

// Equal where the rows to write are: by the hashes of the shards they come from.
std::string HashOfInputs(const SplitWorld& world, const SplitRun& run, const std::string& config) {
  std::string inputs = config + run.info.command + run.info.config_sha256;
  const auto& shards = world.datasets[run.dataset].manifest().shards;
  for (size_t s = run.first_shard; s < run.first_shard + run.info.shards; ++s) {
    inputs += shards[s].sha256;
  }
  for (const SplitRow& row : run.rows) {
    inputs += std::to_string(row.row) + (row.labelled ? '+' : '-') +
              std::to_string(static_cast<int>(row.split)) + " ";
  }
  return Sha256(inputs.data(), inputs.size());
}

// ---- The dataset --------------------------------------------------------------------------------

// Whether `out` holds exactly these runs already. Throws UsageError where it holds others.
std::optional<Manifest> FoundComplete(const SplitWorld& world) {
  const fs::path out = world.options.out;
  const fs::path path = ManifestPath(out);
  if (!fs::exists(path)) return std::nullopt;
  Manifest found = Manifest::FromJson(ReadText(path), path);
  bool same = found.runs.size() == world.runs.size();
  for (size_t i = 0; same && i < world.runs.size(); ++i) {
    const Manifest wanted = SplitJob(world, i).manifest;
    same = found.runs[i].command == wanted.command && found.runs[i].seed == wanted.seed &&
           found.runs[i].config_sha256 == wanted.config_sha256;
  }
  if (same) {
    RequireShardFiles(out, found.shards, path);
    return found;
  }
  throw UsageError(out.string() +
                   " holds another dataset; choose another --out or remove the folder");
}

std::vector<fs::path> PartsOf(const fs::path& out, size_t runs) {
  std::vector<fs::path> parts;
  for (size_t i = 0; i < runs; ++i) parts.push_back(out / ".runs" / std::to_string(i));
  return parts;
}

// The folder above them too, unless something else is in it.
void RemoveParts(const std::vector<fs::path>& parts) {
  std::error_code ignored;
  for (const fs::path& part : parts) fs::remove_all(part, ignored);
  fs::remove(parts[0].parent_path(), ignored);
}

MergeResult WriteSeveralRuns(const SplitWorld& world, const JobWriter& write) {
  const fs::path out = world.options.out;
  const std::vector<fs::path> parts = PartsOf(out, world.runs.size());
  if (auto found = FoundComplete(world)) {
    RemoveParts(parts);  // of a process that died before it did
    return {std::move(*found), true};
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    DatasetJob job = SplitJob(world, i);
    job.out = parts[i];
    write(job, [&world, i] { return MakeSplitSource(world, i); });
  }
  MergeResult result = MergeDatasets(parts, out);
  result.was_complete = false;
  RemoveParts(parts);
  return result;
}

}  // namespace

SplitWorld SplitWorld::Load(const SplitOptions& options) {
  options.Check();
  SplitWorld world;
  world.options = options;
  world.datasets = OpenDatasets(options);
  world.runs = RunsOf(world.datasets);
  std::vector<std::vector<RowFacts>> facts;
  std::set<SplitGroup> groups;
  uint64_t known = 0;
  for (const SplitRun& run : world.runs) {
    GroupReader reader(world.datasets[run.dataset], run, options.by);
    facts.push_back(reader.Read());
    for (const RowFacts& row : facts.back()) groups.insert(row.group);
    known += reader.known();
  }
  if (groups.empty()) throw DataError(PathsOf(world.datasets) + ": no tuples to split");
  RequireKnown(options, known, world.datasets);
  const auto fates = DrawSplits(
      groups, {options.validation_share, options.test_share, options.labelled_share}, options.seed);
  for (const auto& [group, fate] : fates) ++world.groups[static_cast<size_t>(fate.split)];
  for (size_t i = 0; i < world.runs.size(); ++i) {
    ChooseRows(facts[i], fates, &world, &world.runs[i]);
  }
  auto& runs = world.runs;
  runs.erase(
      std::remove_if(runs.begin(), runs.end(), [](const SplitRun& r) { return r.rows.empty(); }),
      runs.end());
  return world;
}

std::unique_ptr<TupleSource> MakeSplitSource(const SplitWorld& world, size_t run) {
  return std::make_unique<SplitSource>(world.datasets[world.runs[run].dataset], world.runs[run]);
}

DatasetJob SplitJob(const SplitWorld& world, size_t number) {
  SplitOptions options = world.options;
  const SplitRun& run = world.runs[number];
  const Dataset& dataset = world.datasets[run.dataset];
  DatasetJob job = BeginJob("split", options, kTuplesPerBlock);
  Manifest& m = job.manifest;
  m.seed = run.info.seed;  // what numbers of persons and scenes count within
  m.count = run.rows.size();
  m.layout = dataset.manifest().layout;
  m.config =
      ConfigText([&options](Fields& fields) { options.Visit(fields); }, {"data", "out", "threads"});
  m.config_sha256 = HashOfInputs(world, run, m.config);
  m.model_sha256 = run.info.model_sha256;
  m.mesh_sha256 = run.info.mesh_sha256;
  m.licences = dataset.manifest().licences;

  job.metadata = dataset.OpenShard(run.first_shard).Metadata();
  auto& text = job.metadata.text;
  // Of a split of a split these lead to what made the rows.
  text.insert({"before_split_command", run.info.command});
  text.insert({"before_split_config", run.info.config});
  text.insert({"before_split_config_sha256", run.info.config_sha256});
  AddProvenance(m, text["rig"], &job.metadata);
  return job;
}

MergeResult WriteSplit(const SplitWorld& world, const JobWriter& write) {
  if (world.runs.size() > 1) return WriteSeveralRuns(world, write);
  const DatasetJob job = SplitJob(world, 0);
  const fs::path path = ManifestPath(job.out);
  const bool was_complete = fs::exists(path);
  write(job, [&world] { return MakeSplitSource(world, 0); });
  return {Manifest::FromJson(ReadText(path), path), was_complete};
}

}  // namespace handforge
