#include "vae/samples.h"

#include "io/core/tuple.h"
#include "io/dataset.h"
#include "io/files.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
#include "tests/vae/toy_hands.h"
#include "vae/targets.h"

#include <cmath>

#include <Eigen/Geometry>
#include <gmock/gmock.h>

namespace handforge {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Writes tuples as a dataset of one shard.
void WriteTuples(const std::vector<Tuple>& tuples,
                 const TupleLayout& layout,
                 const std::filesystem::path& folder) {
  Manifest manifest;
  manifest.generator = "test";
  manifest.command = "render";
  manifest.count = tuples.size();
  manifest.layout = layout;
  manifest.config_sha256 = Sha256("", 0);
  EnsureWritableFolder(folder);
  ShardWriter writer(folder, 0, tuples.size(), layout, ShardMetadata());
  for (const Tuple& tuple : tuples) writer.Append(EncodeTuple(tuple, layout, 1));
  manifest.shards = {writer.Publish()};
  PublishText(ManifestPath(folder), manifest.ToJson());
}

TupleLayout Layout(const ToyOptions& options) {
  TupleLayout layout;
  layout.image_px = options.image_px;
  layout.rgb_px = options.rgb_px;
  return layout;
}

// The mirror image in x, under the other handedness.
Tuple Mirrored(Tuple tuple) {
  tuple.handedness = tuple.handedness == Handedness::kLeft ? Handedness::kRight : Handedness::kLeft;
  tuple.joints_in_cam.col(0) *= -1;
  tuple.joints_px.col(0) = (tuple.camera.width_px - 1) - tuple.joints_px.col(0).array();
  MirrorImage(&tuple.rgb);
  MirrorImage(&tuple.mask);
  const ImageU16 depth = tuple.depth;
  for (int y = 0; y < depth.height; ++y) {
    for (int x = 0; x < depth.width; ++x) tuple.depth.at(depth.width - 1 - x, y) = depth.at(x, y);
  }
  return tuple;
}

TEST(LoadTrainingData, ShowsLeftHandsAsRightOnes) {
  TemporaryFolder folder;
  const ToyOptions options;
  std::vector<Tuple> tuples;
  for (uint64_t i = 0; i < 4; ++i) {
    tuples.push_back(ToyTuple(options, i));
    tuples.push_back(Mirrored(tuples.back()));
  }
  WriteTuples(tuples, Layout(options), folder / "data");
  const SampleSet samples = LoadTrainingData({(folder / "data").string()}, 32).train;
  ASSERT_EQ(samples.size(), 8);
  for (int64_t row = 0; row < 8; row += 2) {
    for (const Modality modality : kModalities) {
      std::vector<float> original(static_cast<size_t>(InputSize(modality, 32)));
      std::vector<float> mirrored = original;
      samples.CopyInput(row, modality, original.data());
      samples.CopyInput(row + 1, modality, mirrored.data());
      EXPECT_THAT(mirrored, testing::Pointwise(testing::FloatNear(2e-3F), original))
          << ModalityName(modality) << " row " << row;
    }
  }
}

TEST(LoadTrainingData, AveragesImagesDown) {
  TemporaryFolder folder;
  const ToyOptions options;
  Tuple tuple = ToyTuple(options, 0);
  for (size_t i = 0; i < tuple.rgb.pixels.size(); ++i) {
    const int y = static_cast<int>(i / 3) / tuple.rgb.width;
    tuple.rgb.pixels[i] = y % 2 == 0 ? 100 : 50;
  }
  tuple.mask = ImageU8(options.image_px, options.image_px, 1, kPartForearm);
  WriteTuples({tuple}, Layout(options), folder / "data");
  const SampleSet samples = LoadTrainingData({(folder / "data").string()}, 32).train;
  EXPECT_THAT(samples.rgb, testing::Each(75));
  EXPECT_THAT(samples.alpha, testing::Each(255));
}

TEST(LoadTrainingData, PicturesTooManyForMemoryStayInTheShards) {
  TemporaryFolder folder;
  WriteToyDataset(ToyOptions(), 16, folder / "first");
  std::vector<Tuple> mirrored;
  for (uint64_t i = 20; i < 24; ++i) mirrored.push_back(Mirrored(ToyTuple(ToyOptions(), i)));
  WriteTuples(mirrored, Layout(ToyOptions()), folder / "second");
  const std::vector<std::string> folders = {(folder / "first").string(),
                                            (folder / "second").string()};
  const uint64_t all = 20 * SamplePixelBytes(32);
  const TrainingData in_memory = LoadTrainingData(folders, 32, all);
  const TrainingData stored = LoadTrainingData(folders, 32, all - 1);
  EXPECT_EQ(in_memory.train.stored, nullptr);
  ASSERT_NE(stored.train.stored, nullptr);
  EXPECT_TRUE(stored.train.rgb.empty());
  ASSERT_EQ(stored.train.size(), in_memory.train.size());
  ASSERT_EQ(stored.held_out.size(), in_memory.held_out.size());
  for (const auto& [one, other] : {std::pair(&in_memory.train, &stored.train),
                                   std::pair(&in_memory.held_out, &stored.held_out)}) {
    EXPECT_EQ(one->joints3, other->joints3);
    EXPECT_EQ(one->present, other->present);
    for (int64_t row = 0; row < one->size(); ++row) {
      const PixelView a = one->Pixels(row), b = other->Pixels(row);
      EXPECT_TRUE(std::equal(a.rgb, a.rgb + 3 * 32 * 32, b.rgb)) << row;
      EXPECT_TRUE(std::equal(a.alpha, a.alpha + 32 * 32, b.alpha)) << row;
      EXPECT_TRUE(std::equal(a.depth, a.depth + 32 * 32, b.depth)) << row;
    }
  }
}

TEST(LoadTrainingData, FollowsTheSplit) {
  TemporaryFolder folder;
  WriteToyDataset(ToyOptions(), 16, folder / "data");
  const TrainingData data = LoadTrainingData({(folder / "data").string()}, 32);
  EXPECT_EQ(data.train.size(), 12);
  EXPECT_EQ(data.held_out.size(), 4);
  EXPECT_EQ(data.manifest_sha256.size(), 1u);
  EXPECT_NEAR(MedianFocalOverSize(data.train), 2, 1e-5);
}

TEST(LoadTrainingData, HoldsOutTestRowsOnlyWhereThereIsNoValidation) {
  TemporaryFolder folder;
  const ToyOptions options;
  std::vector<Tuple> tuples;
  for (uint64_t i = 0; i < 6; ++i) {
    tuples.push_back(ToyTuple(options, i));
    tuples[i].split = i < 3 ? Split::kTrain : i < 4 ? Split::kValidation : Split::kTest;
  }
  WriteTuples(tuples, Layout(options), folder / "both");
  EXPECT_EQ(LoadTrainingData({(folder / "both").string()}, 32).held_out.size(), 1);
  tuples[3].split = Split::kTest;
  WriteTuples(tuples, Layout(options), folder / "test");
  EXPECT_EQ(LoadTrainingData({(folder / "test").string()}, 32).held_out.size(), 3);
  EXPECT_EQ(LoadTrainingData({(folder / "test").string()}, 32, 0).held_out.size(), 3);
}

TEST(LoadTrainingData, DecodersLearnFromHandsAlone) {
  TemporaryFolder folder;
  const ToyOptions options;
  std::vector<Tuple> tuples;
  for (uint64_t i = 0; i < 4; ++i) tuples.push_back(ToyTuple(options, i));
  tuples[0].visible[kIndexTip] = kHiddenByOccluder;
  tuples[1].visible[kWrist] = kHiddenByHand;
  tuples[2].objects[1].shape = 0;
  tuples[2].objects[1].size_mm = {10, 10, 10};
  tuples[3].other_hand = OtherHand::kOppositeSide;
  TupleLayout layout = Layout(options);
  layout.columns = {"objects", "other_hand"};
  WriteTuples(tuples, layout, folder / "data");
  const SampleSet samples = LoadTrainingData({(folder / "data").string()}, 32).train;
  EXPECT_EQ(samples.obstructed, (std::vector<uint8_t>{1, 0, 1, 1}));
  const std::vector<int64_t> all = {0, 1, 2, 3}, alone = {1};
  EXPECT_EQ(samples.RowsFor({Modality::kRgb, Modality::kJoints3, 1}), all);
  EXPECT_EQ(samples.RowsFor({Modality::kJoints3, Modality::kRgb, 1}), alone);
  EXPECT_EQ(samples.RowsFor({Modality::kRgb, Modality::kDepth, 1}), alone);

  tuples.erase(tuples.begin() + 1);
  WriteTuples(tuples, layout, folder / "obstructed");
  const SampleSet others = LoadTrainingData({(folder / "obstructed").string()}, 32).train;
  EXPECT_EQ(others.RowsFor({Modality::kJoints3, Modality::kRgb, 1}).size(), 3u)
      << "where there are no others";
}

TEST(LoadTrainingData, KeepsOnlyPictureAndDepthOfUnlabelledRows) {
  TemporaryFolder folder;
  const ToyOptions options;
  Tuple labelled = ToyTuple(options, 0);
  Tuple unlabelled = ToyTuple(options, 1);
  unlabelled.labelled = false;
  WriteTuples({labelled, unlabelled}, Layout(options), folder / "data");
  const SampleSet samples = LoadTrainingData({(folder / "data").string()}, 32).train;
  EXPECT_EQ(samples.RowsFor({Modality::kRgb, Modality::kDepth, 1}), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(samples.RowsFor({Modality::kRgb, Modality::kJoints3, 1}), (std::vector<int64_t>{0}));
  EXPECT_EQ(samples.RowsFor({Modality::kRgb, Modality::kJoints2, 1}), (std::vector<int64_t>{0}));
  EXPECT_GT(samples.bone_mm[0], 0);
  EXPECT_EQ(samples.bone_mm[1], 0) << "a size is a label";
}

TEST(LoadTrainingData, LeavesOutRowsWithoutThatLabel) {
  TemporaryFolder folder;
  const ToyOptions options;
  Tuple tuple = ToyTuple(options, 0);
  tuple.joints_in_cam(4, 1) = std::numeric_limits<double>::quiet_NaN();
  WriteTuples({tuple}, Layout(options), folder / "data");
  const SampleSet samples = LoadTrainingData({(folder / "data").string()}, 32).train;
  EXPECT_TRUE(samples.Has(0, Modality::kJoints2));
  EXPECT_FALSE(samples.Has(0, Modality::kJoints3));
}

TEST(LoadTrainingData, RefusesImagesSmallerThanTheModel) {
  TemporaryFolder folder;
  WriteToyDataset(ToyOptions(), 4, folder / "data");
  EXPECT_THAT(MessageOf<DataError>([&] { LoadTrainingData({(folder / "data").string()}, 128); }),
              AllOf(HasSubstr("00000.h5"), HasSubstr("64 px"), HasSubstr("rgb_px = 128")));
}

// As a shifted picture's: its camera looks beside the crop. Turned to look at its centre, it sees
// the palm where the crop shows it.
TEST(LoadTrainingData, JointsAreInTheAxesOfACameraThatLooksAtTheCrop) {
  for (const Handedness side : {Handedness::kRight, Handedness::kLeft}) {
    TemporaryFolder folder;
    const ToyOptions options;
    Tuple tuple = ToyTuple(options, side == Handedness::kLeft ? 1 : 0);
    ASSERT_EQ(tuple.handedness, side);
    const double size = tuple.mask.width;
    tuple.camera.cx += 0.15 * size;
    tuple.camera.cy -= 0.07 * size;
    WriteTuples({tuple}, Layout(options), folder / "data");
    const SampleSet samples = LoadTrainingData({(folder / "data").string()}, 32).train;

    const double centre = (size - 1) / 2;
    const Eigen::Vector3d to_centre((centre - tuple.camera.cx) / tuple.camera.fx,
                                    (centre - tuple.camera.cy) / tuple.camera.fy,
                                    1);
    const Eigen::Matrix3d turn =
        Eigen::Quaterniond::FromTwoVectors(to_centre, Eigen::Vector3d::UnitZ()).toRotationMatrix();
    Joints3 expected = tuple.joints_in_cam * turn.transpose();
    expected = expected.rowwise() - ((expected.row(kWrist) + expected.row(kMiddleMcp)) / 2).eval();
    expected /= ReferenceBoneLength(expected);
    if (side == Handedness::kLeft) expected.col(0) *= -1;
    for (int j = 0; j < kNumJoints; ++j) {
      for (int c = 0; c < 3; ++c) {
        EXPECT_NEAR(samples.joints3[static_cast<size_t>(3 * j + c)], expected(j, c), 1e-4);
      }
    }
    EXPECT_GT((turn - Eigen::Matrix3d::Identity()).norm(), 0.05);
  }
}

TEST(LoadTrainingData, RefusesCamerasThatAreNoCrops) {
  TemporaryFolder folder;
  const ToyOptions options;
  Tuple tuple = ToyTuple(options, 0);
  tuple.camera.cx += 0.3 * tuple.mask.width;
  WriteTuples({tuple}, Layout(options), folder / "data");
  EXPECT_THAT(MessageOf<DataError>([&] { LoadTrainingData({(folder / "data").string()}, 32); }),
              AllOf(HasSubstr("row 0"), HasSubstr("principal point")));
}

TEST(LoadTrainingData, RefusesCodesThatMeanNothing) {
  TemporaryFolder folder;
  const ToyOptions options;
  Tuple no_side = ToyTuple(options, 0);
  no_side.handedness = static_cast<Handedness>(2);
  WriteTuples({ToyTuple(options, 1), no_side}, Layout(options), folder / "side");
  EXPECT_THAT(MessageOf<DataError>([&] { LoadTrainingData({(folder / "side").string()}, 32); }),
              HasSubstr("handedness of row 1 is 2, expected 0 to 1"));
  Tuple no_split = ToyTuple(options, 0);
  no_split.split = static_cast<Split>(3);
  WriteTuples({no_split}, Layout(options), folder / "split");
  EXPECT_THAT(MessageOf<DataError>([&] { LoadTrainingData({(folder / "split").string()}, 32); }),
              HasSubstr("split of row 0 is 3, expected 0 to 2"));
}

TEST(LoadTrainingData, RefusesDataWithoutTrainingRows) {
  TemporaryFolder folder;
  const ToyOptions options;
  Tuple tuple = ToyTuple(options, 0);
  tuple.split = Split::kTest;
  WriteTuples({tuple}, Layout(options), folder / "data");
  EXPECT_THAT(MessageOf<DataError>([&] { LoadTrainingData({(folder / "data").string()}, 32); }),
              HasSubstr("no row of the split \"train\""));
}

// ---- Forms --------------------------------------------------------------------------------------

TEST(LoadTrainingData, LeavesHandsAsTheyAreWhereTheModelWantsThem) {
  TemporaryFolder folder;
  ToyOptions options;
  options.image_px = options.rgb_px = 32;  // nothing is thinned, so mirrored pixels are the same
  const Tuple right = ToyTuple(options, 0);
  WriteTuples({right, Mirrored(right)}, Layout(options), folder / "data");
  ModelOptions model;
  model.rgb_px = 32;
  model.side_input = 1;
  const SampleSet samples = LoadTrainingData({(folder / "data").string()}, SampleForm(model)).train;
  EXPECT_THAT(samples.handedness, testing::ElementsAre(1, 0));
  for (int j = 0; j < kNumJoints; ++j) {
    EXPECT_NEAR(samples.joints3[63 + 3 * j], -samples.joints3[3 * j], 1e-5);
    EXPECT_NEAR(samples.joints3[63 + 3 * j + 1], samples.joints3[3 * j + 1], 1e-5);
    EXPECT_NEAR(samples.joints2[42 + 2 * j], -samples.joints2[2 * j], 1e-5);
  }
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 32; ++x) {
      EXPECT_EQ(samples.alpha[(32 + y) * 32 + x], samples.alpha[y * 32 + 31 - x]);
      EXPECT_EQ(samples.depth[(32 + y) * 32 + x], samples.depth[y * 32 + 31 - x]);
    }
  }
}

