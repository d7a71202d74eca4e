// Datasets made from datasets: what the audit says of them, and of faults planted in them.
#include "synth/augment_source.h"

#include "io/augment/camera_move.h"
#include "io/augment/mirror.h"
#include "io/core/error.h"
#include "synth/audit.h"
#include "synth/merge.h"
#include "synth/rendered_again.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
#include "tests/synth/synth_testing.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <set>

#include <gmock/gmock.h>

namespace handforge {
namespace {

constexpr int64_t kTuples = 24;

// The augmented tuples with a change made before they are hashed.
class ChangedSource : public TupleSource {
 public:
  ChangedSource(std::unique_ptr<TupleSource> source, std::function<void(Tuple*)> change)
      : source_(std::move(source)), change_(std::move(change)) {}
  void Make(uint64_t first,
            uint64_t count,
            std::vector<Tuple>* tuples,
            Rejections* rejections) override {
    source_->Make(first, count, tuples, rejections);
    for (Tuple& t : *tuples) change_(&t);
  }

 private:
  std::unique_ptr<TupleSource> source_;
  std::function<void(Tuple*)> change_;
};

class AugmentDataset : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    WriteSmallDataset(SmallWorld(*folder_ / "source", kTuples, 10), 2);
  }
  static void TearDownTestSuite() { delete folder_; }

  AugmentJobOptions Options(const std::string& name) const {
    AugmentJobOptions options;
    options.out = out_ / name;
    options.copies = 2;
    options.tuples_per_shard = 20;
    options.seed = 3;
    options.augmentation.occluders.share = 0.5;
    return options;
  }

  static DatasetResult Write(
      const AugmentJobOptions& options,
      int threads,
      const std::function<void(Tuple*)>& change = [](Tuple*) {}) {
    const AugmentWorld world = AugmentWorld::Load(*folder_ / "source", options);
    DatasetJob job = AugmentJob(world);
    job.threads = threads;
    return WriteDataset(
        job, [&] { return std::make_unique<ChangedSource>(MakeAugmentSource(world), change); });
  }

  static AuditResult FullAudit(const std::filesystem::path& dataset) {
    AuditOptions options;
    options.rerender_rows = -1;
    return AuditDataset(dataset, options);
  }

  // Rows with at least one fault.
  size_t RowsFound(const std::function<void(Tuple*)>& change) {
    const AugmentJobOptions options = Options("changed" + std::to_string(++changed_));
    Write(options, 2, change);
    std::set<std::pair<std::string, int64_t>> rows;
    for (const Fault& fault : FullAudit(options.out).faults) rows.insert({fault.shard, fault.row});
    return rows.size();
  }

  static TemporaryFolder* folder_;
  TemporaryFolder out_;
  int changed_ = 0;
};
TemporaryFolder* AugmentDataset::folder_ = nullptr;

TEST_F(AugmentDataset, PassesTheAuditThatRendersEveryRow) {
  const AugmentJobOptions options = Options("augmented");
  const DatasetResult result = Write(options, 2);
  EXPECT_EQ(result.manifest.count, static_cast<uint64_t>(2 * kTuples));
  EXPECT_TRUE(result.manifest.layout.augmented);
  const AuditResult audit = FullAudit(options.out);
  for (const Fault& fault : audit.faults) {
    ADD_FAILURE() << fault.shard << " " << fault.row << " " << fault.column << ": " << fault.what;
  }
  EXPECT_EQ(audit.tuples, static_cast<uint64_t>(2 * kTuples));
  EXPECT_EQ(audit.rendered_again, static_cast<uint64_t>(2 * kTuples));
}

TEST_F(AugmentDataset, IsTheSameForAnyNumberOfThreads) {
  const AugmentJobOptions one = Options("one"), three = Options("three");
  Write(one, 1);
  Write(three, 3);
  EXPECT_EQ(ShardHashes(one.out), ShardHashes(three.out));
}

TEST_F(AugmentDataset, TheSameJobAgainKeepsWhatIsThere) {
  const AugmentJobOptions options = Options("again");
  Write(options, 2);
  const auto hashes = ShardHashes(options.out);
  EXPECT_TRUE(Write(options, 2).was_complete);
  std::filesystem::remove(ManifestPath(options.out));
  Write(options, 2);
  EXPECT_EQ(ShardHashes(options.out), hashes);
}

