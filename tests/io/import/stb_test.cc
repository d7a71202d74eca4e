#include "io/import/stb.h"

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

// What the readme of the set says: palm, then little to thumb, each MCP, PIP, DIP, tip.
constexpr std::array<int, kNumJoints> kPublishedOrder = {
    kWrist,    kLittleMcp, kLittlePip, kLittleDip, kLittleTip, kRingMcp,   kRingPip,
    kRingDip,  kRingTip,   kMiddleMcp, kMiddlePip, kMiddleDip, kMiddleTip, kIndexMcp,
    kIndexPip, kIndexDip,  kIndexTip,  kThumbCmc,  kThumbMcp,  kThumbIp,   kThumbTip};

// Joint `j` of the file in frame `n`; no two numbers are equal.
Eigen::Vector3d Label(int j, int n) {
  return {5.25 * j + 0.5 * n - 40, 55.0 - j * j - n, 420 + 3.5 * j + n};
}

class Stb : public ::testing::Test {
 protected:
  void SetUp() override { HANDFORGE_NEEDS_SCIPY(); }

  void WriteLabels(const std::string& file,
                   int frames,
                   const std::string& layout = "packed") const {
    std::filesystem::create_directories(folder_ / "labels");
    std::vector<double> values;
    for (int c = 0; c < 3; ++c) {
      for (int j = 0; j < kNumJoints; ++j) {
        for (int n = 0; n < frames; ++n) values.push_back(Label(j, n)[c]);
      }
    }
    WriteMat(folder_ / ("labels/" + file),
             "handPara",
             {3, kNumJoints, static_cast<size_t>(frames)},
             values,
             layout);
  }
  void MakeFolder(const std::string& name) const {
    std::filesystem::create_directories(folder_ / name);
  }
  // Blue, green and red of one pixel; the rest is black.
  void WritePicture(const std::string& name, cv::Size size, cv::Point at, cv::Vec3b bgr) const {
    cv::Mat picture(size, CV_8UC3, cv::Scalar::all(0));
    picture.at<cv::Vec3b>(at) = bgr;
    ASSERT_TRUE(cv::imwrite((folder_ / name).string(), picture));
  }
  std::unique_ptr<PublishedDataset> Open(StbCamera camera) const {
    return OpenStb(folder_.path(), camera);
  }
  std::string Refusal(StbCamera camera) const {
    return MessageOf<DataError>([&] { Open(camera); });
  }

  TemporaryFolder folder_;
};

void ExpectCamera(const PinholeCamera& camera, double fx, double fy, double cx, double cy) {
  EXPECT_EQ(camera.width_px, 640);
  EXPECT_EQ(camera.height_px, 480);
  EXPECT_EQ(camera.fx, fx);
  EXPECT_EQ(camera.fy, fy);
  EXPECT_EQ(camera.cx, cx);
  EXPECT_EQ(camera.cy, cy);
}

// All joints but the wrist are the labels of frame `n`, moved by `shift`.
void ExpectLabels(const PublishedHand& hand, int n, const Eigen::Vector3d& shift) {
  for (int j = 1; j < kNumJoints; ++j) {
    const Eigen::Vector3d joint = hand.joints_in_cam.row(kPublishedOrder[j]).transpose();
    EXPECT_LT((joint - Label(j, n) - shift).norm(), 1e-9) << "published joint " << j;
  }
}

TEST_F(Stb, LeftPicturesHaveTheLabelsAsTheyAre) {
  MakeFolder("images/B2Random");
  WriteLabels("B2Random_BB.mat", 3, "plain");
  const auto dataset = Open(StbCamera::kLeft);
  ASSERT_EQ(dataset->hands().size(), 3u);
  for (int n = 0; n < 3; ++n) {
    const PublishedHand& hand = dataset->hands()[static_cast<size_t>(n)];
    EXPECT_EQ(hand.picture, "images/B2Random/BB_left_" + std::to_string(n) + ".png");
    EXPECT_EQ(hand.sequence_id, 3);
    EXPECT_EQ(hand.frame, n);
    EXPECT_EQ(hand.view_id, 0);
    EXPECT_EQ(hand.image_id, 4 * (3 * 1500 + n));
    EXPECT_EQ(hand.subject, -1);
    EXPECT_EQ(hand.handedness, Handedness::kLeft);
    EXPECT_EQ(hand.split, Split::kTrain);
    EXPECT_THAT(hand.visible, Each(kVisibilityUnknown));
    ExpectCamera(hand.camera, 822.79041, 822.79041, 318.47345, 250.31296);
    ExpectLabels(hand, n, Eigen::Vector3d::Zero());
  }
  EXPECT_THAT(dataset->label_files(), ElementsAre("labels/B2Random_BB.mat"));
  EXPECT_TRUE(dataset->left_out(Split::kTrain).empty());
}

