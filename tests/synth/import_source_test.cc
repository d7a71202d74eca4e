// A small FreiHAND made by code, imported: what rows hold, what is left out, how splits fall.
#include "synth/import_source.h"

#include "io/core/error.h"
#include "io/core/random.h"
#include "io/dataset.h"
#include "synth/audit.h"
#include "tests/io/error_matchers.h"
#include "tests/io/import/curled_hand.h"
#include "tests/io/temporary_folder.h"
#include "tests/synth/synth_testing.h"
#include "vae/samples.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <set>

#include <Eigen/Geometry>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int kPicturePx = 224;
constexpr int kSamples = 10;  // each in two copies
constexpr int kTests = 4;

PinholeCamera CameraOf(int sample) {
  return {kPicturePx, kPicturePx, 400.0 + sample, 400.0 + sample, 112, 110};
}

// Somewhere in the picture, turned about the optical axis.
Joints3 HandOf(int sample) {
  Random random(5, static_cast<uint64_t>(sample), 0, Purpose::kTest);
  const Eigen::AngleAxisd roll(random.Uniform(-1, 1), Eigen::Vector3d::UnitZ());
  const Eigen::RowVector3d at(random.Uniform(-60, 60), random.Uniform(-20, 80), 650);
  Joints3 joints = CurledRightHand() * roll.toRotationMatrix().transpose();
  return joints.rowwise() + at;
}

// Colours that say where in the picture they stand, and in which picture.
cv::Mat Colours(int number) {
  cv::Mat bgr(kPicturePx, kPicturePx, CV_8UC3);
  for (int y = 0; y < kPicturePx; ++y) {
    for (int x = 0; x < kPicturePx; ++x) {
      bgr.at<cv::Vec3b>(y, x) = cv::Vec3b(
          static_cast<uint8_t>(10 * number), static_cast<uint8_t>(y), static_cast<uint8_t>(x));
    }
  }
  return bgr;
}

// Discs of 12 px around the joints.
cv::Mat MaskOf(int sample) {
  const Joints2 px = CameraOf(sample).Project(HandOf(sample));
  cv::Mat mask(kPicturePx, kPicturePx, CV_8UC1, cv::Scalar(0));
  for (int y = 0; y < kPicturePx; ++y) {
    for (int x = 0; x < kPicturePx; ++x) {
      const Eigen::RowVector2d pixel(x, y);
      if ((px.rowwise() - pixel).rowwise().norm().minCoeff() < 12) mask.at<uint8_t>(y, x) = 255;
    }
  }
  return mask;
}

void WriteJpeg(const fs::path& folder, int number, const cv::Mat& picture) {
  fs::create_directories(folder);
  char name[16];
  std::snprintf(name, sizeof name, "%08d.jpg", number);
  ASSERT_TRUE(cv::imwrite((folder / name).string(), picture, {cv::IMWRITE_JPEG_QUALITY, 100}));
}

void WriteLabels(const fs::path& folder, const std::string& split, int first, int count) {
  nlohmann::json cameras, hands;
  for (int sample = first; sample < first + count; ++sample) {
    const PinholeCamera camera = CameraOf(sample);
    cameras.push_back({{camera.fx, 0, camera.cx}, {0, camera.fy, camera.cy}, {0, 0, 1}});
    const Joints3 joints = HandOf(sample);
    nlohmann::json metres;
    for (int j = 0; j < kNumJoints; ++j) {
      metres.push_back({joints(j, 0) / 1000, joints(j, 1) / 1000, joints(j, 2) / 1000});
    }
    hands.push_back(metres);
  }
  std::ofstream(folder / (split + "_K.json")) << cameras;
  std::ofstream(folder / (split + "_xyz.json")) << hands;
}

void WriteFreihand(const fs::path& folder) {
  fs::create_directories(folder);
  WriteLabels(folder, "training", 0, kSamples);
  WriteLabels(folder, "evaluation", kSamples, kTests);
  for (int sample = 0; sample < kSamples; ++sample) {
    WriteJpeg(folder / "training/mask", sample, MaskOf(sample));
    for (int copy = 0; copy < 2; ++copy) {
      WriteJpeg(folder / "training/rgb", sample + copy * kSamples, Colours(sample + copy));
    }
  }
  for (int sample = 0; sample < kTests; ++sample) {
    WriteJpeg(folder / "evaluation/rgb", sample, Colours(sample));
  }
}

// Multiplies the axes of all joints.
void ScaleLabels(const fs::path& folder, const std::array<double, 3>& factors) {
  for (const char* split : {"training", "evaluation"}) {
    const fs::path file = folder / (std::string(split) + "_xyz.json");
    nlohmann::json hands = nlohmann::json::parse(std::ifstream(file));
    for (auto& hand : hands) {
      for (auto& joint : hand) {
        for (size_t c = 0; c < 3; ++c) joint[c] = factors[c] * joint[c].get<double>();
      }
    }
    std::ofstream(file) << hands;
  }
}

