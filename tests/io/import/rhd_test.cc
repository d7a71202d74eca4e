#include "io/import/rhd.h"

#include "io/drawing.h"
#include "io/files.h"
#include "tests/io/error_matchers.h"
#include "tests/io/import/numpy_writer.h"
#include "tests/io/temporary_folder.h"

#include <algorithm>
#include <fstream>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr int kSizePx = 320;
constexpr auto kLeft = Handedness::kLeft;
constexpr auto kRight = Handedness::kRight;

// ---- A world of a few pictures ------------------------------------------------------------------

struct Hand {
  Joints3 joints_mm;
  std::array<bool, kNumJoints> visible;
};

// No two joints are alike, nor the two sides.
Hand MakeHand(Handedness side, double x_mm, bool visible) {
  Hand hand;
  hand.visible.fill(visible);
  const double y_mm = side == kLeft ? 60 : 70;
  hand.joints_mm.row(kWrist) << x_mm, y_mm, 500;
  for (int finger = 0; finger < kNumFingers; ++finger) {
    for (int level = 0; level < 4; ++level) {
      hand.joints_mm.row(FingerJoint(finger, level)) << x_mm + 12 * finger - 30 + level,
          y_mm - 40 - 24 * level, 500 + 3 * level + finger;
    }
  }
  return hand;
}

struct Picture {
  int64_t number;
  Hand left, right;
};

PinholeCamera CameraOf(int64_t number) {
  return {kSizePx, kSizePx, 300 + static_cast<double>(number), 280, 160, 150};
}

// Where RHD keeps a joint: wrist, then fingers from the tip to the palm; the right hand second.
int RhdIndex(int joint, Handedness side) {
  const int first = side == kLeft ? 0 : 21;
  return joint == kWrist ? first : first + 1 + 4 * FingerOf(joint) + 3 - LevelOf(joint);
}

std::string Raw(const Picture& picture) {
  float xyz[42][3], uv_visible[42][3];
  const PinholeCamera camera = CameraOf(picture.number);
  for (const Handedness side : {kLeft, kRight}) {
    const Hand& hand = side == kLeft ? picture.left : picture.right;
    for (int j = 0; j < kNumJoints; ++j) {
      const Eigen::Vector3d x = hand.joints_mm.row(j);
      const Eigen::Vector2d pixel = camera.Project(x);
      const int row = RhdIndex(j, side);
      for (int c = 0; c < 3; ++c) xyz[row][c] = static_cast<float>(x[c] / 1000);
      for (int c = 0; c < 2; ++c) uv_visible[row][c] = static_cast<float>(pixel[c]);
      uv_visible[row][2] = hand.visible[j] ? 1 : 0;
    }
  }
  const Eigen::Matrix<float, 3, 3, Eigen::RowMajor> K = camera.K().cast<float>();
  std::string raw(reinterpret_cast<const char*>(&picture.number), sizeof picture.number);
  raw.append(reinterpret_cast<const char*>(xyz), sizeof xyz);
  raw.append(reinterpret_cast<const char*>(uv_visible), sizeof uv_visible);
  return raw.append(reinterpret_cast<const char*>(K.data()), 9 * sizeof(float));
}

std::vector<Picture> TrainingPictures() {
  std::vector<Picture> pictures = {{17, MakeHand(kLeft, -60, true), MakeHand(kRight, 50, true)},
                                   {3, MakeHand(kLeft, -40, true), MakeHand(kRight, 50, false)},
                                   {4, MakeHand(kLeft, -30, true), MakeHand(kRight, 30, true)}};
  pictures[1].left.visible[kThumbTip] = false;
  pictures[1].left.visible[kLittleMcp] = false;
  pictures[2].left.joints_mm.col(2) *= -1;
  pictures[2].right.joints_mm(kRingPip, 1) = std::numeric_limits<double>::quiet_NaN();
  return pictures;
}

std::vector<Picture> EvaluationPictures() {
  return {{5, MakeHand(kLeft, -900, true), MakeHand(kRight, 20, true)}};
}