// By hand: the palm is (-40, 55, 420), the middle MCP (published joint 9) is (7.25, -26, 451.5).
TEST_F(Stb, ThePalmIsHalfwayFromWristToMiddleMcp) {
  MakeFolder("images/B1Counting");
  WriteLabels("B1Counting_BB.mat", 1);
  const auto dataset = Open(StbCamera::kLeft);
  const Joints3& joints = dataset->hands().at(0).joints_in_cam;
  EXPECT_LT((joints.row(kWrist) - Eigen::RowVector3d(-87.25, 136, 388.5)).norm(), 1e-9);
  EXPECT_LT((PalmCentre(joints) - Label(0, 0)).norm(), 1e-9);
}

TEST_F(Stb, TheRightCameraIsToTheRight) {
  MakeFolder("B1Counting");  // as some of the archives unpack
  WriteLabels("B1Counting_BB.mat", 2);
  const auto dataset = Open(StbCamera::kRight);
  ASSERT_EQ(dataset->hands().size(), 2u);
  const PublishedHand& hand = dataset->hands()[1];
  EXPECT_EQ(hand.picture, "B1Counting/BB_right_1.png");
  EXPECT_EQ(hand.view_id, 0);
  EXPECT_EQ(hand.image_id, 4 * 1 + 1);
  EXPECT_EQ(hand.split, Split::kTest);
  ExpectCamera(hand.camera, 822.79041, 822.79041, 318.47345, 250.31296);
  ExpectLabels(hand, 1, {-120.054, 0, 0});
}

TEST_F(Stb, BothAreTwoViewsOfOneScene) {
  for (const char* name : {"B1Random", "B6Random"}) {
    MakeFolder(std::string("images/") + name);
    WriteLabels(std::string(name) + "_BB.mat", 2);
  }
  const auto dataset = Open(StbCamera::kBoth);
  std::vector<std::string> pictures;
  std::set<int64_t> ids;
  for (const PublishedHand& hand : dataset->hands()) {
    pictures.push_back(hand.picture);
    ids.insert(hand.image_id);
    const bool right = hand.picture.find("right") != std::string::npos;
    const bool first = hand.picture.find("B1") != std::string::npos;
    EXPECT_EQ(hand.view_id, right ? 1 : 0);
    EXPECT_EQ(hand.sequence_id, first ? 1 : 11);
    EXPECT_EQ(hand.split, first ? Split::kTest : Split::kTrain);
    ExpectLabels(hand, hand.frame, {right ? -120.054 : 0, 0, 0});
  }
  EXPECT_THAT(pictures,
              ElementsAre("images/B1Random/BB_left_0.png",
                          "images/B1Random/BB_right_0.png",
                          "images/B1Random/BB_left_1.png",
                          "images/B1Random/BB_right_1.png",
                          "images/B6Random/BB_left_0.png",
                          "images/B6Random/BB_right_0.png",
                          "images/B6Random/BB_left_1.png",
                          "images/B6Random/BB_right_1.png"));
  EXPECT_EQ(ids.size(), 8u);
}

