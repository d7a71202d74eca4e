#include "io/import/ho3d.h"

#include "io/files.h"
#include "tests/io/error_matchers.h"
#include "tests/io/import/numpy_writer.h"
#include "tests/io/temporary_folder.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

// MANO's joints and five tips: index, middle, little, ring, thumb; then the tips from the thumb on.
constexpr std::array<int, kNumJoints> kPublishedOrder = {
    kWrist,     kIndexMcp,  kIndexPip,  kIndexDip, kMiddleMcp, kMiddlePip, kMiddleDip,
    kLittleMcp, kLittlePip, kLittleDip, kRingMcp,  kRingPip,   kRingDip,   kThumbCmc,
    kThumbMcp,  kThumbIp,   kThumbTip,  kIndexTip, kMiddleTip, kRingTip,   kLittleTip};

// Of write_ho3d.py, in millimetres with y down and z forward.
Eigen::Vector3d Label(int sequence, int frame, int k) {
  return {10.0 * k - 100 + frame, 3.0 * k * k - 50 * sequence, 500 + 2.0 * k + 10 * frame};
}

class Ho3d : public ::testing::Test {
 protected:
  void SetUp() override { HANDFORGE_NEEDS_NUMPY_AND_OPENCV(); }

  void Write(const std::string& version = "v3", const std::string& protocol = "2") const {
    RunWriter("write_ho3d.py " + folder_.path().string() + " " + version + " " + protocol);
  }
  fs::path File(const std::string& name) const { return folder_ / name; }
  std::unique_ptr<PublishedDataset> Open() const { return OpenHo3d(folder_.path(), 2); }
  std::string Refusal() const {
    return MessageOf<DataError>([&] { Open(); });
  }
  // What is said of a meta after `body` changed it.
  std::string RefusalWith(const std::string& meta, const std::string& body) const {
    const std::string before = ReadText(File(meta));
    EditPickle(File(meta), body);
    const std::string refusal = Refusal();
    PublishText(File(meta), before);
    return refusal;
  }
  // The same of a text.
  std::string RefusalWithText(const std::string& file, const std::string& text) const {
    const std::string before = ReadText(File(file));
    PublishText(File(file), text);
    const std::string refusal = Refusal();
    PublishText(File(file), before);
    return refusal;
  }

  TemporaryFolder folder_;
};

void ExpectJoints(const PublishedHand& hand, int sequence, int frame, double tolerance_mm) {
  for (int k = 0; k < kNumJoints; ++k) {
    const Eigen::Vector3d joint = hand.joints_in_cam.row(kPublishedOrder[static_cast<size_t>(k)]);
    EXPECT_LT((joint - Label(sequence, frame, k)).norm(), tolerance_mm) << "published joint " << k;
  }
}

TEST_F(Ho3d, HandsComeByLineWithTheirLabels) {
  for (const char* protocol : {"python2", "2", "3", "4", "5"}) {
    Write("v3", protocol);
    const auto set = Open();
    EXPECT_THAT(set->label_files(),
                ElementsAre("train.txt", "evaluation.txt", "evaluation_xyz.json"));
    EXPECT_THAT(set->files_of_pictures(),
                ElementsAre("train/*/meta/*.pkl", "evaluation/*/meta/*.pkl"));
    const auto& hands = set->hands();
    ASSERT_EQ(hands.size(), 8u) << protocol;
    const struct {
      const char* picture;
      int64_t image_id;
      int sequence;  // of write_ho3d.py
      int64_t scene;
      int view_id, frame;
      Split split;
    } expected[] = {{"train/ABF10/rgb/0003.jpg", 0, 0, 0, 0, 3, Split::kTrain},
                    {"train/ABF10/rgb/0000.jpg", 1, 0, 0, 0, 0, Split::kTrain},
                    {"train/ABF12/rgb/0003.jpg", 2, 1, 0, 2, 3, Split::kTrain},
                    {"train/SM1/rgb/0041.jpg", 3, 2, 1, 0, 41, Split::kTrain},
                    {"train/SB10/rgb/0001.jpg", 5, 3, 2, 0, 1, Split::kTrain},
                    {"evaluation/SB11/rgb/0001.jpg", 6, 4, 3, 1, 1, Split::kTest},
                    {"evaluation/MPM10/rgb/0007.jpg", 7, 5, 4, 0, 7, Split::kTest},
                    {"evaluation/SB11/rgb/0002.jpg", 8, 4, 3, 1, 2, Split::kTest}};
    for (size_t i = 0; i < hands.size(); ++i) {
      EXPECT_EQ(hands[i].picture, expected[i].picture);
      EXPECT_EQ(hands[i].image_id, expected[i].image_id);
      EXPECT_EQ(hands[i].sequence_id, expected[i].scene);
      EXPECT_EQ(hands[i].view_id, expected[i].view_id);
      EXPECT_EQ(hands[i].frame, expected[i].frame);
      EXPECT_EQ(hands[i].split, expected[i].split);
      EXPECT_EQ(hands[i].subject, -1);
      EXPECT_EQ(hands[i].handedness, Handedness::kRight);
      EXPECT_THAT(hands[i].visible, Each(kVisibilityUnknown));
      ExpectJoints(hands[i], expected[i].sequence, expected[i].frame, 1e-9);
      EXPECT_EQ(hands[i].camera.width_px, 640);
      EXPECT_EQ(hands[i].camera.height_px, 480);
      EXPECT_EQ(hands[i].camera.fx, 610 + expected[i].sequence);
      EXPECT_EQ(hands[i].camera.fy, 611 + expected[i].sequence);
      EXPECT_EQ(hands[i].camera.cx, 312.5);
      EXPECT_EQ(hands[i].camera.cy, 241.25);
    }
    EXPECT_THAT(set->left_out(Split::kTrain), ElementsAre(Pair("not_labelled", 1)));
    EXPECT_THAT(set->left_out(Split::kTest), IsEmpty());
  }
}

