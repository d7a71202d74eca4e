#include "synth/synth_source.h"

#include "io/assets.h"
#include "io/augment/mirror.h"
#include "io/core/error.h"
#include "io/files.h"
#include "synth/augment_source.h"
#include "synth/coverage.h"
#include "synth/cycle.h"
#include "synth/provenance.h"
#include "synth/tuple_assembler.h"
#include "synth/tuple_drawer.h"

#include <algorithm>
#include <stdexcept>

namespace handforge {

namespace fs = std::filesystem;

namespace {

class SynthSource : public TupleSource {
 public:
  explicit SynthSource(const SynthWorld& world)
      : world_(world), drawer_(world), placer_(world), assembler_(world) {}

  void Make(uint64_t first,
            uint64_t count,
            std::vector<Tuple>* tuples,
            Rejections* rejections) override {
    // Two tuples of a batch would be decoded at one place (PlaceInBatch).
    if (count > kDecodeBatch) throw std::logic_error("SynthSource makes 32 tuples at a time");
    tuples->assign(count, Tuple());
    std::vector<Row> rows(count);
    std::vector<Row*> open;
    for (uint64_t i = 0; i < count; ++i) {
      rows[i].index = first + i;
      rows[i].attempt = drawer_.FirstAttempt(first + i);
      rows[i].tuple = &(*tuples)[i];
      open.push_back(&rows[i]);
    }
    // Joints are cheap to decode, images are not: images are decoded once all rows have a place.
    while (!open.empty()) {
      PlaceAll(open, rejections);
      open = AssembleAll(open, rejections);
    }
  }

  Tuple Remake(const Tuple& stored) {
    Row row;
    Tuple tuple;
    row.index = stored.index;
    row.attempt = stored.attempt;
    row.tuple = &tuple;
    row.draw = DrawOfStored(stored);
    Rejections rejections;
    std::vector<Row*> rows = {&row};
    DecodeJoints(rows);
    const std::string reason = PlaceRow(&row, 0);
    if (reason.empty() && AssembleAll(rows, &rejections).empty()) return tuple;
    throw DataError("tuple " + std::to_string(stored.index) + " is not plausible when made again" +
                    (reason.empty() ? "" : ": " + reason));
  }

 private:
  struct Row {
    uint64_t index = 0;
    uint32_t attempt = 0;
    uint32_t tried = 0;
    TupleDraw draw;
    DecodedJoints joints;
    PlacedHand hand;
    std::string reason;
    Tuple* tuple = nullptr;
  };

  TupleDraw DrawOfStored(const Tuple& stored) {
    TupleDraw draw;
    draw.code.z = stored.z;
    draw.code.method = static_cast<LatentMethod>(stored.latent_method);
    draw.code.parents = stored.parents;
    draw.identity = {stored.index, stored.attempt};
    if (stored.sequence_id < 0) return draw;
    // What frames and views share follows from the numbers, too.
    TupleDraw drawn = drawer_.Draw(stored.index, stored.attempt);
    drawn.code = draw.code;
    return drawn;
  }

  int image_px() const { return static_cast<int>(world_.options.image_px); }

  void DecodeJoints(const std::vector<Row*>& rows) {
    DecodeRequest joints_only;
    joints_only.rgba = joints_only.depth = false;
    DecodeCodes(world_.model, CodesOf(rows), joints_only, &decoded_);
  }

  static std::vector<PlacedCode> CodesOf(const std::vector<Row*>& rows) {
    std::vector<PlacedCode> codes;
    for (const Row* row : rows) codes.push_back({&row->draw.code.z, PlaceInBatch(row->index)});
    return codes;
  }

  std::string PlaceRow(Row* row, int batch_row) {
    row->joints = JointsOfRow(decoded_, batch_row, image_px());
    const auto& known = row->draw.known_in_crop;
    return placer_.Place(row->joints, row->draw.identity, known ? &*known : nullptr, &row->hand);
  }