// The numbers are NumPy's, by scipy.spatial.transform.Rotation and numpy.linalg.solve.
TEST_F(Stb, ColourJointsComeFromTheDepthFrame) {
  MakeFolder("images/B1Counting");
  std::vector<double> values(3 * kNumJoints);
  for (int j = 0; j < kNumJoints; ++j) {
    const Eigen::Vector3d x =
        j == 4 ? Eigen::Vector3d(-30, 45, 420) : Eigen::Vector3d(120.5, -80.25, 733.75);
    for (int c = 0; c < 3; ++c) values[static_cast<size_t>(kNumJoints * c + j)] = x[c];
  }
  MakeFolder("labels");
  WriteMat(folder_ / "labels/B1Counting_SK.mat", "handPara", {3, kNumJoints, 1}, values);
  const auto dataset = Open(StbCamera::kColour);
  const PublishedHand& hand = dataset->hands().at(0);
  EXPECT_EQ(hand.picture, "images/B1Counting/SK_color_0.png");
  EXPECT_EQ(hand.image_id, 2);
  ExpectCamera(hand.camera, 607.92271, 607.88192, 314.78337, 236.42484);
  const auto tip = hand.joints_in_cam.row(kLittleTip), mcp = hand.joints_in_cam.row(kRingMcp);
  EXPECT_LT((tip - Eigen::RowVector3d(-0.784914, 47.702683, 421.025606)).norm(), 2e-6);
  EXPECT_LT((mcp - Eigen::RowVector3d(153.085471, -76.342439, 733.617332)).norm(), 2e-6);
}

TEST_F(Stb, DepthJointsStayInTheirFrame) {
  MakeFolder("images/B1Counting");
  WriteLabels("B1Counting_SK.mat", 1);
  const auto dataset = Open(StbCamera::kDepth);
  const PublishedHand& hand = dataset->hands().at(0);
  EXPECT_EQ(hand.picture, "images/B1Counting/SK_depth_0.png");
  EXPECT_EQ(hand.image_id, 3);
  ExpectCamera(hand.camera, 475.62768, 474.77709, 336.41179, 238.77962);
  ExpectLabels(hand, 0, Eigen::Vector3d::Zero());
}

TEST_F(Stb, DepthIsRedPlus256GreenMillimetres) {
  MakeFolder("images/B1Counting");
  const int num_pixels = 5;
  WriteLabels("B1Counting_SK.mat", num_pixels);
  const auto dataset = Open(StbCamera::kDepth);
  struct {
    uint8_t red, green;
    uint16_t depth;
  } const cases[num_pixels] = {
      {200, 3, 9680}, {153, 25, 65530}, {154, 25, 0}, {255, 255, 0}, {0, 200, 0}};
  for (int n = 0; n < num_pixels; ++n) {
    const auto& [red, green, depth] = cases[n];
    WritePicture("images/B1Counting/SK_depth_" + std::to_string(n) + ".png",
                 {640, 480},
                 {600, 7},
                 {77, green, red});
    const PublishedPicture picture = dataset->ReadPicture(dataset->hands()[static_cast<size_t>(n)]);
    EXPECT_TRUE(picture.rgb.empty());
    EXPECT_TRUE(picture.mask.empty());
    ASSERT_EQ(picture.depth.width, 640);
    ASSERT_EQ(picture.depth.height, 480);
    EXPECT_EQ(picture.depth.at(600, 7), depth) << n;
    EXPECT_EQ(picture.depth.at(7, 400), 0);
  }
}

TEST_F(Stb, ColoursComeAsRgb) {
  MakeFolder("images/B1Counting");
  WriteLabels("B1Counting_BB.mat", 1);
  WritePicture("images/B1Counting/BB_left_0.png", {640, 480}, {600, 7}, {10, 20, 30});
  const auto dataset = Open(StbCamera::kLeft);
  const PublishedPicture picture = dataset->ReadPicture(dataset->hands().at(0));
  ASSERT_EQ(picture.rgb.width, 640);
  EXPECT_EQ(picture.rgb.at(600, 7, 0), 30);
  EXPECT_EQ(picture.rgb.at(600, 7, 1), 20);
  EXPECT_EQ(picture.rgb.at(600, 7, 2), 10);
  EXPECT_TRUE(picture.depth.empty());
  EXPECT_TRUE(picture.mask.empty());
}