class ImportDataset : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    WriteFreihand(*folder_ / "freihand");
  }
  static void TearDownTestSuite() { delete folder_; }

  static ImportOptions Options(const std::string& out) {
    ImportOptions options;
    options.dataset = "freihand";
    options.folder = *folder_ / "freihand";
    options.out = *folder_ / out;
    options.image_px = 64;
    options.rgb_px = 48;
    options.tuples_per_shard = 9;
    return options;
  }

  static Manifest Write(const ImportOptions& options, int threads = 2) {
    const ImportWorld world = ImportWorld::Load(options);
    DatasetJob job = ImportJob(world);
    job.threads = threads;
    return WriteDataset(job, [&world] { return MakeImportSource(world); }).manifest;
  }

  static std::vector<Tuple> Rows(const ImportOptions& options) {
    const Dataset dataset(options.out);
    std::vector<Tuple> rows;
    for (size_t shard = 0; shard < dataset.manifest().shards.size(); ++shard) {
      const ShardReader reader = dataset.OpenShard(shard);
      for (uint64_t row = 0; row < reader.size(); ++row) rows.push_back(reader.ReadTuple(row));
    }
    return rows;
  }

  static TemporaryFolder* folder_;
};
TemporaryFolder* ImportDataset::folder_ = nullptr;

TEST_F(ImportDataset, PassesTheAuditAndTrains) {
  const ImportOptions options = Options("whole");
  const Manifest manifest = Write(options);
  EXPECT_EQ(manifest.count, 2U * kSamples + kTests);
  EXPECT_EQ(manifest.command, "import");
  const AuditResult audit = AuditDataset(options.out, {});
  for (const Fault& fault : audit.faults) {
    ADD_FAILURE() << fault.shard << " " << fault.row << " " << fault.column << ": " << fault.what;
  }
  const TrainingData data = LoadTrainingData({options.out}, SampleForm(32));
  EXPECT_EQ(LabelledRows(data.train), 2 * kSamples - 2);
  EXPECT_EQ(LabelledRows(data.held_out), 2) << "validation, and no test row beside it";
  EXPECT_EQ(data.train.RowsFor(ParsePairs({"rgb->3d"})[0]).size(),
            static_cast<size_t>(data.train.size()));
}

TEST_F(ImportDataset, RowsHoldTheLabelsInTheAxesOfTheCrop) {
  const ImportOptions options = Options("labels");
  Write(options);
  const std::vector<Tuple> rows = Rows(options);
  for (size_t row = 0; row < rows.size(); ++row) {
    const Tuple& t = rows[row];
    const int sample = static_cast<int>(row < 2 * kSamples ? row % kSamples : row - kSamples);
    const Eigen::Map<const Eigen::Matrix<float, 3, 3, Eigen::RowMajor>> crop_from_cam(
        t.crop_from_cam.data());
    EXPECT_TRUE((t.joints_in_cam * crop_from_cam.cast<double>()).isApprox(HandOf(sample), 1e-5));
    EXPECT_FLOAT_EQ(t.picture_K[0], 400.0F + static_cast<float>(sample));
    EXPECT_EQ(t.picture_K[5], 110);
    EXPECT_EQ(t.handedness, Handedness::kRight);
    EXPECT_EQ(t.source, Source::kImported);
    EXPECT_TRUE(t.labelled);
    EXPECT_EQ(t.index, row);
    EXPECT_EQ(t.visible[kIndexTip], kVisibilityUnknown);
    const bool has_mask = row < 2 * kSamples;
    EXPECT_EQ(t.present, kHasRgb | kHasJoints2 | kHasJoints3 | (has_mask ? kHasMask : 0U));
  }
}

