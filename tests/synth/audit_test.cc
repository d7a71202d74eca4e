#include "synth/audit.h"

#include "io/core/error.h"
#include "io/files.h"
#include "tests/io/temporary_folder.h"
#include "tests/synth/synth_testing.h"

#include <functional>

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

constexpr int64_t kTuples = 6;

class Audit : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { world_ = new RenderWorld(SmallWorld("unused", kTuples, 4)); }
  static void TearDownTestSuite() { delete world_; }

  AuditResult AuditOf(const std::function<void(Tuple*)>& plant) {
    DatasetJob job = RenderJob(*world_);
    job.out = folder_ / "dataset";
    WriteDataset(job, [&] { return std::make_unique<FaultySource>(*world_, plant); });
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

TEST_F(Audit, CatchesUnknownCodes) {
  ExpectCaught([](Tuple* t) { t->visible[4] = 77; });
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

TEST_F(AuditOfFiles, CatchesAFlippedByte) {
  std::string bytes = ReadText(Shard());
  bytes[bytes.size() / 3] ^= 4;
  PublishText(Shard(), bytes);
  EXPECT_THAT(FirstFault(), ::testing::StartsWith("shards/00001.h5: SHA-256 is "));
}

TEST_F(AuditOfFiles, CatchesATruncatedShard) {
  fs::resize_file(Shard(), fs::file_size(Shard()) / 2);
  EXPECT_THAT(FirstFault(), ::testing::HasSubstr("the manifest says"));
}

TEST_F(AuditOfFiles, CatchesAMissingShard) {
  fs::remove(Shard());
  EXPECT_EQ(FirstFault(), "shards/00001.h5: missing");
}

TEST_F(AuditOfFiles, CatchesAnEditedManifest) {
  const fs::path path = ManifestPath(folder_ / "dataset");
  auto json = nlohmann::json::parse(ReadText(path));
  json["count"] = kTuples + 1;
  PublishText(path, json.dump());
  EXPECT_NE(FirstFault(), "");
}

TEST_F(AuditOfFiles, NeedsAManifest) {
  fs::remove(ManifestPath(folder_ / "dataset"));
  EXPECT_THROW(AuditDataset(folder_ / "dataset", AuditOptions()), DataError);
}

}  // namespace
}  // namespace handforge
