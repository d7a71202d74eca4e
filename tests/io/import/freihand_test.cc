#include "io/import/freihand.h"

#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

namespace handforge {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kSamples = 3;
constexpr int kSizePx = 224;

// Metres, of joint j of sample s; `shift` tells the evaluation from the training.
double Metres(int s, int j, int axis, double shift) {
  return axis == 2 ? 0.5 + 0.01 * s + 0.001 * j + shift : 0.02 * (axis + 1) * j - 0.1 * s - shift;
}

std::string XyzJson(int samples, double shift) {
  std::ostringstream text;
  text << "[";
  for (int s = 0; s < samples; ++s) {
    text << (s == 0 ? "[" : ", [");
    for (int j = 0; j < kNumJoints; ++j) {
      text << (j == 0 ? "[" : ", [") << Metres(s, j, 0, shift) << ", " << Metres(s, j, 1, shift)
           << ", " << Metres(s, j, 2, shift) << "]";
    }
    text << "]";
  }
  return text.str() + "]";
}

std::string KJson(int samples) {
  std::ostringstream text;
  text << "[";
  for (int s = 0; s < samples; ++s) {
    text << (s == 0 ? "" : ", ") << "[[" << 480 + s << ", 0.0, " << 110.5 + s << "], [0.0, "
         << 470 + s << ", " << 114.25 + s << "], [0, 0, 1]]";
  }
  return text.str() + "]";
}

std::string Name(const std::string& folder, int number) {
  char name[40];
  std::snprintf(name, sizeof name, "/%08d.jpg", number);
  return folder + name;
}

// The red of a picture tells its number.
int RedOf(int number) { return 20 + 10 * number; }

class FreihandTest : public ::testing::Test {
 protected:
  void WriteText(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }

  void WritePicture(const std::string& folder, int number) const {
    std::filesystem::create_directories(folder_ / folder);
    cv::imwrite(folder_ / Name(folder, number),
                cv::Mat(kSizePx, kSizePx, CV_8UC3, cv::Scalar(30, 120, RedOf(number))));
  }

  // A hand of grey 200 before a background of 60: neither is 0 or 255, as in a JPEG of a mask.
  void WriteMask(int sample) const {
    std::filesystem::create_directories(folder_ / "training/mask");
    cv::Mat mask(kSizePx, kSizePx, CV_8U, cv::Scalar(60));
    mask(cv::Rect(32 + 64 * sample, 16, 32, 128)).setTo(200);
    cv::imwrite(folder_ / Name("training/mask", sample), mask);
  }

  void WriteTraining(const std::vector<int>& copies) const {
    WriteText("training_K.json", KJson(kSamples));
    WriteText("training_xyz.json", XyzJson(kSamples, 0));
    for (int sample = 0; sample < kSamples; ++sample) {
      WriteMask(sample);
      for (const int copy : copies) WritePicture("training/rgb", sample + kSamples * copy);
    }
  }

  void WriteEvaluation() const {
    WriteText("evaluation_K.json", KJson(2));
    WriteText("evaluation_xyz.json", XyzJson(2, 0.0625));
    for (int number = 0; number < 2; ++number) WritePicture("evaluation/rgb", number);
  }

  std::unique_ptr<PublishedDataset> Open() const { return OpenFreihand(folder_.path()); }
  std::string Refusal() const {
    return MessageOf<DataError>([&] { Open(); });
  }