TEST(LoadTrainingData, KeepsTheSizeOfHandsWhereTheModelIsToSeeIt) {
  TemporaryFolder folder;
  const ToyOptions options;
  const std::vector<Tuple> tuples = {ToyTuple(options, 0), ToyTuple(options, 2)};
  WriteTuples(tuples, Layout(options), folder / "data");
  ModelOptions model;
  model.rgb_px = 32;
  model.metric_scale = 1;
  const SampleSet samples = LoadTrainingData({(folder / "data").string()}, SampleForm(model)).train;
  for (size_t i = 0; i < 2; ++i) {
    const Joints3 said =
        MetricJoints3(samples.joints3.data() + 63 * i, kMetricUnitMm, Handedness::kRight);
    const double bone_mm = ReferenceBoneLength(tuples[i].joints_in_cam);
    EXPECT_NEAR(ReferenceBoneLength(said), bone_mm, 1e-3);
    EXPECT_NEAR(samples.bone_mm[i], bone_mm, 1e-3);
  }
}

// ---- Labels taken away --------------------------------------------------------------------------

SampleSet Labelled(size_t count) {
  SampleSet samples(32);
  samples.present.assign(count, kHasRgb | kHasDepth | kHasMask | kHasJoints3 | kHasJoints2);
  samples.obstructed.assign(count, 0);
  samples.bone_mm.assign(count, 45.0F);
  return samples;
}

