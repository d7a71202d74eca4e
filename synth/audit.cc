#include "synth/audit.h"

#include "io/augment/mirror.h"
#include "io/core/error.h"
#include "io/core/random.h"
#include "io/dataset.h"
#include "io/files.h"
#include "io/hand_box.h"
#include "io/interrupt.h"
#include "render/layers.h"
#include "render/tuple_renderer.h"
#include "synth/render_assets.h"
#include "synth/rendered_again.h"
#include "synth/split_options.h"
#include "synth/tuple_assembler.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <utility>

#include <tbb/enumerable_thread_specific.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;

// Joints of the record against the stored single-precision labels.
constexpr double kJointToleranceMm = 0.01;
// Finger tips of slight hands are about 10 mm wide.
constexpr double kWidestPixelMm = 6;
// Greater than any that augmentation draws.
constexpr double kMostZoom = 4;

// Shards of a run follow each other from index 0.
void CheckRuns(const Manifest& manifest, std::vector<Fault>* faults) {
  std::vector<RunInfo> runs = manifest.runs;
  if (runs.empty()) runs.push_back(manifest.RunOf(0));
  size_t shard = 0;
  for (const RunInfo& run : runs) {
    uint64_t next = 0;
    for (const size_t end = shard + run.shards; shard < end; ++shard) {
      const ShardInfo& info = manifest.shards[shard];
      if (info.first_index != next) {
        faults->push_back({info.file,
                           -1,
                           "",
                           "first_index is " + std::to_string(info.first_index) + ", expected " +
                               std::to_string(next)});
      }
      next = info.first_index + info.tuples;
    }
  }
}

// Shards that lie there unnamed, other than those of an append on its way (they have records).
void CheckStrayShards(const fs::path& folder,
                      const Manifest& manifest,
                      std::vector<Fault>* faults) {
  std::set<std::string> named;
  for (const ShardInfo& info : manifest.shards) named.insert(fs::path(info.file).filename());
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder / "shards", ignored)) {
    const fs::path& file = entry.path();
    const bool shard = file.extension() == ".h5" && !IsTemporaryName(file);
    if (!shard || named.count(file.filename()) > 0) continue;
    if (fs::exists(fs::path(file).replace_extension(".json"))) continue;
    faults->push_back(
        {"shards/" + file.filename().string(), -1, "", "is not named in the manifest"});
  }
}

// Columns whose rows of one number belong to one split of the run: else what is measured has been
// learned.
std::vector<std::string> KeptTogether(const RunInfo& run) {
  // Numbers are those of the source there, whose runs may count persons alike.
  if (run.command == "augment") return {};
  // Authors of published splits may have parted the pictures of a person.
  if (run.command == "import") return {"sequence_id"};
  if (run.command != "split") return {"subject", "sequence_id"};
  SplitOptions split;
  try {
    LoadConfigText(run.config, "config", [&split](Fields& fields) { split.Visit(fields); });
  } catch (const UsageError&) {  // of another version: what it was to keep is not known
    return {};
  }
  const std::map<std::string, std::vector<std::string>> columns = {
      {"subject", {"subject"}}, {"sequence", {"sequence_id"}}, {"image", {"image_id"}}};
  const auto found = columns.find(split.by);
  return found == columns.end() ? std::vector<std::string>() : found->second;
}

void CheckSplits(const fs::path& folder, const Manifest& manifest, std::vector<Fault>* faults) {
  std::vector<RunInfo> runs = manifest.runs;
  if (runs.empty()) runs.push_back(manifest.RunOf(0));
  size_t shard = 0;
  for (const RunInfo& run : runs) {
    std::map<std::pair<std::string, int64_t>, uint8_t> split_of;
    for (const size_t end = shard + run.shards; shard < end; ++shard) {
      const std::string& file = manifest.shards[shard].file;
      ThrowIfInterrupted("auditing");
      const ShardReader reader(folder / file);
      const auto splits = reader.Read<uint8_t>("split", 0, reader.size());
      for (const std::string& column : KeptTogether(run)) {
        const auto numbers = reader.Read<int64_t>(column, 0, reader.size());
        for (size_t row = 0; row < numbers.size(); ++row) {
          if (numbers[row] < 0) continue;
          const auto known = split_of.insert({{column, numbers[row]}, splits[row]}).first;
          if (known->second == splits[row]) continue;
          faults->push_back({file,
                             static_cast<int64_t>(row),
                             "split",
                             "is " + std::to_string(splits[row]) + ", other rows of " + column +
                                 " " + std::to_string(numbers[row]) + " have " +
                                 std::to_string(known->second)});
          return;
        }
      }
    }
  }
}

