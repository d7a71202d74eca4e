#include "synth/report.h"

#include "io/files.h"
#include "synth/dataset_writer.h"
#include "tests/io/temporary_folder.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace handforge {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Three tuples: the second is a left hand, the third was drawn four times.
class ThreeTuples : public TupleSource {
 public:
  void Make(uint64_t first,
            uint64_t count,
            std::vector<Tuple>* tuples,
            Rejections* rejections) override {
    tuples->assign(count, Tuple());
    for (uint64_t i = 0; i < count; ++i) {
      Tuple& t = (*tuples)[i];
      t.index = first + i;
      t.handedness = t.index == 1 ? Handedness::kLeft : Handedness::kRight;
      t.attempt = t.index == 2 ? 3 : 0;
      t.split = t.index == 2 ? Split::kTest : Split::kTrain;
      t.gesture = t.index == 0 ? -1 : 0;
      t.visible.fill(kHiddenByHand);
      if (t.index == 0) t.visible[kWrist] = kVisible;
      t.bbox_px = {3, 4, 10.0f + static_cast<float>(t.index), 20};
      if (t.index == 2) t.bbox_px = {0, 0, 28, 9};
      t.camera = PinholeCamera::Centred(32, 50);
      t.rgb = ImageU8(32, 32, 3);
      t.depth = ImageU16(32, 32);
      t.mask = ImageU8(32, 32);
    }
    (*rejections)["planted"] += count;
  }
};

class Report : public ::testing::Test {
 protected:
  void SetUp() override {
    DatasetJob job;
    job.out = folder_ / "dataset";
    job.metadata.lists["gesture_names"] = {"fist"};
    job.manifest.command = "render";
    job.manifest.generator = "test <1>";
    job.manifest.config = "rig: <script>a & b</script>";
    job.manifest.config_sha256 = std::string(64, 'a');
    job.manifest.count = 3;
    job.manifest.layout.image_px = job.manifest.layout.rgb_px = 32;
    WriteDataset(job, [] { return std::make_unique<ThreeTuples>(); });
    files_ = WriteReport(job.out, ReportOptions());
  }
  TemporaryFolder folder_;
  ReportFiles files_;
};

TEST_F(Report, CountsAllRows) {
  const auto json = nlohmann::json::parse(ReadText(files_.statistics));
  EXPECT_EQ(json["tuples"], 3);
  EXPECT_NEAR(json["left_share"], 1.0 / 3, 1e-6);
  EXPECT_EQ(json["splits"], nlohmann::json({{"train", 2}, {"validation", 0}, {"test", 1}}));
  EXPECT_EQ(json["gestures"], nlohmann::json({{"fist", 2}}));
  EXPECT_NEAR(json["visible_share"]["wrist"], 1.0 / 3, 1e-6);
  EXPECT_EQ(json["visible_share"]["thumb_tip"], 0);
  EXPECT_EQ(json["rejections"]["planted"], 3);
}

// Draws 1, 1, 4; longer sides 20, 20, 28.
TEST_F(Report, SumsUpDrawsAndBoxes) {
  const auto json = nlohmann::json::parse(ReadText(files_.statistics));
  const auto& draws = json["draws_per_tuple"];
  EXPECT_EQ(draws["min"], 1);
  EXPECT_EQ(draws["median"], 1);
  EXPECT_EQ(draws["max"], 4);
  EXPECT_NEAR(draws["mean"], 2, 1e-6);
  EXPECT_NEAR(draws["deviation"], std::sqrt(2), 1e-5);
  EXPECT_EQ(json["box_px"]["min"], 20);
  EXPECT_EQ(json["box_px"]["max"], 28);
  EXPECT_EQ(json.count("reference_bone_mm"), 0u) << "no row has 3D joints";
}

TEST_F(Report, TextIsNoMarkup) {
  const std::string page = ReadText(files_.page);
  EXPECT_THAT(page, HasSubstr("rig: &lt;script&gt;a &amp; b&lt;/script&gt;"));
  EXPECT_THAT(page, HasSubstr("test &lt;1&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("<script>")));
}

}  // namespace
}  // namespace handforge
