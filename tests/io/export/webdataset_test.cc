// WebDataset tars of datasets made by code. What other programs read in them:
// tests/tools/export_test.py.
#include "io/export/webdataset.h"

#include "io/core/error.h"
#include "io/export/npy.h"
#include "io/image_file.h"
#include "io/interrupt.h"
#include "tests/io/error_matchers.h"
#include "tests/io/export/read_tar.h"
#include "tests/io/export/toy_dataset.h"
#include "tests/io/temporary_folder.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string TextOf(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

class WebDataset : public ::testing::Test {
 protected:
  void TearDown() override { RequestInterrupt(false); }

  WebDatasetCounts Export(const std::vector<Tuple>& tuples, const TarLimits& limits = {}) {
    fs::remove_all(folder_ / "dataset");
    fs::remove_all(folder_ / "out");
    WriteToyDataset(folder_ / "dataset", tuples);
    return ExportWebDataset(Dataset(folder_ / "dataset"), folder_ / "out", {2, {}}, limits);
  }
  std::vector<TarMember> Members(const std::string& tar) {
    return ReadTar(ReadText(folder_ / "out" / tar));
  }
  std::vector<std::string> Names(const std::string& tar) {
    std::vector<std::string> names;
    for (const TarMember& member : Members(tar)) names.push_back(member.name);
    return names;
  }
  json Labels(const std::string& tar, const std::string& name) {
    for (const TarMember& member : Members(tar)) {
      if (member.name == name) return json::parse(member.content);
    }
    return {};
  }

  TemporaryFolder folder_;
};

TEST_F(WebDataset, ASampleIsARowAndItsFieldsAreSorted) {
  const std::vector<Tuple> tuples = {ToyTuple(0), ToyTuple(1), ToyTuple(3), ToyTuple(5)};
  const WebDatasetCounts counts = Export(tuples);
  EXPECT_THAT(counts.samples, ElementsAre(2, 1, 1));
  EXPECT_THAT(counts.tars, ElementsAre(1, 1, 1));
  EXPECT_THAT(counts.fields, ElementsAre("depth.npy", "json", "mask.png", "rgb.png"));
  EXPECT_THAT(Names("train-000000.tar"),
              ElementsAre("00000000.depth.npy",
                          "00000000.json",
                          "00000000.mask.png",
                          "00000000.rgb.png",
                          "00000002.depth.npy",
                          "00000002.json",
                          "00000002.mask.png",
                          "00000002.rgb.png"));
  const std::vector<TarMember> test = Members("test-000000.tar");
  ASSERT_EQ(test.size(), 4U);
  EXPECT_EQ(test[0].content, TextOf(EncodeNpy(tuples[3].depth)));
  EXPECT_EQ(test[2].content, TextOf(EncodePng(tuples[3].mask)));
  EXPECT_EQ(test[3].content, TextOf(EncodePng(tuples[3].rgb)));
}

TEST_F(WebDataset, LabelsAreOnBothGrids) {
  Tuple t = ToyTuple(0);
  t.camera = {16, 16, 20, 22, 7.5, 7};
  t.handedness = Handedness::kLeft;
  t.labelled = false;
  Export({t});
  const json labels = Labels("train-000000.tar", "00000000.json");
  EXPECT_EQ(labels["handedness"], "left");
  EXPECT_EQ(labels["split"], "train");
  EXPECT_EQ(labels["labelled"], false);
  EXPECT_EQ(labels["visible"].size(), 21U);
  EXPECT_EQ(labels["visible"][20], 255);
  EXPECT_EQ(labels["depth"]["size_px"], 16);
  EXPECT_EQ(labels["depth"]["joints_2d_px"][3], json({1.5, 3.25}));
  EXPECT_EQ(labels["depth"]["bbox"], json({1.5, 2.5, 4.0, 6.0}));
  EXPECT_EQ(labels["depth"]["K"], json::parse("[[20, 0, 7.5], [0, 22, 7], [0, 0, 1]]"));
  EXPECT_EQ(labels["depth"]["scale_mm"].get<float>(), 0.1F);
  EXPECT_EQ(labels["rgb"]["size_px"], 32);
  EXPECT_EQ(labels["rgb"]["joints_2d_px"][3], json({3.5, 7.0}));
  EXPECT_EQ(labels["rgb"]["bbox"], json({3.5, 5.5, 8.0, 12.0}));
  EXPECT_EQ(labels["rgb"]["K"], json::parse("[[40, 0, 15.5], [0, 44, 14.5], [0, 0, 1]]"));
  EXPECT_EQ(labels["joints_3d_mm"][20][1].get<float>(), static_cast<float>(t.joints_in_cam(20, 1)));
  EXPECT_EQ(labels["subject"], t.subject);
}