// Audits one shard after the other; keeps the scene of the last one.
class ShardAuditor {
 public:
  ShardAuditor(const fs::path& folder,
               const Manifest& manifest,
               const AuditOptions& options,
               RenderAssetCache& cache)
      : folder_(folder), manifest_(manifest), options_(options), cache_(cache) {}

  AuditResult Audit(size_t shard) {
    result_ = {};
    run_ = manifest_.RunOf(shard);
    shard_ = manifest_.shards[shard].file;
    try {
      AuditShard(manifest_.shards[shard]);
    } catch (const DataError& e) {
      Report(-1, "", e.what());
    } catch (const fs::filesystem_error& e) {
      Report(-1, "", e.what());
    }
    return std::move(result_);
  }

 private:
  bool Full() const { return static_cast<int64_t>(result_.faults.size()) >= options_.max_faults; }

  void Report(int64_t row, const std::string& column, const std::string& what) {
    if (!Full()) result_.faults.push_back({shard_, row, column, what});
  }

  void AuditShard(const ShardInfo& info) {
    const fs::path path = folder_ / info.file;
    if (!fs::exists(path)) return Report(-1, "", "missing");
    if (fs::file_size(path) != info.bytes) {
      return Report(-1,
                    "",
                    "has " + std::to_string(fs::file_size(path)) + " bytes, the manifest says " +
                        std::to_string(info.bytes));
    }
    const std::string hash = Sha256OfFile(path);
    if (hash != info.sha256) {
      return Report(-1, "", "SHA-256 is " + hash + ", the manifest says " + info.sha256);
    }
    const ShardReader reader(path);
    if (reader.size() != info.tuples) {
      return Report(-1,
                    "",
                    "holds " + std::to_string(reader.size()) + " tuples, the manifest says " +
                        std::to_string(info.tuples));
    }
    CheckColumns(reader);
    CheckAttributes(reader);
    gestures_ = reader.ListAttribute("gesture_names").size();
    PrepareRendering(reader);
    for (uint64_t row = 0; row < reader.size() && !Full(); ++row) {
      ThrowIfInterrupted("auditing");
      AuditRow(reader.ReadTuple(row), static_cast<int64_t>(row), info.first_index + row);
      ++result_.tuples;
    }
  }

  void CheckColumns(const ShardReader& reader) {
    for (const Column& column : TupleColumns(manifest_.layout)) {
      const std::string fault = ColumnFault(reader, column);
      if (!fault.empty()) Report(-1, column.name, fault);
    }
  }

  // A shard says alone what made it: as the manifest does.
  void CheckAttributes(const ShardReader& reader) {
    const std::pair<const char*, const std::string&> wanted[] = {
        {"command", run_.command},
        {"config", run_.config},
        {"config_sha256", run_.config_sha256},
        {"model_sha256", run_.model_sha256},
        {"mesh_sha256", run_.mesh_sha256}};
    for (const auto& [name, value] : wanted) {
      const std::string stored = reader.TextAttribute(name);  // imported shards lack some
      if (!stored.empty() && stored != value) {
        Report(-1, "", std::string("attribute ") + name + " is not what the manifest says");
      }
    }
  }

  void PrepareRendering(const ShardReader& reader) {
    const RenderAssets& assets =
        cache_.Of(RenderInputs::Of(reader, manifest_.layout, run_.mesh_sha256));
    if (&assets != assets_) {
      assets_ = &assets;
      scene_ = assets.rig ? std::make_unique<HandScene>(*assets.rig, *assets.objects) : nullptr;
    }
    result_.not_rendered_because = assets.missing_because;
    names_rig_ = !reader.TextAttribute("rig").empty();
  }