int CountOf(const SampleSet& samples, Modality modality) {
  int count = 0;
  for (int64_t row = 0; row < samples.size(); ++row) count += samples.Has(row, modality);
  return count;
}

TEST(DropLabels, KeepsTheShareExactlyAndTheOthersPicturesAndDepth) {
  for (const double share : {0.0, 0.01, 0.25, 1.0}) {
    SampleSet samples = Labelled(400);
    DropLabels(share, true, 1, &samples);
    EXPECT_EQ(CountOf(samples, Modality::kJoints3), std::lround(share * 400));
    EXPECT_EQ(CountOf(samples, Modality::kJoints2), std::lround(share * 400));
    EXPECT_EQ(CountOf(samples, Modality::kRgb), 400);
    EXPECT_EQ(CountOf(samples, Modality::kDepth), 400);
    for (int64_t row = 0; row < 400; ++row) {
      const bool labelled = samples.Has(row, Modality::kJoints3);
      EXPECT_EQ(samples.bone_mm[row] > 0, labelled);
      EXPECT_EQ((samples.present[row] & kHasMask) != 0, labelled) << "a mask is a label";
    }
  }
}

TEST(DropLabels, WithoutPicturesTheOthersAreGone) {
  SampleSet samples = Labelled(400);
  DropLabels(0.25, false, 1, &samples);
  EXPECT_EQ(CountOf(samples, Modality::kRgb), 100);
  EXPECT_EQ(samples.RowsFor(Pair{Modality::kRgb, Modality::kRgb, 1}).size(), 100u);
}

TEST(DropLabels, SmallerSharesAreSubsetsAndSeedsDiffer) {
  SampleSet small = Labelled(400);
  SampleSet large = Labelled(400);
  SampleSet other = Labelled(400);
  DropLabels(0.05, true, 1, &small);
  DropLabels(0.25, true, 1, &large);
  DropLabels(0.05, true, 2, &other);
  for (int64_t row = 0; row < 400; ++row) {
    EXPECT_TRUE(!small.Has(row, Modality::kJoints3) || large.Has(row, Modality::kJoints3));
  }
  EXPECT_NE(small.present, other.present);
}

}  // namespace
}  // namespace handforge
