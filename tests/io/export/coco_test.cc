// COCO keypoints of datasets made by code. What other programs make of them:
// tests/tools/export_test.py.
#include "io/export/coco.h"

#include "io/core/error.h"
#include "io/hand_box.h"
#include "io/image_file.h"
#include "io/interrupt.h"
#include "tests/io/error_matchers.h"
#include "tests/io/export/toy_dataset.h"
#include "tests/io/temporary_folder.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Coco : public ::testing::Test {
 protected:
  void TearDown() override { RequestInterrupt(false); }

  CocoCounts Export(const std::vector<Tuple>& tuples,
                    const std::vector<uint64_t>& runs = {},
                    size_t rows_per_shard = 4) {
    fs::remove_all(folder_ / "dataset");
    fs::remove_all(folder_ / "out");
    WriteToyDataset(folder_ / "dataset", tuples, rows_per_shard, runs);
    return ExportCoco(Dataset(folder_ / "dataset"), folder_ / "out", {2, {}});
  }
  CocoCounts ExportTrain(std::vector<Tuple> tuples, const std::vector<uint64_t>& runs = {}) {
    for (Tuple& t : tuples) t.split = Split::kTrain;
    return Export(tuples, runs);
  }

  json Read(const std::string& split) {
    return json::parse(ReadText(folder_ / "out/annotations" / (split + ".json")));
  }
  json FirstAnnotation() { return Read("train")["annotations"].at(0); }

  TemporaryFolder folder_;
};

TEST_F(Coco, EverySplitHasItsFileAndPictures) {
  const std::vector<Tuple> tuples = {
      ToyTuple(0), ToyTuple(1), ToyTuple(3), ToyTuple(5), ToyTuple(6)};
  const CocoCounts counts = Export(tuples, {}, 2);
  EXPECT_THAT(counts.images, ElementsAre(3, 1, 1));
  EXPECT_THAT(counts.annotations, ElementsAre(3, 1, 1));
  const json train = Read("train"), test = Read("test");
  EXPECT_EQ(train["images"].size(), 3U);
  EXPECT_EQ(test["images"][0]["id"], 4) << "the fourth row";
  EXPECT_EQ(test["annotations"][0]["image_id"], 4);
  EXPECT_EQ(test["images"][0]["file_name"], "test/00000003.png");
  EXPECT_EQ(test["images"][0]["width"], 32);
  const fs::path out = folder_ / "out";
  EXPECT_EQ(ReadColours(out / "test/00000003.png").pixels, tuples[3].rgb.pixels);
  EXPECT_EQ(ReadImageFile(out / "test_depth/00000003.png").depth.pixels, tuples[3].depth.pixels);
  EXPECT_EQ(ReadGrey(out / "test_mask/00000003.png").pixels, tuples[3].mask.pixels);
  EXPECT_EQ(test["images"][0]["depth_file_name"], "test_depth/00000003.png");
  EXPECT_EQ(test["annotations"][0]["mask_file_name"], "test_mask/00000003.png");
  EXPECT_EQ(FilesBelow(out).size(), 3U + 3 * 5);
}

TEST_F(Coco, ASplitWithoutPicturesHasNoFile) {
  ExportTrain({ToyTuple(0)});
  EXPECT_FALSE(fs::exists(folder_ / "out/annotations/test.json"));
  EXPECT_FALSE(fs::exists(folder_ / "out/test"));
}

TEST_F(Coco, NamesAndSkeletonAreThoseOfConsumers) {
  ExportTrain({ToyTuple(0)});
  const json category = Read("train")["categories"].at(0);
  EXPECT_EQ(category["id"], 1);
  EXPECT_EQ(category["name"], "hand");
  EXPECT_EQ(category["keypoints"], json::parse(R"(["wrist", "thumb1", "thumb2", "thumb3", "thumb4",
                "forefinger1", "forefinger2", "forefinger3", "forefinger4",
                "middle_finger1", "middle_finger2", "middle_finger3", "middle_finger4",
                "ring_finger1", "ring_finger2", "ring_finger3", "ring_finger4",
                "pinky_finger1", "pinky_finger2", "pinky_finger3", "pinky_finger4"])"));
  EXPECT_EQ(category["skeleton"],
            json::parse(R"([[1,2],[2,3],[3,4],[4,5],[1,6],[6,7],[7,8],[8,9],[1,10],[10,11],
                [11,12],[12,13],[1,14],[14,15],[15,16],[16,17],[1,18],[18,19],[19,20],[20,21]])"));
}