class RhdTest : public ::testing::Test {
 protected:
  void SetUp() override {
    HANDFORGE_NEEDS_NUMPY();
    for (const char* split : {"training", "evaluation"}) {
      for (const char* kind : {"color", "depth", "mask"}) {
        fs::create_directories(folder_ / split / kind);
      }
    }
    WriteLabels("training", TrainingPictures(), 2);
    WriteLabels("evaluation", EvaluationPictures(), 4);
  }

  void WriteLabels(const std::string& split, const std::vector<Picture>& pictures, int protocol) {
    {
      std::ofstream raw(folder_ / "raw", std::ios::binary);
      for (const Picture& picture : pictures) raw << Raw(picture);
    }
    RunWriter("write_pickles.py rhd " + Labels(split).string() + " " + std::to_string(protocol) +
              " " + (folder_ / "raw").string());
  }

  // Changes the labels `d` of a split.
  void Edit(const std::string& split, const std::string& body) { EditPickle(Labels(split), body); }

  fs::path Labels(const std::string& split) const {
    return folder_ / split / ("anno_" + split + ".pickle");
  }
  fs::path File(const std::string& name) const { return folder_ / name; }

  // Pixels of a mask from the left, the rest 0.
  void WriteMask(const std::string& name, const std::vector<uint8_t>& ids) const {
    cv::Mat mask(kSizePx, kSizePx, CV_8U, cv::Scalar(0));
    for (size_t i = 0; i < ids.size(); ++i) mask.at<uint8_t>(7, static_cast<int>(i)) = ids[i];
    cv::imwrite(File(name).string(), mask);
  }
  // The files of picture 17.
  void WritePictures() const {
    ImageU8 colours(kSizePx, kSizePx, 3), depth(kSizePx, kSizePx, 3);
    for (int c = 0; c < 3; ++c) {
      colours.at(200, 100, c) = static_cast<uint8_t>(10 + c);
      for (int x = 0; x < 40; ++x) depth.at(x, 7, c) = static_cast<uint8_t>(1 + c);
    }
    const std::array<uint8_t, 3> far = {200, 30, 99}, farthest = {255, 255, 7};
    std::copy(far.begin(), far.end(), &depth.at(5, 7));
    std::copy(farthest.begin(), farthest.end(), &depth.at(6, 7));
    WritePng(colours, File("training/color/00017.png"));
    WritePng(depth, File("training/depth/00017.png"));
    std::vector<uint8_t> ids;
    for (uint8_t id = 0; id <= 33; ++id) ids.push_back(id);
    WriteMask("training/mask/00017.png", ids);
  }

  std::string Refusal() const {
    return MessageOf<DataError>([&] { OpenRhd(folder_.path()); });
  }
  std::string RefusedPicture() const {
    const auto set = OpenRhd(folder_.path());
    return MessageOf<DataError>([&] { set->ReadPicture(set->hands()[1]); });
  }

  TemporaryFolder folder_;
};

Joints3 TruthOf(const PublishedHand& hand) {
  for (const Picture& picture : TrainingPictures()) {
    if (picture.number == hand.image_id) {
      return (hand.handedness == kLeft ? picture.left : picture.right).joints_mm;
    }
  }
  return EvaluationPictures()[0].right.joints_mm;
}

TEST_F(RhdTest, HandsComeByNumberWithTheirLabels) {
  for (const int protocol : {2, 3, 4, 5}) {
    WriteLabels("training", TrainingPictures(), protocol);
    const auto set = OpenRhd(folder_.path());
    EXPECT_THAT(set->label_files(),
                ElementsAre("training/anno_training.pickle", "evaluation/anno_evaluation.pickle"));
    const auto& hands = set->hands();
    ASSERT_EQ(hands.size(), 4u);
    const auto is =
        [&](size_t i, const std::string& picture, int64_t image_id, Handedness side, Split split) {
          EXPECT_EQ(hands[i].picture, picture);
          EXPECT_EQ(hands[i].image_id, image_id);
          EXPECT_EQ(hands[i].handedness, side);
          EXPECT_EQ(hands[i].split, split);
        };
    is(0, "training/color/00003.png", 3, kLeft, Split::kTrain);
    is(1, "training/color/00017.png", 17, kLeft, Split::kTrain);
    is(2, "training/color/00017.png", 17, kRight, Split::kTrain);
    is(3, "evaluation/color/00005.png", 41258 + 5, kRight, Split::kTest);
    for (const PublishedHand& hand : hands) {
      EXPECT_LT((hand.joints_in_cam - TruthOf(hand)).cwiseAbs().maxCoeff(), 1e-3);
    }
    EXPECT_THAT(
        set->left_out(Split::kTrain),
        ElementsAre(
            Pair("behind_the_camera", 1), Pair("no_joint_visible", 1), Pair("no_number", 1)));
    EXPECT_THAT(set->left_out(Split::kTest), ElementsAre(Pair("outside_the_picture", 1)));
  }
}