TEST_F(AugmentDataset, RowsSayWhatTheyCameFrom) {
  const AugmentJobOptions options = Options("provenance");
  Write(options, 2);
  const Dataset source(*folder_ / "source"), augmented(options.out);
  EXPECT_EQ(augmented.manifest().mesh_sha256, source.manifest().mesh_sha256);
  std::vector<Tuple> first;
  for (size_t s = 0; s < source.manifest().shards.size(); ++s) {
    const ShardReader reader = source.OpenShard(s);
    for (uint64_t row = 0; row < reader.size(); ++row) first.push_back(reader.ReadTuple(row));
  }
  uint64_t index = 0;
  std::set<uint32_t> kinds;
  for (size_t s = 0; s < augmented.manifest().shards.size(); ++s) {
    const ShardReader reader = augmented.OpenShard(s);
    EXPECT_EQ(reader.ListAttribute("augment_number_names").size(), size_t{kNumAugmentNumbers});
    for (uint64_t row = 0; row < reader.size(); ++row, ++index) {
      const Tuple t = reader.ReadTuple(row);
      EXPECT_EQ(t.index, index);
      EXPECT_EQ(t.augmentation.source_index, index % kTuples);
      const Tuple& was = first[index % kTuples];
      EXPECT_EQ(t.gesture, was.gesture);
      EXPECT_EQ(t.split, was.split);
      EXPECT_EQ(t.subject, was.subject);
      EXPECT_EQ(t.handedness != was.handedness, (t.augmentation.applied & kFlipped) != 0);
      kinds.insert(t.augmentation.applied);
    }
  }
  EXPECT_EQ(index, static_cast<uint64_t>(2 * kTuples));
  EXPECT_GT(kinds.size(), 5u);
}

// The runs of a merged source number their gestures differently.
TEST_F(AugmentDataset, GesturesKeepTheirNamesWhateverRunTheyAreOf) {
  RenderOptions other = SmallWorld(out_ / "test_part", kTuples, 10).options;
  other.hold_out.part = "test";
  WriteSmallDataset(RenderWorld::Load(other), 2);
  const std::vector<std::filesystem::path> parts = {*folder_ / "source", out_ / "test_part"};
  MergeDatasets(parts, out_ / "merged");
  const auto names = [](const std::filesystem::path& folder) {
    const Dataset dataset(folder);
    std::vector<std::string> all;
    for (size_t s = 0; s < dataset.manifest().shards.size(); ++s) {
      const ShardReader reader = dataset.OpenShard(s);
      const auto known = reader.ListAttribute("gesture_names");
      for (uint64_t row = 0; row < reader.size(); ++row) {
        const int gesture = reader.ReadTuple(row).gesture;
        all.push_back(gesture < 0 ? "" : known.at(static_cast<size_t>(gesture)));
      }
    }
    return all;
  };
  AugmentJobOptions options = Options("of_merged");
  options.copies = 1;
  const AugmentWorld world = AugmentWorld::Load(out_ / "merged", options);
  WriteDataset(AugmentJob(world), [&] { return MakeAugmentSource(world); });
  const std::vector<std::string> before = names(out_ / "merged");
  EXPECT_EQ(names(options.out), before);
  EXPECT_GT(std::set<std::string>(before.begin(), before.end()).size(), 10u);
  const AuditResult audit = FullAudit(options.out);
  EXPECT_TRUE(audit.ok());
  EXPECT_EQ(audit.rendered_again, static_cast<uint64_t>(2 * kTuples));
}

// Which of the rows that are made of those of a dataset hold a rig.
std::vector<bool> RigsAfterAugmenting(const std::filesystem::path& source,
                                      const AugmentJobOptions& options) {
  const AugmentWorld world = AugmentWorld::Load(source, options);
  WriteDataset(AugmentJob(world), [&] { return MakeAugmentSource(world); });
  const Dataset dataset(options.out);
  std::vector<bool> rigs;
  for (size_t s = 0; s < dataset.manifest().shards.size(); ++s) {
    const ShardReader reader = dataset.OpenShard(s);
    for (const uint32_t present : reader.Read<uint32_t>("present", 0, reader.size())) {
      rigs.push_back((present & kHasRig) != 0);
    }
  }
  return rigs;
}

// A shard names one rig, and poses of another would be posed with it.
TEST_F(AugmentDataset, PosesOfAnotherRigAreNotKept) {
  const auto of_two_rigs = [&](const std::string& name, const auto& change) {
    RenderOptions other = SmallWorld(out_ / name, 3, 10).options;
    ++other.seed;
    const RenderWorld world = RenderWorld::Load(other);
    DatasetJob job = RenderJob(world);
    RigSpec rig = RigSpec::Parse(job.metadata.text["rig"], "rig");
    change(&rig);
    job.metadata.text["rig"] = rig.Text();
    WriteDataset(job, [&] { return MakeRenderSource(world); });
    MergeDatasets({*folder_ / "source", out_ / name}, out_ / ("two_" + name));
    AugmentJobOptions options = Options("of_" + name);
    options.copies = 1;
    return RigsAfterAugmenting(out_ / ("two_" + name), options);
  };
  std::vector<bool> expected(kTuples + 3, true);
  EXPECT_EQ(of_two_rigs("licences", [](RigSpec* rig) { rig->licence = "another"; }), expected);
  std::fill(expected.end() - 3, expected.end(), false);
  EXPECT_EQ(of_two_rigs("rigs", [](RigSpec* rig) { rig->tip_below_surface_mm += 1; }), expected);
}