// A name that ends in one digit is no camera of the scene whose cameras end in two.
TEST_F(Ho3d, ScenesOfOneCameraStayApartFromThoseOfSeveral) {
  Write();
  fs::copy(File("train/SM1"), File("train/SM10"), fs::copy_options::recursive);
  fs::copy(File("train/SM1"), File("train/SMu"), fs::copy_options::recursive);
  fs::copy(File("train/SM1"), File("train/12"), fs::copy_options::recursive);
  PublishText(File("train.txt"), "SM1/0041\r\n\n SMu/0041");
  EXPECT_THAT(Refusal(), HasSubstr("line 3"));
  PublishText(File("train.txt"), "SM1/0041\r\n\nSM10/0041\nSMu/0041\n12/0041");
  const auto set = Open();
  std::vector<std::pair<int64_t, int32_t>> scenes;
  for (const PublishedHand& hand : set->hands()) {
    if (hand.split == Split::kTrain) scenes.emplace_back(hand.sequence_id, hand.view_id);
  }
  EXPECT_THAT(scenes, ElementsAre(Pair(0, 0), Pair(1, 0), Pair(2, 0), Pair(3, 0)));
  EXPECT_EQ(set->hands().back().image_id, 4 + 2);
}

TEST_F(Ho3d, OneSplitIsEnough) {
  Write();
  fs::remove(File("train.txt"));
  EXPECT_EQ(Open()->hands().size(), 3u);
  EXPECT_EQ(Open()->hands()[0].image_id, 0);
  EXPECT_THAT(Open()->label_files(), ElementsAre("evaluation.txt", "evaluation_xyz.json"));
  Write();
  fs::remove(File("evaluation.txt"));
  EXPECT_EQ(Open()->hands().size(), 5u);
  EXPECT_THAT(Open()->left_out(Split::kTest), IsEmpty());
  fs::remove(File("train.txt"));
  EXPECT_THAT(Refusal(),
              AllOf(HasSubstr(folder_.path().string() + ": is no HO-3D"),
                    HasSubstr("expected train.txt or evaluation.txt")));
}

TEST_F(Ho3d, WithoutItsJointsTheEvaluationIsLeftOut) {
  Write();
  fs::remove(File("evaluation_xyz.json"));
  fs::remove_all(File("evaluation"));
  const auto set = Open();
  EXPECT_EQ(set->hands().size(), 5u);
  EXPECT_THAT(set->left_out(Split::kTest), ElementsAre(Pair("no_evaluation_xyz_json", 3)));
  EXPECT_THAT(set->label_files(), ElementsAre("train.txt", "evaluation.txt"));
}