  TemporaryFolder folder_;
};

template <typename Field>
std::vector<int64_t> Fields(const PublishedDataset& set, Field PublishedHand::*field) {
  std::vector<int64_t> values;
  for (const PublishedHand& hand : set.hands()) values.push_back(static_cast<int64_t>(hand.*field));
  return values;
}

void ExpectJoints(const PublishedHand& hand, int sample, double shift) {
  for (int j = 0; j < kNumJoints; ++j) {
    for (int axis = 0; axis < 3; ++axis) {
      EXPECT_NEAR(hand.joints_in_cam(j, axis), 1000 * Metres(sample, j, axis, shift), 1e-2)
          << "joint " << j << " axis " << axis;
    }
  }
}

TEST_F(FreihandTest, CopiesOfASampleShareItsLabelsAndItsSequence) {
  WriteTraining({0, 2});
  const auto set = Open();
  EXPECT_THAT(Fields(*set, &PublishedHand::image_id), ElementsAre(0, 1, 2, 6, 7, 8));
  EXPECT_THAT(Fields(*set, &PublishedHand::sequence_id), ElementsAre(0, 1, 2, 0, 1, 2));
  EXPECT_THAT(Fields(*set, &PublishedHand::frame), ElementsAre(0, 0, 0, 2, 2, 2));
  EXPECT_THAT(Fields(*set, &PublishedHand::subject), Each(-1));
  EXPECT_THAT(Fields(*set, &PublishedHand::split), Each(static_cast<int>(Split::kTrain)));
  EXPECT_THAT(Fields(*set, &PublishedHand::handedness), Each(static_cast<int>(Handedness::kRight)));
  EXPECT_THAT(set->label_files(), ElementsAre("training_K.json", "training_xyz.json"));
  const PublishedHand& hand = set->hands()[4];
  EXPECT_EQ(hand.picture, "training/rgb/00000007.jpg");
  ExpectJoints(hand, 1, 0);
  EXPECT_THAT(hand.visible, Each(kVisibilityUnknown));
  EXPECT_EQ(hand.camera.width_px, 224);
  EXPECT_EQ(hand.camera.height_px, 224);
  EXPECT_EQ(hand.camera.fx, 481);
  EXPECT_EQ(hand.camera.fy, 471);
  EXPECT_EQ(hand.camera.cx, 111.5);
  EXPECT_EQ(hand.camera.cy, 115.25);
}

TEST_F(FreihandTest, EvaluationIsTheTestSplitAndHasNoMasks) {
  WriteTraining({0});
  WriteEvaluation();
  const auto set = Open();
  ASSERT_EQ(set->hands().size(), 5u);
  const PublishedHand& hand = set->hands()[4];
  EXPECT_EQ(hand.split, Split::kTest);
  EXPECT_EQ(hand.picture, "evaluation/rgb/00000001.jpg");
  EXPECT_EQ(hand.image_id, 4 * kSamples + 1);
  EXPECT_EQ(hand.sequence_id, kSamples + 1);
  EXPECT_EQ(hand.frame, 0);
  ExpectJoints(hand, 1, 0.0625);
  const PublishedPicture picture = set->ReadPicture(hand);
  EXPECT_FALSE(picture.rgb.empty());
  EXPECT_TRUE(picture.mask.empty());
  EXPECT_TRUE(picture.depth.empty());
}

TEST_F(FreihandTest, EitherSplitMayBeAlone) {
  WriteText("evaluation_K.json", KJson(2));  // as the first archive has it: no positions
  WriteTraining({0});
  EXPECT_EQ(Open()->hands().size(), 3u);
  std::filesystem::remove(folder_ / "training_xyz.json");
  WriteEvaluation();
  const auto set = Open();
  EXPECT_THAT(Fields(*set, &PublishedHand::image_id), ElementsAre(0, 1));
  EXPECT_THAT(Fields(*set, &PublishedHand::split), Each(static_cast<int>(Split::kTest)));
}

TEST_F(FreihandTest, PicturesOfACopyGoWithTheMaskOfTheirSample) {
  WriteTraining({0, 3});
  const auto set = Open();
  for (const PublishedHand& hand : set->hands()) {
    SCOPED_TRACE(hand.picture);
    const PublishedPicture picture = set->ReadPicture(hand);
    ASSERT_EQ(picture.rgb.channels, 3);
    EXPECT_NEAR(picture.rgb.at(100, 50, 0), RedOf(static_cast<int>(hand.image_id)), 3);
    EXPECT_NEAR(picture.rgb.at(100, 50, 1), 120, 3);
    EXPECT_NEAR(picture.rgb.at(100, 50, 2), 30, 3);
    EXPECT_TRUE(picture.depth.empty());
    ASSERT_EQ(picture.mask.width, kSizePx);
    ASSERT_EQ(picture.mask.height, kSizePx);
    ASSERT_EQ(picture.mask.channels, 1);
    for (int sample = 0; sample < kSamples; ++sample) {
      const bool own = sample == hand.sequence_id;
      EXPECT_EQ(picture.mask.at(48 + 64 * sample, 80), own ? kPartPalm : kPartBackground);
    }
    EXPECT_EQ(picture.mask.at(48, 160), kPartBackground);  // rows are not columns
  }
}

TEST_F(FreihandTest, RefusesAFolderWithoutLabels) {
  EXPECT_THAT(Refusal(),
              AllOf(HasSubstr(folder_.path().string()),
                    HasSubstr("training_xyz.json or evaluation_xyz.json")));
  WriteText("training_xyz.json", XyzJson(kSamples, 0));
  EXPECT_THAT(Refusal(), HasSubstr("training_K.json"));
}

TEST_F(FreihandTest, RefusesListsOfUnequalLength) {
  WriteTraining({0});
  WriteText("training_K.json", KJson(2));
  EXPECT_THAT(Refusal(),
              AllOf(HasSubstr("training_K.json has 2 samples"),
                    HasSubstr("training_xyz.json has 3; expected as many")));
}

TEST_F(FreihandTest, RefusesDamagedLabels) {
  WriteTraining({0});
  const std::string xyz = XyzJson(kSamples, 0);
  WriteText("training_xyz.json", xyz.substr(0, xyz.size() / 2));
  EXPECT_THAT(Refusal(), HasSubstr("training_xyz.json: is no valid JSON"));
  WriteText("training_xyz.json", "[]");
  EXPECT_THAT(Refusal(), HasSubstr("training_xyz.json: expected a JSON list"));
  WriteText("training_xyz.json", xyz);
  const std::string K = KJson(kSamples);
  WriteText("training_K.json", K.substr(0, K.size() - 9));
  EXPECT_THAT(Refusal(), HasSubstr("training_K.json: is no valid JSON"));
  WriteText("training_K.json", "{}");
  EXPECT_THAT(Refusal(), HasSubstr("training_K.json: expected a list of 3 x 3 numbers"));
  WriteText("training_K.json", "[[[1, 0, 2], [0, 1]], 0, 0]");
  EXPECT_THAT(Refusal(), HasSubstr("training_K.json, sample 0: expected 3 x 3 numbers"));
  WriteText("training_K.json", "[[[480, 0, 1], [0, -1, 1], [0, 0, 1]]]");
  EXPECT_THAT(Refusal(),
              AllOf(HasSubstr("sample 0: K is [480, 0, 1; 0, -1, 1; 0, 0, 1]"),
                    HasSubstr("expected [fx, 0, cx; 0, fy, cy; 0, 0, 1]")));
  WriteText("training_K.json", K);
  WriteText("training_xyz.json", "[[[1e999, 0, 1]]]");
  EXPECT_THAT(Refusal(), HasSubstr("training_xyz.json: is no valid JSON"));
}

TEST_F(FreihandTest, RefusesCopiesThatAreNotWhole) {
  WriteTraining({0, 2});
  std::filesystem::remove(folder_ / Name("training/rgb", 8));
  EXPECT_THAT(Refusal(),
              AllOf(HasSubstr("00000008.jpg: is missing"), HasSubstr("pictures of copy 2")));
  WritePicture("training/rgb", 8);
  std::filesystem::remove(folder_ / Name("training/rgb", 6));
  EXPECT_THAT(Refusal(), HasSubstr("00000006.jpg: is missing"));
  std::filesystem::remove_all(folder_ / "training/rgb");
  EXPECT_THAT(Refusal(),
              AllOf(HasSubstr("training/rgb/00000000.jpg: is missing"), HasSubstr("every copy")));
}

// As where only the lists were cut down: picture 3 would then be taken for a copy of sample 0.
TEST_F(FreihandTest, RefusesMorePicturesThanCopiesOfTheLabels) {
  WriteTraining({0, 1, 2, 3});
  WritePicture("training/rgb", 12);
  EXPECT_THAT(Refusal(),
              AllOf(HasSubstr("00000012.jpg"), HasSubstr("beyond the 4 copies of 3 samples")));
}

TEST_F(FreihandTest, RefusesDamagedPicturesByName) {
  WriteTraining({0});
  const auto set = Open();
  const auto refusal = [&] {
    return MessageOf<DataError>([&] { set->ReadPicture(set->hands()[1]); });
  };
  const auto mask = folder_ / "training/mask/00000001.jpg";
  std::filesystem::resize_file(mask, std::filesystem::file_size(mask) / 2);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("mask/00000001.jpg"), HasSubstr("cut off")));
  cv::imwrite(mask, cv::Mat(112, 224, CV_8U, cv::Scalar(0)));
  EXPECT_THAT(refusal(), HasSubstr("mask/00000001.jpg: has 224 x 112 pixels, expected 224 x 224"));
  std::filesystem::remove(mask);
  EXPECT_THAT(refusal(), HasSubstr("mask/00000001.jpg"));
  cv::imwrite(folder_ / "training/rgb/00000001.jpg", cv::Mat(224, 112, CV_8UC3, cv::Scalar()));
  EXPECT_THAT(refusal(), HasSubstr("rgb/00000001.jpg: has 112 x 224 pixels, expected 224 x 224"));
  std::filesystem::remove(folder_ / "training/rgb/00000001.jpg");
  EXPECT_THAT(refusal(), HasSubstr("rgb/00000001.jpg"));
}

}  // namespace
}  // namespace handforge