  // Draws each row until its hand is plausible.
  void PlaceAll(std::vector<Row*> rows, Rejections* rejections) {
    while (!rows.empty()) {
      for (Row* row : rows) {
        if (row->tried == world_.options.max_attempts) GiveUp(*row);
        row->draw = drawer_.Draw(row->index, row->attempt);
      }
      DecodeJoints(rows);
      std::vector<Row*> rejected;
      for (size_t i = 0; i < rows.size(); ++i) {
        if (Rejected(rows[i], PlaceRow(rows[i], static_cast<int>(i)), rejections)) {
          rejected.push_back(rows[i]);
        }
      }
      rows = std::move(rejected);
    }
  }

  static bool Rejected(Row* row, const std::string& reason, Rejections* rejections) {
    if (reason.empty()) return false;
    row->reason = reason;
    ++(*rejections)[reason];
    ++row->attempt;
    ++row->tried;
    return true;
  }

  [[noreturn]] void GiveUp(const Row& row) const {
    ThrowNonePlausible(world_.options, row.index, row.tried, row.reason);
  }

  // Images, ray-traced labels, quality; returns the rows that are rejected after all.
  std::vector<Row*> AssembleAll(const std::vector<Row*>& rows, Rejections* rejections) {
    DecodeRequest image_only;
    image_only.joints3 = image_only.joints2 = image_only.depth = false;
    DecodeCodes(world_.model, CodesOf(rows), image_only, &decoded_);
    std::vector<Row*> assembled, rejected;
    for (size_t i = 0; i < rows.size(); ++i) {
      Row* row = rows[i];
      const DecodedImage image =
          ImageOfRow(decoded_, static_cast<int>(i), world_.model.info().rgb_px);
      const std::string reason =
          assembler_.Assemble(row->hand, image, row->draw.identity, row->tuple);
      (Rejected(row, reason, rejections) ? rejected : assembled).push_back(row);
    }
    if (world_.options.cycle) MeasureAll(assembled, &rejected, rejections);
    for (Row* row : assembled) {
      if (std::find(rejected.begin(), rejected.end(), row) == rejected.end())
        Finish(row, rejections);
    }
    return rejected;
  }

  void MeasureAll(const std::vector<Row*>& rows,
                  std::vector<Row*>* rejected,
                  Rejections* rejections) {
    if (rows.empty()) return;
    std::vector<CycleInput> inputs;
    for (const Row* row : rows) {
      inputs.push_back(
          {&row->tuple->rgb, row->joints, image_px(), row->hand.bone_mm, PlaceInBatch(row->index)});
    }
    const std::vector<CycleErrors> errors = MeasureCycles(world_.model, inputs);
    const double limit_mm = world_.options.plausibility.cycle_mm;
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i]->tuple->quality_cycle_rgb_mm = errors[i].rgb_mm;
      rows[i]->tuple->quality_cycle_2d_mm = errors[i].joints2_mm;
      const bool far = limit_mm > 0 && std::max(errors[i].rgb_mm, errors[i].joints2_mm) > limit_mm;
      if (Rejected(rows[i], far ? "cycle" : "", rejections)) rejected->push_back(rows[i]);
    }
  }

  // Where the tuple comes from, its side, and what is done to it last.
  void Finish(Row* row, Rejections* rejections) {
    Tuple& t = *row->tuple;
    t.index = row->index;
    t.attempt = row->attempt;
    t.image_id = static_cast<int64_t>(row->index);
    t.sequence_id = row->draw.sequence_id;
    t.frame = row->draw.frame;
    t.view_id = row->draw.view_id;
    t.z = row->draw.code.z;
    t.latent_method = static_cast<uint8_t>(row->draw.code.method);
    t.parents = row->draw.code.parents;
    t.present |= kHasLatent;
    Random side = row->draw.identity.For(world_.options.seed, Purpose::kHandedness);
    if (side.Chance(world_.options.left_hands)) MirrorTuple(&t);
    if (world_.augmenter) {
      world_.augmenter->Augment(world_.options.seed, row->index, rejections, &t);
    }
  }