TEST_F(ImportDataset, PicturesShowWhatTheirRaysMeet) {
  const ImportOptions options = Options("pictures");
  Write(options);
  const std::vector<Tuple> rows = Rows(options);
  for (const size_t row : {0U, 13U, 21U}) {
    const Tuple& t = rows[row];
    const int sample = static_cast<int>(row < 2 * kSamples ? row % kSamples : row - kSamples);
    const int number =
        static_cast<int>(row < 2 * kSamples ? sample + row / kSamples : row - 2 * kSamples);
    const Eigen::Map<const Eigen::Matrix<float, 3, 3, Eigen::RowMajor>> crop_from_cam(
        t.crop_from_cam.data());
    const PinholeCamera grid = t.camera.Resized(t.rgb.width, t.rgb.height);
    for (int y = 0; y < t.rgb.height; ++y) {
      for (int x = 0; x < t.rgb.width; ++x) {
        const Eigen::Vector3d ray =
            crop_from_cam.cast<double>().transpose() * grid.Ray(Eigen::Vector2d(x, y));
        const Eigen::Vector2d p = CameraOf(sample).Project(ray);
        if (p.minCoeff() < 4 || p.maxCoeff() > kPicturePx - 5) continue;
        EXPECT_NEAR(t.rgb.at(x, y, 0), p.x(), 4);
        EXPECT_NEAR(t.rgb.at(x, y, 1), p.y(), 4);
        EXPECT_NEAR(t.rgb.at(x, y, 2), 10 * number, 4);
      }
    }
  }
  // Each joint of a training picture lies on its disc.
  for (size_t row = 0; row < 2 * kSamples; ++row) {
    for (int j = 0; j < kNumJoints; ++j) {
      const Eigen::RowVector2d p = rows[row].joints_px.row(j).array().round();
      if (rows[row].visible[j] == kOutOfFrame) continue;
      EXPECT_EQ(rows[row].mask.at(static_cast<int>(p.x()), static_cast<int>(p.y())), kPartPalm);
    }
  }
}

TEST_F(ImportDataset, SplitsPartNoSample) {
  ImportOptions options = Options("splits");
  options.validation_share = 0.3;
  Write(options);
  std::map<int64_t, std::set<Split>> splits;
  std::map<Split, int> count;
  for (const Tuple& t : Rows(options)) {
    splits[t.sequence_id].insert(t.split);
    ++count[t.split];
  }
  for (const auto& [sample, of_sample] : splits) EXPECT_EQ(of_sample.size(), 1U) << sample;
  EXPECT_EQ(count[Split::kValidation], 6) << "three samples in two copies";
  EXPECT_EQ(count[Split::kTrain], 14);
  EXPECT_EQ(count[Split::kTest], kTests);

  options = Options("other_seed");
  options.seed = 2;
  options.validation_share = 0.001;
  const ImportWorld world = ImportWorld::Load(options);
  EXPECT_EQ(std::count(world.splits.begin(), world.splits.end(), Split::kValidation), 2)
      << "at least one";
  options.validation_share = 0;
  const ImportWorld none = ImportWorld::Load(options);
  EXPECT_EQ(std::count(none.splits.begin(), none.splits.end(), Split::kValidation), 0);
}

TEST_F(ImportDataset, IsTheSameForAnyNumberOfThreadsAndAnyFolder) {
  const ImportOptions one = Options("one");
  Write(one, 1);
  fs::copy(one.folder, *folder_ / "moved", fs::copy_options::recursive);
  ImportOptions three = Options("three");
  three.folder = *folder_ / "moved";
  Write(three, 3);
  EXPECT_EQ(ShardHashes(one.out), ShardHashes(three.out));
}

TEST_F(ImportDataset, OtherLabelsAreAnotherRun) {
  const ImportOptions options = Options("relabelled");
  Write(options);
  ImportOptions other = options;
  other.folder = *folder_ / "relabelled_set";
  WriteFreihand(other.folder);
  WriteLabels(other.folder, "evaluation", kSamples + 1, kTests);
  EXPECT_THAT(MessageOf<UsageError>([&] { Write(other); }), HasSubstr("another configuration"));
}

TEST_F(ImportDataset, OtherPicturesThatAreThereAreAnotherRun) {
  ImportOptions options = Options("copies");
  options.folder = *folder_ / "copies_set";
  options.count = 6;
  WriteFreihand(options.folder);
  Write(options);
  for (int sample = 0; sample < kSamples; ++sample) {
    WriteJpeg(fs::path(options.folder) / "training/rgb", sample + 2 * kSamples, Colours(sample));
  }
  EXPECT_THAT(MessageOf<UsageError>([&] { Write(options); }), HasSubstr("another configuration"));
}

TEST_F(ImportDataset, TakesEvenlySpacedHandsOfTheSplitAskedFor) {
  ImportOptions options = Options("some");
  options.split = "test";
  EXPECT_EQ(ImportWorld::Load(options).rows, (std::vector<size_t>{20, 21, 22, 23}));
  options.split = "train";
  options.count = 4;
  EXPECT_EQ(ImportWorld::Load(options).rows, (std::vector<size_t>{0, 5, 10, 15}));
  options.labelled = false;
  Write(options);
  for (const Tuple& t : Rows(options)) EXPECT_FALSE(t.labelled);
}