TEST_F(RhdTest, CameraIsTheOneOfThePicture) {
  const auto set = OpenRhd(folder_.path());
  const PinholeCamera& camera = set->hands()[1].camera;
  EXPECT_EQ(camera.width_px, 320);
  EXPECT_EQ(camera.height_px, 320);
  EXPECT_EQ(camera.fx, 317);
  EXPECT_EQ(camera.fy, 280);
  EXPECT_EQ(camera.cx, 160);
  EXPECT_EQ(camera.cy, 150);
}

TEST_F(RhdTest, JointsNotFlaggedAreHidden) {
  const auto set = OpenRhd(folder_.path());
  for (int j = 0; j < kNumJoints; ++j) {
    const bool hidden = j == kThumbTip || j == kLittleMcp;
    EXPECT_EQ(set->hands()[0].visible[j], hidden ? kHidden : kVisible) << j;
    EXPECT_EQ(set->hands()[1].visible[j], kVisible);
  }
}

TEST_F(RhdTest, OneSplitIsEnough) {
  fs::remove(Labels("training"));
  const auto set = OpenRhd(folder_.path());
  EXPECT_EQ(set->hands().size(), 1u);
  EXPECT_THAT(set->label_files(), ElementsAre("evaluation/anno_evaluation.pickle"));
  fs::remove(Labels("evaluation"));
  EXPECT_THAT(Refusal(),
              AllOf(HasSubstr(folder_.path().string()),
                    HasSubstr("neither training/anno_training.pickle"),
                    HasSubstr("nor evaluation/anno_evaluation.pickle")));
}

// ---- Pictures -----------------------------------------------------------------------------------

// RHD's three ids of a finger run from its tip to the palm, ours from the palm to the tip.
TEST_F(RhdTest, MaskNamesThePartsOfTheHandAskedFor) {
  WritePictures();
  const auto set = OpenRhd(folder_.path());
  const std::vector<uint8_t> own = {4, 3, 2, 7, 6, 5, 10, 9, 8, 13, 12, 11, 16, 15, 14, kPartPalm};
  const std::vector<uint8_t> other(16, kPartOtherHand);
  for (const Handedness side : {kLeft, kRight}) {
    const ImageU8 mask = set->ReadPicture(set->hands()[side == kLeft ? 1 : 2]).mask;
    ASSERT_EQ(mask.pixels.size(), 320u * 320);
    const uint8_t* row = &mask.at(0, 7);
    EXPECT_THAT(std::vector<uint8_t>(row, row + 2), ElementsAre(0, 0));
    EXPECT_EQ(std::vector<uint8_t>(row + 2, row + 18), side == kLeft ? own : other);
    EXPECT_EQ(std::vector<uint8_t>(row + 18, row + 34), side == kLeft ? other : own);
    EXPECT_EQ(std::count(mask.pixels.begin(), mask.pixels.end(), 0), 320 * 320 - 32);
  }
  EXPECT_EQ(SegmentPart(kThumb, 2), own[0]);
  EXPECT_EQ(SegmentPart(kLittle, 0), own[14]);
}

TEST_F(RhdTest, DepthIsRedAndGreenAndOfHandsOnly) {
  WritePictures();
  const auto set = OpenRhd(folder_.path());
  const PublishedPicture picture = set->ReadPicture(set->hands()[2]);
  EXPECT_EQ(picture.depth.at(1, 7), 0);    // the person
  EXPECT_EQ(picture.depth.at(2, 7), 197);  // (256 * 1 + 2) / 65535 * 5 m = 19.684 mm
  EXPECT_EQ(picture.depth.at(33, 7), 197);
  EXPECT_EQ(picture.depth.at(5, 7), 39086);  // (256 * 200 + 30) / 65535 * 5 m = 3908.598 mm
  EXPECT_EQ(picture.depth.at(6, 7), 50000);  // 5 m
  EXPECT_EQ(picture.depth.at(34, 7), 0);
  EXPECT_EQ(picture.rgb.at(200, 100, 0), 10);
  EXPECT_EQ(picture.rgb.at(200, 100, 2), 12);
}