  const SynthWorld& world_;
  TupleDrawer drawer_;
  HandPlacer placer_;
  TupleAssembler assembler_;
  DecodedBatch decoded_;
};

}  // namespace

std::unique_ptr<TupleSource> MakeSynthSource(const SynthWorld& world) {
  return std::make_unique<SynthSource>(world);
}

Tuple RemakeTuple(const SynthWorld& world, const Tuple& row) {
  return SynthSource(world).Remake(row);
}

void PrepareLatentPlan(const DatasetJob& job, SynthWorld* world) {
  if (ParseLatentMethod(world->options.latent) != LatentMethod::kCoverage) return;
  uint64_t count = job.manifest.count;
  const fs::path manifest = ManifestPath(job.out);
  if (fs::exists(manifest)) {
    const Manifest found = Manifest::FromJson(ReadText(manifest), manifest);
    RequireSameRun(job.out, found, job.manifest);
    if (job.append) count += found.count;
  }
  RequireNoOtherRun(job);
  count = CodesFor(world->options, count);
  const fs::path file = job.out / "plan.safetensors";
  const PlanKey key{job.manifest.seed, job.manifest.config_sha256};
  auto plan = ReadPlan(file, key, count);
  if (!plan) {
    plan = PlanCoverage(*world, count, job.threads);
    EnsureWritableFolder(job.out);
    WritePlan(*plan, key, file);
  }
  world->sampler = MakePlannedSampler(std::move(*plan), std::move(world->sampler));
}

DatasetJob SynthJob(const SynthWorld& world) {
  SynthOptions options = world.options;
  const VaeInfo& info = world.model.info();
  DatasetJob job = BeginJob("synth", options, kDecodeBatch);
  Manifest& m = job.manifest;
  m.count = static_cast<uint64_t>(options.count);
  m.layout.image_px = static_cast<int>(options.image_px);
  m.layout.rgb_px = info.rgb_px;
  m.layout.latent_dim = info.latent_dim;
  m.layout.decoded = true;
  m.layout.lineage = true;
  m.layout.rgb_rendered = options.rgb_rendered;
  m.layout.small_px = static_cast<int>(options.small_px);
  m.layout.augmented = world.augmenter.has_value();
  // Model and parents count by their hashes, not by their paths.
  m.config = ConfigText([&options](Fields& fields) { options.Visit(fields); },
                        {"out",
                         "count",
                         "threads",
                         "seed",
                         "model",
                         "parents",
                         "latents",
                         "photos",
                         "augment.spectrum.images"});
  std::string inputs = m.config + world.rig_text + world.rig.sha256 + info.sha256;
  for (const std::string& parent : world.parents_sha256) inputs += parent;
  if (!options.latents.empty()) inputs += Sha256OfFile(options.latents);
  if (!options.condition.gestures.empty()) inputs += ReadText(FindResource(options.gestures));
  for (const Environment& environment : world.environments) {
    inputs += environment.name() + environment.sha256() + "\n";
  }
  inputs += world.photographs.sha256();
  if (world.augmenter && world.augmenter->references()) {
    inputs += world.augmenter->references()->sha256();
  }
  m.config_sha256 = Sha256(inputs.data(), inputs.size());
  m.model_sha256 = info.sha256;
  m.mesh_sha256 = world.rig.sha256;
  m.licences =
      LicencesOf(world.rig, {!world.environments.empty(), options.backdrop == "photos", false});
  AddProvenance(m, world.rig_text, &job.metadata);
  auto& lists = job.metadata.lists;
  lists["latent_method_names"] = LatentMethodNames();
  if (!world.parents_sha256.empty()) lists["parents_sha256"] = world.parents_sha256;
  if (world.augmenter) DescribeAugmentation(*world.augmenter, &job.metadata);
  return job;
}

}  // namespace handforge