TEST_F(Coco, LabelsAreInThePixelsOfTheColours) {
  Tuple t = ToyTuple(0);
  t.camera = {16, 16, 20, 22, 7.5, 7};
  t.handedness = Handedness::kLeft;
  ExportTrain({t});
  const json a = FirstAnnotation();
  EXPECT_EQ(a["id"], 1);
  EXPECT_EQ(a["category_id"], 1);
  EXPECT_EQ(a["iscrowd"], 0);
  EXPECT_EQ(a["handedness"], "left");
  // Columns 2 to 5 and rows 3 to 8 of 16 are 4 to 11 and 6 to 17 of 32, as pycocotools counts.
  EXPECT_EQ(a["bbox"], json({4.0, 6.0, 8.0, 12.0}));
  EXPECT_EQ(a["area"], 4.0 * CountHandPixels(t.mask));
  EXPECT_EQ(a["K"], json::parse("[[40, 0, 15.5], [0, 44, 14.5], [0, 0, 1]]"));
  ASSERT_EQ(a["keypoints"].size(), 63U);
  for (int j = 1; j < kNumJoints; ++j) {
    if (j % 7 == 0) continue;
    EXPECT_EQ(a["keypoints"][3 * j], j + 0.5);  // (0.5 j + 0.5) * 2 - 0.5
    EXPECT_EQ(a["keypoints"][3 * j + 1], 7.0);
  }
  ASSERT_EQ(a["joints_3d_mm"].size(), 21U);
  EXPECT_EQ(a["joints_3d_mm"][5][2].get<float>(), static_cast<float>(t.joints_in_cam(5, 2)));
}

TEST_F(Coco, VisibilityTellsHiddenFromUnlabelled) {
  Tuple t = ToyTuple(0);
  t.joints_px.row(8) << 16, 3;  // visible by its code, but beyond the picture
  ExportTrain({t});
  const json a = FirstAnnotation();
  int labelled = 0;
  for (int j = 0; j < kNumJoints; ++j) {
    const int wanted = j == 8 || (j % 7 == 0 && j != 20) ? 0 : j % 7 == 1 ? 2 : 1;
    EXPECT_EQ(a["keypoints"][3 * j + 2], wanted) << j;
    if (wanted == 0) {
      EXPECT_EQ(a["keypoints"][3 * j], 0);
      EXPECT_EQ(a["keypoints"][3 * j + 1], 0);
    }
    labelled += wanted > 0;
  }
  EXPECT_EQ(a["num_keypoints"], labelled);
}

TEST_F(Coco, BoxesEndAtThePictureAndGiveTheAreaWhereThereIsNoMask) {
  Tuple t = ToyTuple(0);
  t.present &= ~static_cast<uint32_t>(kHasMask | kHasDepth | kHasJoints3);
  t.bbox_px = {-4, 9.5F, 10, 100};
  ExportTrain({t});
  const json a = FirstAnnotation();
  EXPECT_EQ(a["bbox"], json({0.0, 20.0, 13.0, 12.0}));
  EXPECT_EQ(a["area"].get<float>(), static_cast<float>(0.53 * 13 * 12));
  EXPECT_FALSE(a.contains("mask_file_name"));
  EXPECT_FALSE(a.contains("joints_3d_mm"));
  EXPECT_FALSE(Read("train")["images"][0].contains("depth_file_name"));
  EXPECT_EQ(FilesBelow(folder_ / "out").size(), 2U);
}

TEST_F(Coco, HandsOfOnePictureShareAnImage) {
  Tuple left = ToyTuple(0), right = ToyTuple(0);
  left.handedness = Handedness::kLeft;
  right.handedness = Handedness::kRight;
  right.mask = ToyTuple(1).mask;
  const CocoCounts counts = ExportTrain({ToyTuple(7), left, right});
  EXPECT_EQ(counts.images[0], 2U);
  EXPECT_EQ(counts.annotations[0], 3U);
  const json train = Read("train");
  EXPECT_EQ(train["images"][1]["id"], 2);
  EXPECT_EQ(train["annotations"][1]["image_id"], 2);
  EXPECT_EQ(train["annotations"][2]["image_id"], 2);
  EXPECT_EQ(train["annotations"][2]["id"], 3);
  EXPECT_NE(train["annotations"][1]["mask_file_name"], train["annotations"][2]["mask_file_name"]);
  EXPECT_EQ(ReadGrey(folder_ / "out/train_mask/00000002.png").pixels, right.mask.pixels);
  EXPECT_FALSE(fs::exists(folder_ / "out/train/00000002.png"));
}