TEST_F(RhdTest, PicturesAreRefusedByFile) {
  WritePictures();
  EXPECT_EQ(RefusedPicture(), "(nothing was thrown)");
  const auto refused_with = [&](const std::string& name, const cv::Mat& pixels) {
    const std::string before = ReadText(File(name));
    cv::imwrite(File(name).string(), pixels);
    const std::string refusal = RefusedPicture();
    PublishText(File(name), before);
    return refusal;
  };
  const std::string mask = "training/mask/00017.png", depth = "training/depth/00017.png";
  EXPECT_THAT(refused_with(mask, cv::Mat(320, 319, CV_8U, cv::Scalar(0))),
              AllOf(HasSubstr(mask), HasSubstr("319 x 320 pixels, expected 320 x 320")));
  EXPECT_THAT(refused_with(mask, cv::Mat(320, 320, CV_8UC3, cv::Scalar(3, 3, 3))),
              AllOf(HasSubstr(mask), HasSubstr("no picture with one channel of 8 bits")));
  EXPECT_THAT(refused_with(mask, cv::Mat(320, 320, CV_16U, cv::Scalar(3))),
              AllOf(HasSubstr(mask), HasSubstr("no picture with one channel of 8 bits")));
  EXPECT_THAT(refused_with(mask, cv::Mat(320, 320, CV_8U, cv::Scalar(34))),
              AllOf(HasSubstr(mask), HasSubstr("holds the id 34, expected 0 to 33")));
  EXPECT_THAT(refused_with(depth, cv::Mat(321, 320, CV_8UC3, cv::Scalar(3, 3, 3))),
              AllOf(HasSubstr(depth), HasSubstr("320 x 321 pixels")));
  EXPECT_THAT(refused_with("training/color/00017.png", cv::Mat(10, 320, CV_8UC3, cv::Scalar(3))),
              AllOf(HasSubstr("training/color/00017.png"), HasSubstr("320 x 10 pixels")));
  fs::remove(File(depth));
  EXPECT_THAT(RefusedPicture(), HasSubstr(depth));
}

TEST_F(RhdTest, DominantHandHasMorePixelsLeftOnlyStrictly) {
  WriteMask("training/mask/00003.png", {2, 18, 33});       // though no joint of it is visible
  WriteMask("training/mask/00004.png", {1, 1, 1, 19});     // its right hand is damaged
  WriteMask("training/mask/00017.png", {17, 1, 18, 1});    // as many
  WriteMask("evaluation/mask/00005.png", {2, 17, 1, 33});  // though outside
  const auto set = OpenRhd(folder_.path(), HandsOfPicture::kDominant);
  std::vector<std::pair<int64_t, Handedness>> found;
  for (const PublishedHand& hand : set->hands()) found.emplace_back(hand.image_id, hand.handedness);
  EXPECT_THAT(found, ElementsAre(Pair(3, kRight), Pair(17, kRight), Pair(41258 + 5, kLeft)));
  EXPECT_THAT(set->left_out(Split::kTrain),
              ElementsAre(Pair("no_number", 1), Pair("not_dominant", 3)));
  EXPECT_THAT(set->left_out(Split::kTest), ElementsAre(Pair("not_dominant", 1)));
  for (const uint8_t visible : set->hands()[0].visible) EXPECT_EQ(visible, kHidden);
  fs::remove(File("training/mask/00004.png"));
  EXPECT_THAT(MessageOf<DataError>([&] { OpenRhd(folder_.path(), HandsOfPicture::kDominant); }),
              HasSubstr("training/mask/00004.png"));
}

// ---- Labels that are refused --------------------------------------------------------------------