  void AuditRow(const Tuple& t, int64_t row, uint64_t index) {
    if (t.index != index) {
      Report(row, "index", "is " + std::to_string(t.index) + ", expected " + std::to_string(index));
    }
    if (t.seed != run_.seed) Report(row, "seed", "is not the run's");
    if (!CheckFinite(t, row) || !CheckCodes(t, row)) return;
    CheckProjection(t, row);
    CheckSilhouette(t, row);
    CheckVisibleJoints(t, row);
    if (manifest_.layout.decoded && t.source == Source::kDecoded) CheckQuality(t, row);
    if (scene_ == nullptr) {
      result_.assets_missing |= names_rig_ && (t.present & kHasRig) != 0;
      return;
    }
    if ((t.present & kHasRig) != 0) return CheckRig(t, row);
    result_.not_rendered_because = "they hold no rig (`present` says so)";
  }

  bool CheckFinite(const Tuple& t, int64_t row) {
    const size_t before = result_.faults.size();
    if (!t.joints_in_cam.allFinite()) Report(row, "joints_3d", "is not finite");
    if (!t.joints_px.allFinite()) Report(row, "joints_2d", "is not finite");
    if (!t.camera.K().allFinite() || t.camera.fx <= 0 || t.camera.fy <= 0) {
      Report(row, "K", "is not finite with positive focal lengths");
    }
    if (!t.decoded_joints_in_cam.allFinite()) Report(row, "decoded_3d", "is not finite");
    if (!t.decoded_joints_px.allFinite()) Report(row, "decoded_2d", "is not finite");
    for (float value : t.z) {
      if (!std::isfinite(value)) Report(row, "z", "is not finite");
    }
    if ((t.present & kHasRig) != 0) CheckRigFinite(t, row);
    for (float value : t.bbox_px) {
      if (!std::isfinite(value)) Report(row, "bbox", "is not finite");
    }
    return result_.faults.size() == before;
  }

  void CheckRigFinite(const Tuple& t, int64_t row) {
    const BonePoses poses = ToBonePoses(t.rig);
    const auto finite = [](const auto& values) {
      return std::all_of(
          values.begin(), values.end(), [](const auto& value) { return value.allFinite(); });
    };
    if (!finite(poses.rotation)) Report(row, "rig_rotation", "is not finite");
    if (!finite(poses.origin_mm)) Report(row, "rig_origin", "is not finite");
    if (!finite(poses.scale)) Report(row, "rig_scale", "is not finite");
  }

  bool CheckCodes(const Tuple& t, int64_t row) {
    const size_t before = result_.faults.size();
    if (static_cast<int>(t.handedness) > 1) Report(row, "handedness", "must be 0 or 1");
    if (static_cast<int>(t.split) > 2) Report(row, "split", "must be 0, 1 or 2");
    if (t.frame < 0) Report(row, "frame", "must be 0 or more");
    if (t.view_id < 0) Report(row, "view_id", "must be 0 or more");
    if (t.gesture < -1 || t.gesture >= static_cast<int64_t>(gestures_)) {
      Report(row,
             "gesture",
             "is " + std::to_string(t.gesture) + ", the shard names " + std::to_string(gestures_));
    }
    if (static_cast<int>(t.source) > 3) Report(row, "source", "must lie in 0..3");
    if (t.augmentation.applied >= 1u << kNumAugmented) {
      Report(row, "augmented", "holds an unknown bit");
    }
    const double zoom = t.augmentation.numbers[kZoomFactor];
    if (t.augmentation.applied != 0 && !(zoom >= 1 / kMostZoom && zoom <= kMostZoom)) {
      Report(row, "augment_numbers", "holds the zoom " + std::to_string(zoom));
    }
    for (uint8_t v : t.visible) {
      const bool imported = v == kHidden && t.source == Source::kImported;
      if (v > kHiddenByOtherHand && v != kVisibilityUnknown && !imported) {
        Report(row, "visible", "holds the unknown code " + std::to_string(v));
      }
    }
    return result_.faults.size() == before;
  }