TEST_F(Ho3d, FramesOfTheEvaluationWhoseWristIsAnotherAreLeftOut) {
  Write();
  EditPickle(File("evaluation/SB11/meta/0002.pkl"), "d['handJoints3D'][0] += 0.001");
  const auto set = Open();
  EXPECT_THAT(set->left_out(Split::kTest), ElementsAre(Pair("wrist_elsewhere", 1)));
  EXPECT_EQ(set->hands().size(), 7u);
}

TEST_F(Ho3d, FramesWithoutJointsOrCameraAreNotLabelled) {
  Write();
  EditPickle(File("train/ABF10/meta/0000.pkl"), "d['camMat'] = None");
  EditPickle(File("evaluation/SB11/meta/0002.pkl"), "d['handJoints3D'] = None");
  EditPickle(File("train/SB10/meta/0001.pkl"), "d['handJoints3D'][20, 2] = 0.1");
  EditPickle(File("train/SM1/meta/0041.pkl"), "d['handJoints3D'][3, 0] = np.nan");
  const auto set = Open();
  EXPECT_THAT(
      set->left_out(Split::kTrain),
      ElementsAre(Pair("behind_the_camera", 1), Pair("no_number", 1), Pair("not_labelled", 2)));
  EXPECT_THAT(set->left_out(Split::kTest), ElementsAre(Pair("not_labelled", 1)));
  EXPECT_EQ(set->hands().size(), 4u);
}

// ---- Pictures -----------------------------------------------------------------------------------

TEST_F(Ho3d, PicturesAreColoursAndDepthOfTheWholeRoom) {
  for (const std::string version : {"v2", "v3"}) {
    const TemporaryFolder folder;
    RunWriter("write_ho3d.py " + folder.path().string() + " " + version + " 4");
    const auto set = OpenHo3d(folder.path());
    for (const size_t i : {size_t{1}, size_t{6}}) {  // the second line of either split
      const PublishedHand& hand = set->hands()[i];
      EXPECT_EQ(fs::path(hand.picture).extension(), version == "v2" ? ".png" : ".jpg");
      const PublishedPicture picture = set->ReadPicture(hand);
      ASSERT_EQ(picture.rgb.width, 640);
      ASSERT_EQ(picture.rgb.height, 480);
      const int channels[] = {230, 120, 10};
      for (int c = 0; c < 3; ++c) EXPECT_NEAR(picture.rgb.at(599, 8, c), channels[c], 12);
      EXPECT_TRUE(picture.mask.empty());
      EXPECT_EQ(picture.depth.at(598, 8), 0);
      EXPECT_EQ(picture.depth.at(599, 8), 5049);   // 4040 * 0.124986647 mm = 504.946 mm
      EXPECT_EQ(picture.depth.at(600, 8), 65535);  // 52434 * 0.124986647 mm = 6553.55 mm
      EXPECT_EQ(picture.depth.at(601, 8), 0);      // 6553.67 mm, beyond 16 bits
      EXPECT_EQ(picture.depth.at(602, 8), 0);
    }
  }
}

TEST_F(Ho3d, PicturesAreRefusedByFile) {
  Write();
  const auto set = Open();
  const auto refusal = [&] {
    return MessageOf<DataError>([&] { set->ReadPicture(set->hands()[0]); });
  };
  EXPECT_EQ(refusal(), "(nothing was thrown)");
  RunPython("import cv2\ncv2.imwrite('" + File("train/ABF10/depth/0003.png").string() +
            "', np.zeros((480, 640), 'u2'))");
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("ABF10/depth/0003.png"), HasSubstr("three channels of 8")));
  fs::remove(File("train/ABF10/depth/0003.png"));
  EXPECT_THAT(refusal(), HasSubstr("ABF10/depth/0003.png"));
  RunPython("import cv2\ncv2.imwrite('" + File("train/ABF10/rgb/0003.jpg").string() +
            "', np.zeros((240, 320, 3), 'u1'))");
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("ABF10/rgb/0003.jpg: has 320 x 240"), HasSubstr("640 x 480")));
  fs::remove(File("train/ABF10/rgb/0003.jpg"));
  EXPECT_THAT(refusal(), HasSubstr("ABF10/rgb/0003.jpg"));
}

// ---- Labels that are refused --------------------------------------------------------------------