TEST_F(RhdTest, LabelsAreRefusedByFileAndPicture) {
  const std::string sound = ReadText(Labels("training"));
  const auto refused_with = [&](const std::string& body) {
    Edit("training", body);
    const std::string refusal = Refusal();
    PublishText(Labels("training"), sound);
    return refusal;
  };
  const auto in_picture = [](const std::string& what) {
    return AllOf(HasSubstr("anno_training.pickle, picture 17: "), HasSubstr(what));
  };
  EXPECT_THAT(refused_with("d = [d]"), HasSubstr("anno_training.pickle: is no dict of pictures"));
  EXPECT_THAT(refused_with("d['17'] = d[17]"), HasSubstr("without a number from 0 to 41257"));
  EXPECT_THAT(refused_with("d[-1] = d[17]"), HasSubstr("without a number from 0 to 41257"));
  EXPECT_THAT(refused_with("d[41258] = d[17]"), HasSubstr("without a number from 0 to 41257"));
  EXPECT_EQ(refused_with("d[41257] = d[17]"), "(nothing was thrown)");
  EXPECT_THAT(refused_with("d[17] = None"), in_picture("is no dict of labels"));
  EXPECT_THAT(refused_with("del d[17]['K']"), in_picture("has no 'K'"));
  EXPECT_THAT(refused_with("d[17]['xyz'] = 1"), in_picture("'xyz' is no array of 42 x 3 numbers"));
  EXPECT_THAT(refused_with("d[17]['uv_vis'] = d[17]['uv_vis'].T.copy()"),
              in_picture("'uv_vis' is no array of 42 x 3 numbers"));
  EXPECT_THAT(refused_with("d[17]['K'][0, 0] = 0"), in_picture("K is [0, 0,"));
  EXPECT_THAT(refused_with("d[17]['K'][2, 2] = np.nan"), in_picture("expected [fx, 0, cx"));
  EXPECT_THAT(refused_with("d[17]['K'][2, 2] = 2"), in_picture("expected [fx, 0, cx"));
  EXPECT_THAT(refused_with("d[17]['K'][0, 1] = 5"), in_picture("expected [fx, 0, cx"));
  PublishText(Labels("training"), sound.substr(0, sound.size() / 2));
  EXPECT_THAT(Refusal(), HasSubstr("anno_training.pickle, byte "));
}

TEST_F(RhdTest, DoublesAndOtherOrdersOfAxesAreReadToo) {
  Edit("training", "for p in d.values():\n  for k in p: p[k] = np.asfortranarray(p[k], 'f8')");
  const auto set = OpenRhd(folder_.path());
  ASSERT_EQ(set->hands().size(), 4u);
  EXPECT_LT((set->hands()[2].joints_in_cam - TruthOf(set->hands()[2])).norm(), 1e-3);
}

// Most labels decide: one bad hand is no bad file.
TEST_F(RhdTest, LabelsThatDoNotFitTogetherAreRefused) {
  const std::string sound = ReadText(Labels("training"));
  const auto refused_with = [&](const std::string& body) {
    Edit("training", body);
    const std::string refusal = Refusal();
    PublishText(Labels("training"), sound);
    return refusal;
  };
  EXPECT_THAT(refused_with("for p in d.values(): p['uv_vis'][:, 0] += 2.1"),
              AllOf(HasSubstr("anno_training.pickle: K takes 'xyz' 2.1"),
                    HasSubstr("expected at most 2"),
                    HasSubstr("labels of another release")));
  EXPECT_EQ(refused_with("for p in d.values(): p['uv_vis'][:, 0] += 1.9"), "(nothing was thrown)");
  EXPECT_THAT(refused_with("for p in d.values(): p['xyz'][:, 1] *= -1"),
              HasSubstr("labels of another release, or in other axes"));
  EXPECT_THAT(refused_with("for p in d.values(): p['xyz'] *= -1"), HasSubstr("inf px away"));
  EXPECT_THAT(refused_with("for p in d.values(): p['xyz'] *= 1000"),
              AllOf(HasSubstr("the middle finger's first bone is 24"),
                    HasSubstr("'xyz' is not in metres")));
  EXPECT_THAT(refused_with("for p in d.values(): p['xyz'] /= 10"),
              HasSubstr("'xyz' is not in metres"));
  EXPECT_EQ(refused_with("d[3]['uv_vis'][:, 0] += 50"), "(nothing was thrown)");
}

}  // namespace
}  // namespace handforge