TEST_F(Stb, RefusesPicturesThatAreMissingOrOfAnotherKind) {
  MakeFolder("images/B1Counting");
  WriteLabels("B1Counting_BB.mat", 3);
  const auto dataset = Open(StbCamera::kLeft);
  const auto refusal = [&](size_t i) {
    return MessageOf<DataError>([&] { dataset->ReadPicture(dataset->hands()[i]); });
  };
  WritePicture("images/B1Counting/BB_left_1.png", {320, 240}, {0, 0}, {1, 2, 3});
  cv::imwrite((folder_ / "images/B1Counting/BB_left_2.png").string(),
              cv::Mat(480, 640, CV_16UC1, cv::Scalar(700)));
  EXPECT_THAT(refusal(0), HasSubstr("images/B1Counting/BB_left_0.png"));
  EXPECT_THAT(refusal(1), AllOf(HasSubstr("BB_left_1.png: has 320 x 240"), HasSubstr("640 x 480")));
  EXPECT_THAT(refusal(2), AllOf(HasSubstr("BB_left_2.png"), HasSubstr("16 bits")));
  // One channel is no number of two bytes.
  WriteLabels("B1Counting_SK.mat", 1);
  cv::imwrite((folder_ / "images/B1Counting/SK_depth_0.png").string(),
              cv::Mat(480, 640, CV_8UC1, cv::Scalar(50)));
  const auto depth = Open(StbCamera::kDepth);
  EXPECT_THAT(MessageOf<DataError>([&] { depth->ReadPicture(depth->hands()[0]); }),
              AllOf(HasSubstr("SK_depth_0.png"), HasSubstr("three channels of 8 bits")));
}

TEST_F(Stb, LeavesOutSequencesOfWhichHalfIsThere) {
  WriteLabels("B1Counting_BB.mat", 1);  // no pictures
  MakeFolder("images/B1Random");        // no labels
  MakeFolder("images/B2Counting");      // labels of the other camera
  WriteLabels("B2Counting_SK.mat", 1);
  MakeFolder("images/B5Counting");
  EXPECT_THAT(Refusal(StbCamera::kLeft),
              AllOf(HasSubstr("has no sequence of STB"),
                    HasSubstr("labels/B1Counting_BB.mat"),
                    HasSubstr("images/B1Counting/BB_left_0.png")));
  WriteLabels("B5Counting_BB.mat", 2);
  const auto dataset = Open(StbCamera::kLeft);
  EXPECT_EQ(dataset->hands().size(), 2u);
  EXPECT_EQ(dataset->hands().at(0).sequence_id, 8);
  EXPECT_THAT(Refusal(StbCamera::kColour), "(nothing was thrown)");
}

TEST_F(Stb, RefusesLabelsOfAnotherShape) {
  MakeFolder("images/B1Counting");
  MakeFolder("labels");
  const auto file = folder_ / "labels/B1Counting_BB.mat";
  WriteMat(file, "handPara", {21, 3, 2}, std::vector<double>(126, 1));
  EXPECT_THAT(
      Refusal(StbCamera::kLeft),
      AllOf(HasSubstr("B1Counting_BB.mat"), HasSubstr("21 x 3 x 2"), HasSubstr("3 x 21 x any")));
  WriteMat(file, "handpara", {3, 21, 2}, std::vector<double>(126, 1));
  EXPECT_THAT(Refusal(StbCamera::kLeft), HasSubstr("no variable 'handPara'"));
  WriteMat(file, "handPara", {3, 21, 1501}, std::vector<double>(3 * 21 * 1501, 1));
  EXPECT_THAT(Refusal(StbCamera::kLeft), AllOf(HasSubstr("1501 frames"), HasSubstr("1500")));
}

TEST_F(Stb, CountsHandsThatItLeavesOut) {
  MakeFolder("images/B1Counting");
  MakeFolder("labels");
  std::vector<double> values(3 * 21 * 3, 400);
  values[0] = std::nan("");           // x of the palm in frame 0
  values[(2 * 21 + 5) * 3 + 2] = -1;  // z of a joint in frame 2
  WriteMat(folder_ / "labels/B1Counting_BB.mat", "handPara", {3, 21, 3}, values);
  const auto dataset = Open(StbCamera::kLeft);
  ASSERT_EQ(dataset->hands().size(), 1u);
  EXPECT_EQ(dataset->hands()[0].frame, 1);
  EXPECT_EQ(dataset->left_out(Split::kTest).at("no_number"), 1u);
  EXPECT_EQ(dataset->left_out(Split::kTest).at("behind_the_camera"), 1u);
}

}  // namespace
}  // namespace handforge