TEST_F(ImportDataset, LeavesOutHandsThatThePictureHardlyShows) {
  const fs::path folder = *folder_ / "beyond";
  WriteFreihand(folder);
  nlohmann::json hands = nlohmann::json::parse(std::ifstream(folder / "training_xyz.json"));
  for (auto& joint : hands[3]) joint[0] = joint[0].get<double>() + 0.4;
  for (auto& joint : hands[4]) joint[2] = joint[2].get<double>() + 3;
  for (auto& joint : hands[5]) joint[2] = -0.1;
  std::ofstream(folder / "training_xyz.json") << hands;
  ImportOptions options = Options("out_of_picture");
  options.folder = folder;
  options.smallest_px = 30;
  const ImportWorld world = ImportWorld::Load(options);
  EXPECT_EQ(world.left_out,
            (Rejections{{"behind_the_camera", 2}, {"out_of_the_picture", 2}, {"too_small", 2}}));
  EXPECT_EQ(world.rows.size(), 14U + kTests);
  options.smallest_px = 10000;
  EXPECT_THAT(MessageOf<DataError>([&] { ImportWorld::Load(options); }),
              AllOf(HasSubstr("no hand of the split 'all' is left"), HasSubstr("too_small")));
}

TEST_F(ImportDataset, ChecksFindMirroredHandsAndOtherUnits) {
  ImportOptions options = Options("checks");
  const ImportChecks right = ImportWorld::Load(options).checks;
  EXPECT_EQ(right.sides_agree, 1);
  EXPECT_FALSE(right.SidesAreDoubtful());
  EXPECT_NEAR(right.middle_bone_mm, 40, 1e-6);
  EXPECT_FALSE(right.UnitIsDoubtful());

  options.folder = *folder_ / "mirrored";
  WriteFreihand(options.folder);
  ScaleLabels(options.folder, {-2, 2, 2});
  const ImportChecks wrong = ImportWorld::Load(options).checks;
  EXPECT_EQ(wrong.sides_agree, 0);
  EXPECT_TRUE(wrong.SidesAreDoubtful());
  EXPECT_TRUE(wrong.UnitIsDoubtful());

  ScaleLabels(options.folder, {1000, 1000, 1000});
  EXPECT_THAT(MessageOf<DataError>([&] { ImportWorld::Load(options); }),
              AllOf(HasSubstr("80000.0"), HasSubstr("of another unit")));
}

TEST_F(ImportDataset, NamesWhatADatasetDoesNotHave) {
  ImportOptions options = Options("wrong");
  options.camera = "left";
  EXPECT_THAT(MessageOf<UsageError>([&] { ImportWorld::Load(options); }),
              AllOf(HasSubstr("import.camera is 'left'"), HasSubstr("one camera")));
  options.dataset = "stb";
  options.camera = "lef";
  EXPECT_THAT(MessageOf<UsageError>([&] { ImportWorld::Load(options); }), HasSubstr("colour"));
  options = Options("wrong");
  options.hands = "dominant";
  EXPECT_THAT(MessageOf<UsageError>([&] { ImportWorld::Load(options); }), HasSubstr("only rhd"));
  options = Options("wrong");
  options.test_subjects = {"7"};
  EXPECT_THAT(MessageOf<UsageError>([&] { ImportWorld::Load(options); }),
              AllOf(HasSubstr("test_subjects"), HasSubstr("'7'")));
  options.test_subjects = {"-1"};  // of whom nothing is known
  EXPECT_THAT(MessageOf<UsageError>([&] { ImportWorld::Load(options); }), HasSubstr("'-1'"));
  options = Options("wrong");
  options.dataset = "frei-hand";
  EXPECT_THAT(MessageOf<UsageError>([&] { ImportWorld::Load(options); }),
              HasSubstr("did you mean 'freihand'"));
}

TEST_F(ImportDataset, TheDatasetStaysAsItIs) {
  ImportOptions options = Options("inside");
  for (const fs::path& out : {fs::path(options.folder),
                              fs::path(options.folder) / "a" / "b",
                              fs::path(options.folder) / ".." / "freihand" / "c"}) {
    options.out = out;
    EXPECT_THAT(MessageOf<UsageError>([&] { ImportWorld::Load(options); }),
                HasSubstr("lies in the dataset itself"))
        << out;
  }
  options.out = *folder_ / "freihand_beside";
  EXPECT_EQ(MessageOf<UsageError>([&] { ImportWorld::Load(options); }), "(nothing was thrown)");
}

TEST_F(ImportDataset, APictureThatIsMissingIsNamed) {
  const fs::path folder = *folder_ / "missing";
  WriteFreihand(folder);
  fs::remove(folder / "training/rgb/00000004.jpg");
  ImportOptions options = Options("missing_out");
  options.folder = folder;
  EXPECT_THAT(MessageOf<DataError>([&] { Write(options); }), HasSubstr("00000004.jpg"));
  EXPECT_FALSE(fs::exists(ManifestPath(options.out)));
}

}  // namespace
}  // namespace handforge