  void CheckProjection(const Tuple& t, int64_t row) {
    if ((t.present & kHasJoints3) == 0 || (t.present & kHasJoints2) == 0) return;
    const double worst =
        (t.camera.Project(t.joints_in_cam) - t.joints_px).rowwise().norm().maxCoeff();
    if (!(worst <= options_.projection_px)) {
      Report(row, "joints_2d", "K times joints_3d lies " + std::to_string(worst) + " px away");
    }
  }

  static bool Has(const Tuple& t, uint32_t bits) { return (t.present & bits) == bits; }

  // What the quality columns say follows from the others.
  void CheckQuality(const Tuple& t, int64_t row) {
    const auto check = [&](const char* column, double stored, double expected) {
      if (std::abs(stored - expected) <= options_.quality * (1 + std::abs(expected))) return;
      Report(row,
             column,
             "is " + std::to_string(stored) + ", the columns say " + std::to_string(expected));
    };
    const auto rms = [](double squared) { return std::sqrt(squared / kNumJoints); };
    check("quality_residual_px",
          t.quality_residual_px,
          rms((t.decoded_joints_px - t.joints_px).squaredNorm()));
    // The others are those of the row it was made from.
    if (t.augmentation.applied != 0) return;
    check("quality_fit_mm",
          t.quality_fit_mm,
          rms((t.decoded_joints_in_cam - t.joints_in_cam).squaredNorm()));
    if ((t.present & kHasAlpha) != 0 && !t.mask.empty()) {
      check("quality_silhouette_iou", t.quality_silhouette_iou, SilhouetteIou(t.alpha, t.mask));
    }
  }

  void CheckSilhouette(const Tuple& t, int64_t row) {
    if (!Has(t, kHasMask)) return;
    for (size_t i = 0; Has(t, kHasDepth) && i < t.mask.pixels.size(); ++i) {
      if ((t.mask.pixels[i] == 0) == (t.depth.pixels[i] == 0)) continue;
      // A depth camera does not measure every pixel of a hand.
      if (t.source == Source::kImported && t.depth.pixels[i] == 0) continue;
      const auto width = static_cast<size_t>(t.mask.width);
      return Report(row,
                    "depth",
                    "and mask disagree at pixel " + std::to_string(i % width) + ", " +
                        std::to_string(i / width));
    }
    if (CountHandPixels(t.mask) == 0) return Report(row, "mask", "shows no hand");
    if (BoxOfHand(t.mask) != t.bbox_px) Report(row, "bbox", "does not enclose the hand's mask");
  }

  // The stored depth and mask around each visible joint. Visibility belongs to the joint's own ray,
  // which passes between pixel centres: one of those at most 2 px away must show its part at its
  // depth. One joint of a row may be seen through a gap too narrow for any, and where pixels are
  // nearly as wide as finger tips, any tip may lie between them. (Rows that are rendered again
  // compare visibility itself. Authors of other datasets judge it in their own ways.)
  void CheckVisibleJoints(const Tuple& t, int64_t row) {
    if (t.source == Source::kImported) return;
    if (!Has(t, kHasMask | kHasDepth | kHasJoints2 | kHasJoints3)) return;
    if (PixelMm(t) > kWidestPixelMm) return;
    std::vector<std::pair<std::string, std::string>> mismatches;
    for (int j = 0; j < kNumJoints; ++j) {
      const Eigen::Vector2d p = t.joints_px.row(j);
      if (!t.camera.Contains(p)) {
        if (t.visible[j] == kVisible)
          Report(row, "visible", std::string(kJointNames[j]) + " is out of frame");
        continue;
      }
      if (t.visible[j] != kVisible) continue;
      bool part_fits = false, depth_fits = false;
      double nearest = 1e9;
      for (int cell = 0; cell < 16; ++cell) {
        const int x = static_cast<int>(std::floor(p.x())) - 1 + cell % 4;
        const int y = static_cast<int>(std::floor(p.y())) - 1 + cell / 4;
        if (!t.mask.Contains(x, y) || t.mask.at(x, y) == 0) continue;
        part_fits |= PartTouchesJoint(t.mask.at(x, y), j);
        const double before = t.joints_in_cam(j, 2) - kDepthUnitMm * t.depth.at(x, y);
        depth_fits |= before <= options_.depth_before_mm + PixelSlackMm(t) &&
                      before >= -options_.depth_behind_mm - PixelSlackMm(t);
        if (std::abs(before) < std::abs(nearest)) nearest = before;
      }
      const std::string name(kJointNames[j]);
      if (!part_fits) {
        mismatches.emplace_back("mask", "shows another part at the visible joint " + name);
      } else if (!depth_fits) {
        mismatches.emplace_back(
            "depth",
            "surface lies " + std::to_string(nearest) + " mm before the visible joint " + name);
      }
    }
    if (mismatches.size() < 2) return;
    for (const auto& [column, what] : mismatches) Report(row, column, what);
  }