TEST_F(Coco, WhatDiffersIsAnotherImage) {
  const Tuple one = ToyTuple(0);
  const auto images = [&](const std::function<void(Tuple*)>& change,
                          const std::vector<uint64_t>& runs = {}) {
    Tuple other = one;
    change(&other);
    std::vector<Tuple> rows = {one, one, one, one, other};  // a shard of four, one of one
    for (Tuple& t : rows) {
      if (t.split != Split::kTest) t.split = Split::kTrain;
    }
    const CocoCounts counts = Export(rows, runs);
    return counts.images[0] + counts.images[2];
  };
  EXPECT_EQ(images([](Tuple*) {}), 1U);
  EXPECT_EQ(images([](Tuple* t) { t->rgb.pixels[5] ^= 1; }), 2U);
  EXPECT_EQ(images([](Tuple* t) { t->depth.pixels[5] ^= 1; }), 2U);
  EXPECT_EQ(images([](Tuple* t) { t->camera.fx += 1; }), 2U);
  EXPECT_EQ(images([](Tuple* t) { t->image_id += 1; }), 2U);
  EXPECT_EQ(images([](Tuple* t) { t->split = Split::kTest; }), 2U);
  EXPECT_EQ(images([](Tuple*) {}, {1, 1}), 2U) << "image_id is a run's own";
}

TEST_F(Coco, PicturesOfUnknownNumberAreEachTheirOwn) {
  Tuple t = ToyTuple(0);
  t.image_id = -1;
  EXPECT_EQ(ExportTrain({t, t}).images[0], 2U);
}

TEST_F(Coco, UnlabelledRowsAreImagesWithoutAnnotation) {
  Tuple unlabelled = ToyTuple(1), jointless = ToyTuple(2);
  unlabelled.labelled = false;
  jointless.present = kHasRgb;
  const CocoCounts counts = ExportTrain({ToyTuple(0), unlabelled, jointless});
  EXPECT_EQ(counts.images[0], 3U);
  EXPECT_EQ(counts.annotations[0], 1U);
  EXPECT_EQ(Read("train")["annotations"].size(), 1U);
}

TEST_F(Coco, RowsWithoutColoursAreCounted) {
  Tuple blind = ToyTuple(1);
  blind.present &= ~static_cast<uint32_t>(kHasRgb);
  const CocoCounts counts = ExportTrain({blind, ToyTuple(0)});
  EXPECT_EQ(counts.without_colours, 1U);
  EXPECT_EQ(counts.images[0], 1U);
  EXPECT_THAT(MessageOf<DataError>([&] { ExportTrain({blind}); }),
              HasSubstr("none of its 1 tuples has a colour picture"));
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(Coco, ThreadsChangeNothing) {
  std::vector<Tuple> tuples;
  for (uint64_t i = 0; i < 40; ++i) tuples.push_back(ToyTuple(i));
  WriteToyDataset(folder_ / "dataset", tuples, 19);
  const Dataset dataset(folder_ / "dataset");
  std::vector<uint64_t> progress;
  ExportCoco(dataset, folder_ / "one", {1, [&](uint64_t done) { progress.push_back(done); }});
  ExportCoco(dataset, folder_ / "three", {3, {}});
  EXPECT_EQ(FilesBelow(folder_ / "one"), FilesBelow(folder_ / "three"));
  EXPECT_EQ(progress.back(), 40U);
  EXPECT_TRUE(std::is_sorted(progress.begin(), progress.end()));
}

TEST_F(Coco, SaysWhereItComesFrom) {
  ExportTrain({ToyTuple(0)});
  const json train = Read("train");
  EXPECT_EQ(train["info"]["version"], "handforge test");
  EXPECT_EQ(train["info"]["dataset_sha256"], Sha256OfFile(folder_ / "dataset/dataset.json"));
  EXPECT_EQ(train["licenses"][1]["id"], 2);
  EXPECT_EQ(train["licenses"][1]["name"], "MIT");
}

TEST_F(Coco, AnInterruptedOneLeavesNothing) {
  WriteToyDataset(folder_ / "dataset", {ToyTuple(0), ToyTuple(1), ToyTuple(2)}, 1);
  const Dataset dataset(folder_ / "dataset");
  EXPECT_THROW(ExportCoco(dataset, folder_ / "out", {1, [](uint64_t) { RequestInterrupt(true); }}),
               Interrupted);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1)
      << "the dataset alone";
}

TEST_F(Coco, DamageAndUnknownSplitsAreNamed) {
  Tuple t = ToyTuple(1);
  t.split = static_cast<Split>(7);
  EXPECT_THAT(MessageOf<DataError>([&] {
                Export({ToyTuple(0), t});
              }),
              HasSubstr("00000.h5: row 1 has the unknown split 7"));
  WriteToyDataset(folder_ / "dataset", {ToyTuple(0)});
  const Dataset dataset(folder_ / "dataset");
  fs::resize_file(folder_ / "dataset/shards/00000.h5", 300);
  EXPECT_THAT(MessageOf<DataError>([&] { ExportCoco(dataset, folder_ / "out", {}); }),
              HasSubstr("00000.h5: has SHA-256"));
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

}  // namespace
}  // namespace handforge