TEST_F(WebDataset, AllSamplesHaveTheFieldsThatAnyRowHas) {
  Tuple blind = ToyTuple(0);
  blind.present = kHasDepth | kHasJoints3;
  const WebDatasetCounts counts = Export({blind, ToyTuple(3), blind});
  EXPECT_EQ(counts.fields.size(), 4U);
  EXPECT_EQ(Names("train-000000.tar").size(), 12U);
  const json labels = Labels("train-000000.tar", "00000000.json");
  EXPECT_EQ(labels["present"], json({"depth", "joints_3d"}));
  EXPECT_TRUE(labels["rgb"]["joints_2d_px"].is_null());
  EXPECT_FALSE(labels["joints_3d_mm"].is_null());
  const json others = Labels("train-000000.tar", "00000001.json");
  EXPECT_THAT(Export({blind}).fields, ElementsAre("depth.npy", "json"));
  for (const auto& [key, value] : others.items()) EXPECT_TRUE(labels.contains(key)) << key;
}

TEST_F(WebDataset, AFullTarIsFollowedByAnother) {
  std::vector<Tuple> tuples;
  for (uint64_t i = 0; i < 7; ++i) {
    tuples.push_back(ToyTuple(i));
    tuples.back().split = i == 4 ? Split::kTest : Split::kTrain;
  }
  const WebDatasetCounts counts = Export(tuples, {3, 1'000'000});
  EXPECT_THAT(counts.tars, ElementsAre(2, 0, 1));
  EXPECT_EQ(Members("train-000000.tar").size(), 12U);
  EXPECT_EQ(Names("train-000001.tar").front(), "00000003.depth.npy");
  EXPECT_EQ(Members("train-000001.tar").size(), 12U);
  EXPECT_FALSE(fs::exists(folder_ / "out/train-000002.tar"));
  EXPECT_FALSE(fs::exists(folder_ / "out/validation-000000.tar"));
}

TEST_F(WebDataset, ATarThatWouldBeTooLargeIsFollowedByAnother) {
  const std::vector<Tuple> tuples = {ToyTuple(0), ToyTuple(3), ToyTuple(6)};
  Export(tuples);
  uint64_t bytes = 0;  // of the first two samples
  const std::vector<TarMember> members = Members("train-000000.tar");
  for (size_t i = 0; i < 8; ++i) bytes += members[i].content.size();
  EXPECT_EQ(Export(tuples, {100, bytes}).tars[0], 2U);
  EXPECT_EQ(Members("train-000000.tar").size(), 8U);
  EXPECT_EQ(Export(tuples, {100, bytes - 1}).tars[0], 3U);
  EXPECT_EQ(Export(tuples, {100, 1}).tars[0], 3U) << "a sample is whole";
}

TEST_F(WebDataset, ThreadsChangeNothing) {
  std::vector<Tuple> tuples;
  for (uint64_t i = 0; i < 40; ++i) tuples.push_back(ToyTuple(i));
  WriteToyDataset(folder_ / "dataset", tuples, 19);
  const Dataset dataset(folder_ / "dataset");
  ExportWebDataset(dataset, folder_ / "one", {1, {}});
  ExportWebDataset(dataset, folder_ / "three", {3, {}});
  EXPECT_EQ(FilesBelow(folder_ / "one"), FilesBelow(folder_ / "three"));
}

TEST_F(WebDataset, WhatIsThereStays) {
  WriteToyDataset(folder_ / "dataset", {ToyTuple(0)});
  const Dataset dataset(folder_ / "dataset");
  EXPECT_THAT(MessageOf<UsageError>([&] { ExportWebDataset(dataset, folder_ / "dataset", {}); }),
              HasSubstr("is there already and no empty folder"));
}

TEST_F(WebDataset, AnInterruptedOneLeavesNothing) {
  WriteToyDataset(folder_ / "dataset", {ToyTuple(0), ToyTuple(1), ToyTuple(2)}, 1);
  const Dataset dataset(folder_ / "dataset");
  EXPECT_THROW(
      ExportWebDataset(dataset, folder_ / "out", {1, [](uint64_t) { RequestInterrupt(true); }}),
      Interrupted);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1);
}

TEST_F(WebDataset, AnEmptyDatasetIsRefused) {
  WriteToyDataset(folder_ / "dataset", {});
  const Dataset dataset(folder_ / "dataset");
  EXPECT_THAT(MessageOf<DataError>([&] { ExportWebDataset(dataset, folder_ / "out", {}); }),
              HasSubstr("no tuples to export"));
}

}  // namespace
}  // namespace handforge
