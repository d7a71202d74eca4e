#include "synth/audit.h"

#include "io/augment/mirror.h"
#include "io/core/error.h"
#include "io/files.h"
#include "io/interrupt.h"
#include "tests/io/scoped_variable.h"
#include "tests/io/temporary_folder.h"
#include "tests/synth/synth_testing.h"

#include <cstdlib>
#include <functional>
#include <set>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace handforge {
namespace {

namespace fs = std::filesystem;

// Tuples of the small world with a fault planted before they are hashed.
class FaultySource : public TupleSource {
 public:
  FaultySource(const RenderWorld& world, std::function<void(Tuple*)> plant)
      : source_(MakeRenderSource(world)), plant_(std::move(plant)) {}
  void Make(uint64_t first,
            uint64_t count,
            std::vector<Tuple>* tuples,
            Rejections* rejections) override {
    source_->Make(first, count, tuples, rejections);
    for (Tuple& t : *tuples) plant_(&t);
  }

 private:
  std::unique_ptr<TupleSource> source_;
  std::function<void(Tuple*)> plant_;
};

// Every fault is planted into so many tuples; HANDFORGE_AUDIT_TUPLES=100 for the published figure.
const int64_t kTuples = [] {
  const char* given = std::getenv("HANDFORGE_AUDIT_TUPLES");
  return given == nullptr ? int64_t{6} : std::atoll(given);
}();

class Audit : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { world_ = new RenderWorld(SmallWorld("unused", kTuples, 4)); }
  static void TearDownTestSuite() { delete world_; }

  AuditResult AuditOf(const std::function<void(Tuple*)>& plant) {
    return AuditOf(*world_, RenderJob(*world_), plant);
  }
  AuditResult AuditOf(const RenderWorld& world,
                      DatasetJob job,
                      const std::function<void(Tuple*)>& plant) {
    job.out = folder_ / "dataset";
    WriteDataset(job, [&] { return std::make_unique<FaultySource>(world, plant); });
    AuditOptions options;
    options.rerender_rows = -1;
    return AuditDataset(job.out, options);
  }

  // Every row must be reported.
  void ExpectCaught(const std::function<void(Tuple*)>& plant) {
    const AuditResult result = AuditOf(plant);
    std::set<std::pair<std::string, int64_t>> rows;
    for (const Fault& fault : result.faults) rows.insert({fault.shard, fault.row});
    EXPECT_EQ(rows.size(), static_cast<size_t>(kTuples));
  }

  static RenderWorld* world_;
  TemporaryFolder folder_;
};
RenderWorld* Audit::world_ = nullptr;

TEST_F(Audit, FindsNothingInASoundDataset) {
  const AuditResult result = AuditOf([](Tuple*) {});
  for (const Fault& fault : result.faults)
    ADD_FAILURE() << fault.shard << " " << fault.row << " " << fault.what;
  EXPECT_EQ(result.tuples, static_cast<uint64_t>(kTuples));
  EXPECT_EQ(result.rendered_again, static_cast<uint64_t>(kTuples));
}

TEST_F(Audit, CatchesSwappedJoints) {
  ExpectCaught([](Tuple* t) {
    t->joints_in_cam.row(kIndexPip).swap(t->joints_in_cam.row(kMiddlePip));
    t->joints_px.row(kIndexPip).swap(t->joints_px.row(kMiddlePip));
  });
}

TEST_F(Audit, CatchesAJointShiftedTwoPixels) {
  ExpectCaught([](Tuple* t) { t->joints_px(kRingDip, 0) += 2; });
}

TEST_F(Audit, CatchesAFlipWithoutHandedness) {
  ExpectCaught([](Tuple* t) {
    const Handedness side = t->handedness;
    MirrorTuple(t);
    t->handedness = side;
  });
}

TEST_F(Audit, CatchesScaledDepth) {
  ExpectCaught([](Tuple* t) {
    for (uint16_t& d : t->depth.pixels) d = static_cast<uint16_t>(d * 1.01);
  });
}

TEST_F(Audit, CatchesAShiftedMask) {
  ExpectCaught([](Tuple* t) {
    std::rotate(t->mask.pixels.begin(), t->mask.pixels.begin() + 2, t->mask.pixels.end());
  });
}

