#include "io/import/nyu.h"

#include "io/core/error.h"
#include "tests/io/error_matchers.h"
#include "tests/io/import/mat_writer.h"
#include "tests/io/temporary_folder.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <opencv2/imgcodecs.hpp>

namespace handforge {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kPoints = 36;

// Point `j` of the file, y up, as camera 1..3 sees frame `n`; no two numbers are equal.
Eigen::Vector3d Label(int camera, int n, int j) {
  return {
      1000.0 * camera + 4.25 * j - n, 7.5 * j - 90 + 0.125 * camera + n, 700 + 2.0 * j + 0.25 * n};
}

class Nyu : public ::testing::Test {
 protected:
  void SetUp() override { HANDFORGE_NEEDS_SCIPY(); }

  void WriteLabels(const std::string& split,
                   int frames,
                   const std::string& layout = "packed") const {
    std::filesystem::create_directories(folder_ / split);
    std::vector<double> values;
    for (int camera = 1; camera <= 3; ++camera) {
      for (int n = 0; n < frames; ++n) {
        for (int j = 0; j < kPoints; ++j) {
          const Eigen::Vector3d x = Label(camera, n, j);
          values.insert(values.end(), {x[0], x[1], x[2]});
        }
      }
    }
    WriteMat(folder_ / (split + "/joint_data.mat"),
             "joint_xyz",
             {3, static_cast<size_t>(frames), kPoints, 3},
             values,
             layout);
  }
  std::unique_ptr<PublishedDataset> Open(int camera) const {
    return OpenNyu(folder_.path(), camera);
  }
  std::string Refusal() const {
    return MessageOf<DataError>([&] { Open(1); });
  }