TEST_F(Ho3d, ListsAreRefusedByLine) {
  Write();
  for (const char* line : {"ABF10",
                           "/0000",
                           "ABF10/",
                           "ABF10/0x",
                           "../0000",
                           "ABF10/00/1",
                           "A F10/0000",
                           "ABF10/0000000000",
                           "ABF10/-001"}) {
    EXPECT_THAT(RefusalWithText("train.txt", std::string("ABF10/0000\n") + line + "\n"),
                AllOf(HasSubstr("train.txt, line 2: '" + std::string(line) + "'"),
                      HasSubstr("such as ABF10/0000")));
  }
  EXPECT_THAT(RefusalWithText("train.txt", "ABF10/0001\n"), HasSubstr("train/ABF10/meta/0001.pkl"));
}

TEST_F(Ho3d, MetasAreRefusedByFileAndField) {
  Write();
  const std::string meta = "train/ABF12/meta/0003.pkl";
  const auto in_meta = [&](const std::string& what) { return HasSubstr(meta + ": " + what); };
  EXPECT_THAT(RefusalWith(meta, "d = [d]"), in_meta("is no dict of labels"));
  EXPECT_THAT(RefusalWith(meta, "del d['camMat']"), in_meta("has no 'camMat'"));
  EXPECT_THAT(RefusalWith(meta, "del d['handJoints3D']"), in_meta("has no 'handJoints3D'"));
  EXPECT_THAT(RefusalWith(meta, "d['handJoints3D'] = d['handJoints3D'][0]"),
              in_meta("'handJoints3D' is no array of 21 x 3 numbers"));
  EXPECT_THAT(RefusalWith(meta, "d['handJoints3D'] = d['handJoints3D'].tolist()"),
              in_meta("'handJoints3D' is no array of 21 x 3 numbers"));
  EXPECT_THAT(RefusalWith(meta, "d['camMat'] = d['camMat'][:2]"),
              in_meta("'camMat' is no array of 3 x 3 numbers"));
  EXPECT_THAT(RefusalWith(meta, "d['camMat'][1, 1] = -1"), in_meta("K is ["));
  const std::string whole = ReadText(File(meta));
  EXPECT_THAT(RefusalWithText(meta, whole.substr(0, whole.size() / 2)),
              HasSubstr(meta + ", byte "));
  EXPECT_THAT(RefusalWithText(meta, ""), HasSubstr(meta + ", byte 0"));
  EXPECT_THAT(RefusalWith("evaluation/SB11/meta/0001.pkl", "d['handJoints3D'] = np.zeros((21, 3))"),
              HasSubstr("evaluation/SB11/meta/0001.pkl: 'handJoints3D' is no array of 1 x 3"));
}

TEST_F(Ho3d, EvaluationJointsOfOtherFramesAreRefused) {
  Write();
  const auto refused_with = [&](const std::string& body) {
    const std::string before = ReadText(File("evaluation_xyz.json"));
    RunPython("import json\nfile = '" + File("evaluation_xyz.json").string() +
              "'\nwith open(file) as f: d = np.array(json.load(f))\n" + body +
              "\nwith open(file, 'w') as f: json.dump(d.tolist(), f)");
    const std::string refusal = Refusal();
    PublishText(File("evaluation_xyz.json"), before);
    return refusal;
  };
  EXPECT_THAT(refused_with("d = d[:2]"),
              AllOf(HasSubstr("evaluation_xyz.json: has 2 frames"), HasSubstr("expected 3")));
  EXPECT_THAT(refused_with("d = d[::-1]"),
              AllOf(HasSubstr("evaluation_xyz.json: the first joint of 2 of 3 frames"),
                    HasSubstr("'handJoints3D'")));
  EXPECT_THAT(refused_with("d[:, :, 2] *= -1"), HasSubstr("the first joint of 3 of 3 frames"));
  EXPECT_THAT(refused_with("d *= 1000"), HasSubstr("the first joint of 3 of 3 frames"));
  EXPECT_THAT(refused_with("d[:, 0] = np.nan"), HasSubstr("evaluation_xyz.json"));
  EXPECT_EQ(refused_with("d[1] += 0.1"), "(nothing was thrown)");  // one of three
  EXPECT_THAT(refused_with("d += 0.0005"), HasSubstr("the first joint of 3 of 3 frames"));
  EXPECT_THAT(refused_with("d = d[:, :20]"), HasSubstr("evaluation_xyz.json"));
  EXPECT_THAT(RefusalWithText("evaluation_xyz.json", "[[["), HasSubstr("evaluation_xyz.json"));
}

}  // namespace
}  // namespace handforge