TEST_F(Audit, CatchesAWrongK) {
  ExpectCaught([](Tuple* t) { t->camera.fx *= 1.01; });
}

TEST_F(Audit, CatchesValuesThatAreNotFinite) {
  ExpectCaught([](Tuple* t) { t->joints_in_cam(3, 1) = NAN; });
}

TEST_F(Audit, NamesTheColumnOfARigThatIsNotFinite) {
  const AuditResult result = AuditOf([](Tuple* t) {
    t->rig.rotation_xyzw[3][0] = NAN;
    t->rig.origin_in_cam_mm[4][1] = INFINITY;
  });
  std::set<std::string> columns;
  for (const Fault& fault : result.faults) columns.insert(fault.column);
  EXPECT_EQ(columns, (std::set<std::string>{"rig_origin", "rig_rotation"}));
  EXPECT_EQ(result.faults.size(), static_cast<size_t>(2 * kTuples));
}

TEST_F(Audit, TellsRowsWithoutARigFromAssetsThatAreNotThere) {
  AuditOf([](Tuple*) {});
  AuditOptions options;
  options.rerender_rows = -1;
  {
    const ScopedVariable assets("HANDFORGE_ASSETS", folder_ / "empty");
    const AuditResult result = AuditDataset(folder_ / "dataset", options);
    EXPECT_TRUE(result.assets_missing);
    EXPECT_EQ(result.rendered_again, 0u);
    EXPECT_THAT(result.not_rendered_because, ::testing::HasSubstr("generic-hand-left.glb"));
  }
  EXPECT_FALSE(AuditDataset(folder_ / "dataset", options).assets_missing);
}

TEST_F(Audit, CatchesUnknownCodes) {
  ExpectCaught([](Tuple* t) { t->visible[4] = 77; });
  ExpectCaught([](Tuple* t) { t->visible[4] = kHidden; });  // of imported hands alone
}