  // Depth can change by about this much over a pixel of slanted skin.
  static double PixelSlackMm(const Tuple& t) { return 3 * PixelMm(t); }

  // What a pixel spans at the wrist.
  static double PixelMm(const Tuple& t) { return t.joints_in_cam(0, 2) / t.camera.fx; }

  void CheckRig(const Tuple& stored, int64_t row) {
    Tuple t = stored;
    const bool left = t.handedness == Handedness::kLeft;
    if (left) MirrorTuple(&t);
    const Joints3 joints = JointsOf(*assets_->rig, ToBonePoses(t.rig));
    const double worst = (joints - t.joints_in_cam).rowwise().norm().maxCoeff();
    if (!(worst <= kJointToleranceMm)) {
      return Report(row, "joints_3d", "the rig's joints lie " + std::to_string(worst) + " mm away");
    }
    if (!ChosenForRendering(t.index)) return;
    ++result_.rendered_again;
    t.joints_in_cam = joints;
    RenderLabels(scene_.get(), &t);
    if (!stored.depth_small.empty()) {
      const int size_px = stored.depth_small.width;
      scene_->Trace(t.camera.Resized(size_px, size_px));
      t.depth_small = scene_->Depth();
      t.mask_small = scene_->Mask();
    }
    std::vector<std::string> layers = manifest_.layout.columns;
    layers.erase(std::remove_if(layers.begin(), layers.end(), NeedsMoreThanTheRow), layers.end());
    RenderLayers(*scene_, layers, nullptr, &t);
    if (left) MirrorTuple(&t);
    if (t.depth_small.pixels != stored.depth_small.pixels)
      Report(row, "depth_small", "differs from what the rig renders to");
    if (t.mask_small.pixels != stored.mask_small.pixels)
      Report(row, "mask_small", "differs from what the rig renders to");
    const Tuple before = RenderedBeforeMove(stored, t);
    for (const Difference& difference : CompareWithRendered(stored, t, before)) {
      Report(row, difference.column, difference.what);
    }
    const std::pair<const char*, bool> same_layers[] = {
        {"instance", t.instance.pixels == stored.instance.pixels},
        {"normals", t.normals.pixels == stored.normals.pixels},
        {"correspondence", t.correspondence.pixels == stored.correspondence.pixels},
        {"visible_fraction", t.visible_fraction == stored.visible_fraction}};
    for (const auto& [layer, same] : same_layers) {
      if (!same) Report(row, layer, "differs from what the rig renders to");
    }
  }

  // `rendered` is the row itself, rendered again.
  Tuple RenderedBeforeMove(const Tuple& stored, const Tuple& rendered) {
    if ((stored.augmentation.applied & kResampled) == 0) return rendered;
    Tuple t = BeforeMove(stored);
    const bool left = t.handedness == Handedness::kLeft;
    if (left) MirrorTuple(&t);
    t.joints_in_cam = JointsOf(*assets_->rig, ToBonePoses(t.rig));
    RenderLabels(scene_.get(), &t);
    if (left) MirrorTuple(&t);
    return t;
  }

