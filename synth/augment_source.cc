#include "synth/augment_source.h"

#include "io/core/error.h"
#include "io/files.h"
#include "synth/provenance.h"

#include <algorithm>
#include <optional>

namespace handforge {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kTuplesPerBlock = 8;

constexpr char kGesturesAttribute[] = "gesture_names";

// But for what the file says of its licence.
bool SameRig(const std::string& text, const std::string& other) {
  if (text == other || text.empty() || other.empty()) return text == other;
  RigSpec a = RigSpec::Parse(text, "attribute rig"), b = RigSpec::Parse(other, "attribute rig");
  b.licence = a.licence;
  return a.Text() == b.Text();
}

// Rows of the source by number, gestures as the world counts them; keeps the shard of the last one
// open.
class RowReader {
 public:
  explicit RowReader(const AugmentWorld& world) : world_(world) {
    uint64_t next = 0;
    for (const ShardInfo& shard : world.source.manifest().shards) {
      ends_.push_back(next += shard.tuples);
    }
  }

  Tuple Read(uint64_t row) {
    const auto shard =
        static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), row) - ends_.begin());
    if (!reader_ || shard != open_) Open(shard);
    Tuple t = reader_->ReadTuple(row - (shard == 0 ? 0 : ends_[shard - 1]));
    if (!same_rig_) t.present &= ~static_cast<uint32_t>(kHasRig);
    if (t.gesture >= 0 && !world_.gesture_names.empty()) {
      const auto gesture = static_cast<size_t>(t.gesture);
      t.gesture = gesture < gestures_.size() ? gestures_[gesture] : -1;
    }
    return t;
  }

 private:
  void Open(size_t shard) {
    reader_.emplace(world_.source.OpenShard(shard));
    open_ = shard;
    same_rig_ = SameRig(reader_->TextAttribute("rig"), world_.rig_text) &&
                reader_->TextAttribute("mesh_sha256") == world_.mesh_sha256;
    gestures_.clear();
    const auto& all = world_.gesture_names;
    for (const std::string& name : reader_->ListAttribute(kGesturesAttribute)) {
      const auto found = std::find(all.begin(), all.end(), name);
      gestures_.push_back(found == all.end() ? -1 : static_cast<int>(found - all.begin()));
    }
  }

  const AugmentWorld& world_;
  std::vector<uint64_t> ends_;  // rows up to and with each shard
  std::optional<ShardReader> reader_;
  size_t open_ = 0;
  bool same_rig_ = true;
  std::vector<int> gestures_;  // numbers of the world's by those of the open shard
};

// The first shard of every run says what all of the run's are made with.
void ReadAttributes(AugmentWorld* world) {
  const Manifest& manifest = world->source.manifest();
  std::vector<RunInfo> runs = manifest.runs;
  if (runs.empty()) runs.push_back(manifest.RunOf(0));
  size_t shard = 0;
  for (const RunInfo& run : runs) {
    if (run.shards == 0) continue;
    const ShardReader reader = world->source.OpenShard(shard);
    shard += run.shards;
    if (world->rig_text.empty()) {
      world->rig_text = reader.TextAttribute("rig");
      world->mesh_sha256 = run.mesh_sha256;
    }
    auto& all = world->gesture_names;
    for (const std::string& name : reader.ListAttribute(kGesturesAttribute)) {
      if (std::find(all.begin(), all.end(), name) == all.end()) all.push_back(name);
    }
  }
}

class AugmentSource : public TupleSource {
 public:
  explicit AugmentSource(const AugmentWorld& world) : world_(world), rows_(world) {}

  void Make(uint64_t first,
            uint64_t count,
            std::vector<Tuple>* tuples,
            Rejections* rejections) override {
    tuples->clear();
    const uint64_t seed = world_.options.seed;
    for (uint64_t index = first; index < first + count; ++index) {
      Tuple t = rows_.Read(index % world_.source.size());
      world_.augmenter.Augment(seed, index, rejections, &t);
      t.seed = seed;
      t.index = index;
      t.image_id = static_cast<int64_t>(index);
      if (world_.options.augmentation.geometry.MovesCameras()) {
        t.sequence_id = -1;
        t.frame = t.view_id = 0;
      }
      // Objects and another hand are not moved along, so the rig alone no longer makes the picture.
      if (world_.source.manifest().layout.Has("objects") ||
          world_.source.manifest().layout.Has("other_hand")) {
        t.present &= ~static_cast<uint32_t>(kHasRig);
      }
      tuples->push_back(std::move(t));
    }
  }