// The other hand is not moved along: the rig alone does not make the picture.
TEST_F(AugmentDataset, PosesOfTwoHandsAreNotKept) {
  RenderOptions render = SmallWorld(out_ / "two_hands", 4, 10).options;
  render.two_hands = 1;
  WriteSmallDataset(RenderWorld::Load(render), 1);
  AugmentJobOptions options = Options("of_two_hands");
  options.copies = 1;
  EXPECT_EQ(RigsAfterAugmenting(render.out, options), std::vector<bool>(4, false));
}

// ---- Faults planted in augmented rows are found -------------------------------------------------

TEST_F(AugmentDataset, AuditCatchesAJointShiftedTwoPixels) {
  EXPECT_EQ(RowsFound([](Tuple* t) { t->joints_px(kRingDip, 0) += 2; }), size_t{2 * kTuples});
}

TEST_F(AugmentDataset, AuditCatchesSwappedJoints) {
  EXPECT_EQ(RowsFound([](Tuple* t) {
              t->joints_in_cam.row(kIndexPip).swap(t->joints_in_cam.row(kMiddlePip));
              t->joints_px.row(kIndexPip).swap(t->joints_px.row(kMiddlePip));
            }),
            size_t{2 * kTuples});
}

TEST_F(AugmentDataset, AuditCatchesAFlipWithoutHandedness) {
  EXPECT_EQ(RowsFound([](Tuple* t) {
              const Handedness side = t->handedness;
              MirrorTuple(t);
              t->handedness = side;
            }),
            size_t{2 * kTuples});
}

TEST_F(AugmentDataset, AuditCatchesAShiftedMask) {
  EXPECT_EQ(RowsFound([](Tuple* t) {
              std::rotate(t->mask.pixels.begin(), t->mask.pixels.begin() + 2, t->mask.pixels.end());
            }),
            size_t{2 * kTuples});
}

// A warp that forgets that z changes with the camera's turn.
TEST_F(AugmentDataset, AuditCatchesDepthThatWasNotTurned) {
  const auto turned = [](const Tuple& t) {
    const auto& n = t.augmentation.numbers;
    return std::abs(n[kPanDeg]) > 1 || std::abs(n[kTiltDeg]) > 1;
  };
  std::atomic<size_t> rows = 0;  // counted by two threads
  const size_t found = RowsFound([&](Tuple* t) {
    if (!turned(*t)) return;
    ++rows;
    const CameraMove move = MoveOf(t->augmentation);
    CameraMove grid = move;
    grid.flip = false;
    grid.new_from_cam.setIdentity();
    const Eigen::Matrix3d old_from_new =
        OldFromNewPixel(grid.Inverse().Apply(t->camera), t->camera, move.new_from_cam);
    for (int y = 0; y < t->depth.height; ++y) {
      for (int x = 0; x < t->depth.width; ++x) {
        const double old_over_new = (old_from_new * Eigen::Vector3d(x, y, 1)).z();
        t->depth.at(x, y) = static_cast<uint16_t>(std::lround(t->depth.at(x, y) * old_over_new));
      }
    }
  });
  EXPECT_GT(rows, 8u);
  EXPECT_EQ(found, rows);
}

TEST_F(AugmentDataset, AuditCatchesAMillimetreOfDepthInATenthOfTheRowsPixels) {
  EXPECT_EQ(RowsFound([](Tuple* t) {
              int shown = 0;
              for (uint16_t& depth : t->depth.pixels) {
                if (depth != 0 && ++shown % 10 == 0) depth += 10;
              }
            }),
            size_t{2 * kTuples});
}

// Fingers are hardly wider than a pixel there, and most pixels lie at an edge.
TEST_F(AugmentDataset, SmallestPicturesPassTheAudit) {
  RenderOptions small = SmallWorld(out_ / "small", 200, 200).options;
  small.image_px = 32;
  small.rgb_px = 32;
  WriteSmallDataset(RenderWorld::Load(small), 2);
  EXPECT_TRUE(FullAudit(small.out).ok());
  AugmentJobOptions options = Options("of_small");
  const AugmentWorld world = AugmentWorld::Load(small.out, options);
  WriteDataset(AugmentJob(world), [&] { return MakeAugmentSource(world); });
  const AuditResult audit = FullAudit(options.out);
  for (const Fault& fault : audit.faults) {
    ADD_FAILURE() << fault.row << " " << fault.column << ": " << fault.what;
  }
  EXPECT_EQ(audit.rendered_again, 400u);
}