  // Columns that no layer is, or one that shows the frame before.
  static bool NeedsMoreThanTheRow(const std::string& column) {
    return column == "previous_2d" ||
           std::find(kLayerNames.begin(), kLayerNames.end(), column) == kLayerNames.end();
  }

  bool ChosenForRendering(uint64_t index) const {
    if (options_.rerender_rows < 0) return true;
    const double share = static_cast<double>(options_.rerender_rows *
                                             static_cast<int64_t>(manifest_.shards.size())) /
                         static_cast<double>(std::max<uint64_t>(manifest_.count, 1));
    return Random(manifest_.seed, index, 0, Purpose::kAudit).Chance(share);
  }

  const fs::path& folder_;
  const Manifest& manifest_;
  const AuditOptions& options_;
  RenderAssetCache& cache_;
  // Of the shard in hand.
  AuditResult result_;
  RunInfo run_;
  std::string shard_;    // its file
  size_t gestures_ = 0;  // that it names
  bool names_rig_ = false;
  // Of the last shard that was rendered; no scene where that cannot be.
  const RenderAssets* assets_ = nullptr;
  std::unique_ptr<HandScene> scene_;
};

void Add(AuditResult result, int64_t max_faults, AuditResult* all) {
  all->tuples += result.tuples;
  all->rendered_again += result.rendered_again;
  all->assets_missing |= result.assets_missing;
  if (!result.not_rendered_because.empty()) {
    all->not_rendered_because = std::move(result.not_rendered_because);
  }
  for (Fault& fault : result.faults) {
    if (static_cast<int64_t>(all->faults.size()) >= max_faults) return;
    all->faults.push_back(std::move(fault));
  }
}

// Before there are workers (RenderAssetCache): the first shard of a run says what all of it is made
// with. Of a damaged one its auditor will say what is wrong.
void LoadAssets(const fs::path& folder, const Manifest& manifest, RenderAssetCache* cache) {
  std::vector<RunInfo> runs = manifest.runs;
  if (runs.empty()) runs.push_back(manifest.RunOf(0));
  size_t shard = 0;
  for (const RunInfo& run : runs) {
    if (run.shards == 0) continue;
    const ShardInfo& info = manifest.shards[shard];
    shard += run.shards;
    try {
      if (Sha256OfFile(folder / info.file) != info.sha256) continue;
      cache->Of(
          RenderInputs::Of(ShardReader(folder / info.file), manifest.layout, run.mesh_sha256));
    } catch (const DataError&) {
      continue;
    }
  }
}

}  // namespace

AuditResult AuditDataset(const fs::path& folder, const AuditOptions& options) {
  const fs::path manifest_path = ManifestPath(folder);
  if (!fs::exists(folder)) throw DataError(folder.string() + ": no such folder");
  if (!fs::exists(manifest_path)) {
    throw DataError(folder.string() +
                    " is no complete dataset: it has no dataset.json (written last; the command "
                    "that makes the dataset continues it)");
  }
  AuditResult all;
  Manifest manifest;
  try {
    manifest = Manifest::FromJson(ReadText(manifest_path), manifest_path);
  } catch (const DataError& e) {
    all.faults.push_back({"", -1, "", e.what()});
    return all;
  }
  CheckRuns(manifest, &all.faults);
  CheckStrayShards(folder, manifest, &all.faults);
  std::vector<AuditResult> results(manifest.shards.size());
  RenderAssetCache cache;
  LoadAssets(folder, manifest, &cache);
  tbb::enumerable_thread_specific<ShardAuditor> auditors(
      [&] { return ShardAuditor(folder, manifest, options, cache); });
  tbb::task_arena(options.threads).execute([&] {
    tbb::parallel_for(size_t{0}, results.size(), [&](size_t shard) {
      results[shard] = auditors.local().Audit(shard);
    });
  });
  for (AuditResult& result : results) Add(std::move(result), options.max_faults, &all);
  if (all.ok()) CheckSplits(folder, manifest, &all.faults);
  return all;
}

}  // namespace handforge