 private:
  const AugmentWorld& world_;
  RowReader rows_;
};

}  // namespace

AugmentWorld AugmentWorld::Load(const fs::path& source, const AugmentJobOptions& options) {
  std::error_code ignored;
  if (fs::equivalent(source, options.out, ignored)) {
    throw UsageError("augment.out " + options.out + " is the source itself; choose another --out");
  }
  Dataset dataset(source);
  if (dataset.manifest().layout.augmented) {
    throw UsageError(source.string() +
                     " is augmented already; augment the dataset it was made from (--copies gives "
                     "more of it)");
  }
  if (dataset.size() == 0) throw DataError(source.string() + ": holds no tuples to augment");
  const int rgb_px = dataset.manifest().layout.rgb_px;
  AugmentWorld world{
      options, std::move(dataset), Augmenter(options.augmentation, rgb_px), "", "", {}};
  ReadAttributes(&world);
  return world;
}

std::unique_ptr<TupleSource> MakeAugmentSource(const AugmentWorld& world) {
  return std::make_unique<AugmentSource>(world);
}

std::vector<std::string> ColumnsLeftOut(const TupleLayout& source) {
  std::vector<std::string> left_out = source.columns;
  if (source.rgb_rendered) left_out.emplace_back("rgb_rendered");
  if (source.small_px > 0) left_out.emplace_back("rgb_small, depth_small, mask_small");
  return left_out;
}

DatasetJob AugmentJob(const AugmentWorld& world) {
  AugmentJobOptions options = world.options;
  const Manifest& source = world.source.manifest();
  const fs::path source_path = ManifestPath(world.source.folder());
  const std::string source_sha256 = Sha256OfFile(source_path);
  DatasetJob job = BeginJob("augment", options, kTuplesPerBlock);
  Manifest& m = job.manifest;
  m.count = options.count > 0 ? static_cast<uint64_t>(options.count)
                              : static_cast<uint64_t>(options.copies) * source.count;
  m.layout = source.layout;
  m.layout.augmented = true;
  // Made from the other columns, which change.
  m.layout.rgb_rendered = false;
  m.layout.small_px = 0;
  m.layout.columns.clear();
  // Source and pictures count by their hashes, not by their paths.
  m.config = ConfigText([&options](Fields& fields) { options.Visit(fields); },
                        {"out", "count", "copies", "threads", "seed", "spectrum.images"});
  std::string inputs = m.config + source_sha256;
  if (world.augmenter.references()) inputs += world.augmenter.references()->sha256();
  m.config_sha256 = Sha256(inputs.data(), inputs.size());
  m.model_sha256 = source.model_sha256;
  m.mesh_sha256 = world.mesh_sha256;
  m.licences = source.licences;

  AddProvenance(m, world.rig_text, &job.metadata);
  auto& text = job.metadata.text;
  text["source_command"] = source.command;
  text["source_config"] = source.config;
  text["source_seed"] = std::to_string(source.seed);
  text["source_manifest_sha256"] = source_sha256;
  if (!world.gesture_names.empty()) job.metadata.lists[kGesturesAttribute] = world.gesture_names;
  DescribeAugmentation(world.augmenter, &job.metadata);
  return job;
}

void DescribeAugmentation(const Augmenter& augmenter, ShardMetadata* metadata) {
  auto& lists = metadata->lists;
  lists["augmented_names"] = {kAugmentedNames.begin(), kAugmentedNames.end()};
  lists["augment_number_names"] = {kAugmentNumberNames.begin(), kAugmentNumberNames.end()};
  if (augmenter.references()) lists["augment_images"] = augmenter.references()->names();
}

}  // namespace handforge