TEST_F(AugmentDataset, AuditCatchesRowsThatDenyTheirAugmentation) {
  std::atomic<size_t> rows = 0;  // counted by two threads
  const size_t found = RowsFound([&](Tuple* t) {
    rows += (t->augmentation.applied & (kResampled | kOccluded)) != 0;
    t->augmentation.applied = 0;
  });
  EXPECT_GT(rows, 20u);
  EXPECT_GE(found, rows);
}

// Frames of a scene whose cameras move and whose hands flip one by one are no sequence any more.
TEST_F(AugmentDataset, MovedFramesAreStills) {
  RenderOptions render = SmallWorld(out_ / "frames", 6, 6).options;
  render.sequence_frames = 3;
  WriteSmallDataset(RenderWorld::Load(render), 1);
  AugmentJobOptions options = Options("moved");
  options.copies = 1;
  const auto rows = [&] {
    const AugmentWorld world = AugmentWorld::Load(render.out, options);
    WriteDataset(AugmentJob(world), [&] { return MakeAugmentSource(world); });
    const ShardReader reader = Dataset(options.out).OpenShard(0);
    std::vector<std::pair<int64_t, int32_t>> found;
    for (uint64_t row = 0; row < reader.size(); ++row) {
      const Tuple t = reader.ReadTuple(row);
      found.emplace_back(t.sequence_id, t.frame);
    }
    return found;
  };
  using Rows = std::vector<std::pair<int64_t, int32_t>>;
  EXPECT_EQ(rows(), Rows(6, {-1, 0}));
  options.out = out_ / "coloured";
  options.augmentation.geometry.flip = options.augmentation.geometry.move = 0;
  EXPECT_EQ(rows(), (Rows{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}}));
}

// ---- Missing modalities, bad input --------------------------------------------------------------

TEST_F(AugmentDataset, WorksOnRowsThatLackModalities) {
  // What an importer leaves: colours and 2D alone in even rows, depth and 3D in odd ones.
  const std::filesystem::path source = out_ / "imported";
  RenderWorld world = SmallWorld(source, kTuples, 10);
  DatasetJob job = RenderJob(world);
  const auto strip = [](Tuple* t) {
    t->source = Source::kImported;
    t->visible.fill(kVisibilityUnknown);
    t->rig = RigPose();
    t->mask = ImageU8();
    if (t->index % 2 == 0) {
      t->present = kHasRgb | kHasJoints2;
      t->depth = ImageU16();
      t->joints_in_cam.setZero();
    } else {
      t->present = kHasDepth | kHasJoints3 | kHasJoints2;
      t->rgb = ImageU8();
    }
  };
  WriteDataset(job,
               [&] { return std::make_unique<ChangedSource>(MakeRenderSource(world), strip); });
  ASSERT_TRUE(FullAudit(source).ok());

  const AugmentJobOptions options = Options("of_imported");
  const AugmentWorld augment = AugmentWorld::Load(source, options);
  WriteDataset(AugmentJob(augment), [&] { return MakeAugmentSource(augment); });
  const AuditResult audit = FullAudit(options.out);
  for (const Fault& fault : audit.faults) {
    ADD_FAILURE() << fault.row << " " << fault.column << ": " << fault.what;
  }
  const Dataset augmented(options.out);
  const ShardReader reader = augmented.OpenShard(0);
  for (uint64_t row = 0; row < 10; ++row) {
    const Tuple t = reader.ReadTuple(row);
    EXPECT_EQ(t.present & (kHasMask | kHasRig), 0u);
    const auto black = [](const auto& image) {
      return std::all_of(image.pixels.begin(), image.pixels.end(), [](auto p) { return p == 0; });
    };
    EXPECT_TRUE(black(t.mask));
    EXPECT_EQ(black(t.rgb), row % 2 == 1);
    EXPECT_EQ(black(t.depth), row % 2 == 0);
    EXPECT_EQ(t.joints_in_cam.isZero(0), row % 2 == 0);
  }
}

TEST_F(AugmentDataset, RefusesAnAugmentedSourceAndItself) {
  const AugmentJobOptions options = Options("first");
  Write(options, 2);
  EXPECT_THAT(MessageOf<UsageError>([&] { AugmentWorld::Load(options.out, Options("second")); }),
              ::testing::HasSubstr("augmented already"));
  AugmentJobOptions onto_itself;
  onto_itself.out = *folder_ / "source";
  EXPECT_THAT(MessageOf<UsageError>([&] { AugmentWorld::Load(*folder_ / "source", onto_itself); }),
              ::testing::HasSubstr("is the source itself"));
  EXPECT_THROW(AugmentWorld::Load("/nowhere", Options("third")), DataError);
}

}  // namespace
}  // namespace handforge