  TemporaryFolder folder_;
};

TEST_F(Nyu, JointsAreThoseOfTheCameraWithYDown) {
  for (const char* layout : {"plain", "packed"}) {
    WriteLabels("train", 4, layout);
    for (const int camera : {1, 2, 3}) {
      const auto dataset = Open(camera);
      ASSERT_EQ(dataset->hands().size(), 4u);
      for (int n = 0; n < 4; ++n) {
        const Joints3& joints = dataset->hands()[static_cast<size_t>(n)].joints_in_cam;
        // Tips are each finger's first point, MCPs the last of six, from little finger to thumb.
        for (const auto& [joint, point] : std::vector<std::pair<int, int>>{{kWrist, 35},
                                                                           {kThumbCmc, 29},
                                                                           {kThumbTip, 24},
                                                                           {kIndexMcp, 23},
                                                                           {kIndexPip, 21},
                                                                           {kMiddleDip, 13},
                                                                           {kRingTip, 6},
                                                                           {kLittleMcp, 5},
                                                                           {kLittleTip, 0}}) {
          const Eigen::Vector3d label = Label(camera, n, point);
          EXPECT_EQ(joints(joint, 0), label[0]) << kJointNames[static_cast<size_t>(joint)];
          EXPECT_EQ(joints(joint, 1), -label[1]);
          EXPECT_EQ(joints(joint, 2), label[2]);
        }
      }
    }
  }
}

TEST_F(Nyu, SaysWhichPictureOfWhom) {
  WriteLabels("train", 3);
  WriteLabels("test", 2443);
  std::set<int64_t> ids;
  for (const int camera : {1, 2, 3}) {
    const auto dataset = Open(camera);
    ASSERT_EQ(dataset->hands().size(), 3u + 2443u);
    for (const PublishedHand& hand : dataset->hands()) ids.insert(hand.image_id);
  }
  EXPECT_EQ(ids.size(), 3u * (3 + 2443));

  const auto dataset = Open(2);
  EXPECT_THAT(dataset->label_files(), ElementsAre("train/joint_data.mat", "test/joint_data.mat"));
  const PublishedHand& third = dataset->hands()[2];
  EXPECT_EQ(third.picture, "train/depth_2_0000003.png");
  EXPECT_EQ(third.frame, 3);
  EXPECT_EQ(third.subject, 0);
  EXPECT_EQ(third.sequence_id, 0);
  EXPECT_EQ(third.split, Split::kTrain);
  EXPECT_EQ(third.view_id, 1);
  EXPECT_EQ(third.image_id, 3 * 3 + 1);
  EXPECT_EQ(third.handedness, Handedness::kRight);
  EXPECT_THAT(third.visible, Each(kVisibilityUnknown));
  EXPECT_EQ(third.camera.width_px, 640);
  EXPECT_EQ(third.camera.height_px, 480);
  EXPECT_EQ(third.camera.fx, 588.036865);
  EXPECT_EQ(third.camera.fy, 587.075073);
  EXPECT_EQ(third.camera.cx, 320);
  EXPECT_EQ(third.camera.cy, 240);

  const PublishedHand& last_of_one = dataset->hands()[3 + 2439];
  EXPECT_EQ(last_of_one.picture, "test/depth_2_0002440.png");
  EXPECT_EQ(last_of_one.frame, 2440);
  EXPECT_EQ(last_of_one.subject, 1);
  EXPECT_EQ(last_of_one.sequence_id, 1);
  EXPECT_EQ(last_of_one.split, Split::kTest);
  const PublishedHand& first_of_two = dataset->hands()[3 + 2440];
  EXPECT_EQ(first_of_two.picture, "test/depth_2_0002441.png");
  EXPECT_EQ(first_of_two.subject, 2);
  EXPECT_EQ(first_of_two.sequence_id, 2);
}

TEST_F(Nyu, DepthIs256GreenPlusBlueMillimetres) {
  const int num_pixels = 4;
  WriteLabels("test", num_pixels);
  const auto dataset = Open(3);
  struct {
    uint8_t green, blue;
    uint16_t depth;
  } const cases[num_pixels] = {{3, 200, 9680}, {25, 153, 65530}, {25, 154, 0}, {200, 0, 0}};
  for (int n = 0; n < num_pixels; ++n) {
    const auto& [green, blue, depth] = cases[n];
    cv::Mat picture(480, 640, CV_8UC3, cv::Scalar(0, 0, 255));  // red says nothing
    picture.at<cv::Vec3b>(7, 600) = {blue, green, 99};
    const std::string name = "test/depth_3_000000" + std::to_string(n + 1) + ".png";
    ASSERT_TRUE(cv::imwrite((folder_ / name).string(), picture));
    const PublishedPicture read = dataset->ReadPicture(dataset->hands()[static_cast<size_t>(n)]);
    EXPECT_TRUE(read.rgb.empty());
    EXPECT_TRUE(read.mask.empty());
    ASSERT_EQ(read.depth.width, 640);
    ASSERT_EQ(read.depth.height, 480);
    EXPECT_EQ(read.depth.at(600, 7), depth) << n;
    EXPECT_EQ(read.depth.at(7, 400), 0);
  }
}

TEST_F(Nyu, RefusesPicturesThatAreMissingOrOfAnotherSize) {
  WriteLabels("test", 2);
  const auto dataset = Open(1);
  const auto refusal = [&](size_t i) {
    return MessageOf<DataError>([&] { dataset->ReadPicture(dataset->hands()[i]); });
  };
  cv::imwrite((folder_ / "test/depth_1_0000002.png").string(), cv::Mat(240, 320, CV_8UC3));
  EXPECT_THAT(refusal(0), HasSubstr("test/depth_1_0000001.png"));
  EXPECT_THAT(refusal(1),
              AllOf(HasSubstr("test/depth_1_0000002.png: has 320 x 240"), HasSubstr("640 x 480")));
}

TEST_F(Nyu, OneSplitIsEnough) {
  EXPECT_THAT(Refusal(),
              AllOf(HasSubstr("has neither split of NYU"),
                    HasSubstr("train/joint_data.mat"),
                    HasSubstr("depth_1_0000001.png")));
  WriteLabels("test", 1);
  const auto dataset = Open(1);
  EXPECT_EQ(dataset->hands().size(), 1u);
  EXPECT_THAT(dataset->label_files(), ElementsAre("test/joint_data.mat"));
}

TEST_F(Nyu, RefusesWhatIsNoneOfIt) {
  EXPECT_THAT(MessageOf<UsageError>([&] { Open(0); }), HasSubstr("camera 0"));
  EXPECT_THAT(MessageOf<UsageError>([&] { Open(4); }), HasSubstr("it has 1, 2 and 3"));
  std::filesystem::create_directories(folder_ / "train");
  EXPECT_THAT(Refusal(), HasSubstr("train/joint_data.mat"));  // a split without its labels
  WriteMat(
      folder_ / "train/joint_data.mat", "joint_xyz", {3, 2, 14, 3}, std::vector<double>(252, 1));
  EXPECT_THAT(Refusal(),
              AllOf(HasSubstr("train/joint_data.mat"),
                    HasSubstr("double 3 x 2 x 14 x 3"),
                    HasSubstr("3 x any x 36 x 3")));
}

}  // namespace
}  // namespace handforge