TEST_F(Audit, CatchesNumbersOfNothing) {
  ExpectCaught([](Tuple* t) { t->gesture = 10'000; });
  ExpectCaught([](Tuple* t) { t->frame = -1; });
  ExpectCaught([](Tuple* t) { t->view_id = -1; });
}

TEST_F(Audit, CatchesAPersonOrASequenceInTwoSplits) {
  const auto expect_caught = [this](const std::string& column, const auto& group) {
    const AuditResult result = AuditOf([&group](Tuple* t) {
      group(t);
      t->split = t->index == 3 ? Split::kTest : Split::kTrain;
    });
    ASSERT_EQ(result.faults.size(), 1u);
    EXPECT_EQ(result.faults[0].column, "split");
    EXPECT_THAT(result.faults[0].what,
                ::testing::HasSubstr("other rows of " + column + " 7 have 0"));
    std::filesystem::remove_all(folder_ / "dataset");
  };
  expect_caught("subject", [](Tuple* t) { t->subject = 7; });
  expect_caught("sequence_id", [](Tuple* t) {
    t->subject = static_cast<int64_t>(t->index);
    t->sequence_id = 7;
  });
}

// Authors of published splits may have parted the pictures of a person, not those of a sequence.
TEST_F(Audit, TakesPublishedSplitsOfPersonsAsTheyAre) {
  const auto faults_where = [this](const auto& group) {
    DatasetJob job = RenderJob(*world_);
    job.manifest.command = "import";
    job.metadata.text["command"] = "import";
    const AuditResult result = AuditOf(*world_, job, [&group](Tuple* t) {
      group(t);
      t->split = t->index == 3 ? Split::kTest : Split::kTrain;
    });
    std::filesystem::remove_all(folder_ / "dataset");
    return result.faults.size();
  };
  EXPECT_EQ(faults_where([](Tuple* t) { t->subject = 7; }), 0U);
  EXPECT_EQ(faults_where([](Tuple* t) { t->sequence_id = 7; }), 1U);
}

TEST_F(Audit, CatchesAWrongLayer) {
  RenderOptions options = world_->options;
  options.layers = {"instance", "normals", "correspondence", "visible_fraction"};
  const RenderWorld world = RenderWorld::Load(options);
  const AuditResult result = AuditOf(world, RenderJob(world), [](Tuple* t) {
    if (t->index == 0) t->instance.pixels[9] ^= 1;
    if (t->index == 1) t->normals.pixels[9] ^= 1;
    if (t->index == 2) t->correspondence.pixels[9] ^= 1;
    if (t->index == 3) t->visible_fraction[2] += 0.01f;
  });
  std::vector<std::string> columns;
  for (const Fault& fault : result.faults) columns.push_back(fault.column);
  EXPECT_EQ(columns, options.layers);
}

// An alpha that covers the picture meets the hand's mask where that is.
TEST_F(Audit, CatchesAWrongSilhouetteQuality) {
  DatasetJob job = RenderJob(*world_);
  job.manifest.layout.decoded = true;
  const AuditResult result = AuditOf(*world_, job, [&](Tuple* t) {
    t->source = Source::kDecoded;
    t->present |= kHasAlpha;
    t->decoded_joints_in_cam = t->joints_in_cam;
    t->decoded_joints_px = t->joints_px;
    t->alpha = ImageU8(32, 32, 1, 255);
    int shown = 0;  // cells of 2 x 2 pixels most of which are of the mask
    for (int i = 0; i < 32 * 32; ++i) {
      const int x = 2 * (i % 32), y = 2 * (i / 32);
      shown += (t->mask.at(x, y) != 0) + (t->mask.at(x + 1, y) != 0) + (t->mask.at(x, y + 1) != 0) +
                   (t->mask.at(x + 1, y + 1) != 0) >
               2;
    }
    t->quality_silhouette_iou = static_cast<float>(shown) / (32 * 32);
    if (t->index == 3) t->quality_silhouette_iou += 0.1f;
  });
  ASSERT_EQ(result.faults.size(), 1u);
  EXPECT_EQ(result.faults[0].column, "quality_silhouette_iou");
}

TEST_F(Audit, CatchesAnImpossibleZoom) {
  DatasetJob job = RenderJob(*world_);
  job.out = folder_ / "zoomed";
  job.manifest.layout.augmented = true;
  WriteDataset(job, [&] {
    return std::make_unique<FaultySource>(*world_, [](Tuple* t) {
      t->augmentation.applied = kZoomed;
      t->augmentation.numbers[kZoomFactor] = 1e6F;
    });
  });
  AuditOptions options;
  options.rerender_rows = -1;
  const AuditResult result = AuditDataset(job.out, options);
  ASSERT_EQ(result.faults.size(), static_cast<size_t>(kTuples));
  EXPECT_EQ(result.faults[0].column, "augment_numbers");
}

TEST_F(Audit, ThreadsChangeNothingAndASignalEndsIt) {
  AuditOf([](Tuple* t) { t->joints_px(kRingDip, 0) += 2; });
  AuditOptions options;
  options.rerender_rows = -1;
  const AuditResult one = AuditDataset(folder_ / "dataset", options);
  options.threads = 3;
  const AuditResult three = AuditDataset(folder_ / "dataset", options);
  ASSERT_EQ(one.faults.size(), three.faults.size());
  for (size_t i = 0; i < one.faults.size(); ++i) {
    EXPECT_EQ(one.faults[i].shard, three.faults[i].shard);
    EXPECT_EQ(one.faults[i].row, three.faults[i].row);
    EXPECT_EQ(one.faults[i].what, three.faults[i].what);
  }
  RequestInterrupt(true);
  EXPECT_THROW(AuditDataset(folder_ / "dataset", options), Interrupted);
  RequestInterrupt(false);
}

TEST_F(Audit, CatchesAVisibilityThatWasChanged) {
  ExpectCaught([](Tuple* t) {
    t->visible[kWrist] = t->visible[kWrist] == kVisible ? kHiddenByHand : kVisible;
  });
}

// Damage after the hashes.
class AuditOfFiles : public Audit {
 protected:
  void SetUp() override {
    EXPECT_TRUE(AuditOf([](Tuple*) {}).ok());
  }
  std::string FirstFault() {
    const AuditResult result = AuditDataset(folder_ / "dataset", AuditOptions());
    return result.faults.empty() ? "" : result.faults[0].shard + ": " + result.faults[0].what;
  }
  fs::path Shard() { return folder_ / "dataset/shards/00001.h5"; }
};

TEST_F(AuditOfFiles, CatchesAFlippedByteAnywhere) {
  const std::string sound = ReadText(Shard());
  for (int64_t trial = 0; trial < kTuples; ++trial) {
    Random random(1, static_cast<uint64_t>(trial), 0, Purpose::kTest);
    std::string bytes = sound;
    bytes[static_cast<size_t>(random.Integer(static_cast<int64_t>(bytes.size())))] ^=
        static_cast<char>(1 << random.Integer(8));
    PublishText(Shard(), bytes);
    ASSERT_THAT(FirstFault(), ::testing::StartsWith("shards/00001.h5: SHA-256 is ")) << trial;
  }
}

TEST_F(AuditOfFiles, CatchesATruncatedShard) {
  const std::string sound = ReadText(Shard());
  for (int64_t trial = 0; trial < kTuples; ++trial) {
    Random random(2, static_cast<uint64_t>(trial), 0, Purpose::kTest);
    const auto size = static_cast<size_t>(random.Integer(static_cast<int64_t>(sound.size())));
    PublishText(Shard(), sound.substr(0, size));
    ASSERT_THAT(FirstFault(), ::testing::HasSubstr("the manifest says")) << trial;
  }
}

TEST_F(AuditOfFiles, CatchesAMissingShard) {
  fs::remove(Shard());
  EXPECT_EQ(FirstFault(), "shards/00001.h5: missing");
}

TEST_F(AuditOfFiles, CatchesAnEditedManifest) {
  const fs::path path = ManifestPath(folder_ / "dataset");
  const auto sound = nlohmann::json::parse(ReadText(path));
  const std::vector<std::function<void(nlohmann::json*)>> edits = {
      [](auto* m) { (*m)["count"] = kTuples + 1; },
      [](auto* m) { (*m)["seed"] = 12; },
      [](auto* m) { (*m)["shards"][1]["sha256"] = std::string(64, '0'); },
      [](auto* m) { (*m)["shards"][1]["bytes"] = 17; },
      [](auto* m) { (*m)["shards"][1]["first_index"] = 5; },
      [](auto* m) { std::swap((*m)["shards"][0], (*m)["shards"][1]); },
      [](auto* m) { (*m)["shards"][1]["file"] = "shards/00000.h5"; },
      [](auto* m) { (*m)["layout"]["image_px"] = 32; },
      [](auto* m) { (*m)["layout"].erase("rgb_px"); },
      [](auto* m) { (*m)["mesh_sha256"] = std::string(64, 'a'); },
      [](auto* m) { (*m)["config_sha256"] = std::string(64, 'a'); },
      [](auto* m) { (*m)["config"] = "image_px: 65"; },
      [](auto* m) { (*m)["command"] = "synth"; },
  };
  for (size_t i = 0; i < edits.size(); ++i) {
    auto json = sound;
    edits[i](&json);
    PublishText(path, json.dump());
    EXPECT_NE(FirstFault(), "") << "edit " << i;
  }
}

TEST_F(AuditOfFiles, CatchesAShardThatWasLeftOutOfTheManifest) {
  const fs::path path = ManifestPath(folder_ / "dataset");
  const auto sound = nlohmann::json::parse(ReadText(path));
  for (const size_t shard : {size_t{0}, sound["shards"].size() - 1}) {
    auto json = sound;
    json["count"] = sound["count"].get<int64_t>() - sound["shards"][shard]["tuples"].get<int64_t>();
    json["shards"].erase(shard);
    PublishText(path, json.dump());
    EXPECT_NE(FirstFault(), "") << shard;
  }
}

TEST_F(AuditOfFiles, NeedsAManifest) {
  fs::remove(ManifestPath(folder_ / "dataset"));
  EXPECT_THROW(AuditDataset(folder_ / "dataset", AuditOptions()), DataError);
}

}  // namespace
}  // namespace handforge
