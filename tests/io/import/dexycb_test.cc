#include "io/import/dexycb.h"

#include "io/files.h"
#include "tests/io/error_matchers.h"
#include "tests/io/import/numpy_writer.h"
#include "tests/io/temporary_folder.h"

#include <algorithm>
#include <map>
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
using ::testing::SizeIs;

constexpr char kSerials[][16] = {"836212060125",
                                 "839512060362",
                                 "840412060917",
                                 "841412060263",
                                 "932122060857",
                                 "932122060861",
                                 "932122061900",
                                 "932122062010"};
constexpr char kIntrinsics[] = "calibration/intrinsics/932122061900_640x480.yml";
constexpr char kMeta[] = "20200813-subject-02/20200813_140003/meta.yml";
constexpr char kLabels[] = "20200813-subject-02/20200813_140003/839512060362/labels_000001.npz";

// Of write_dexycb.py; `sequence` counts those that have frames.
Eigen::Vector3d Label(int sequence, int camera, int frame, int j) {
  return {10.0 * j - 100 + frame, 2.0 * j * j - 50 * camera, 500 + 3.0 * j + 20 * sequence};
}

class DexYcb : public ::testing::Test {
 protected:
  void SetUp() override {
    HANDFORGE_NEEDS_NUMPY_AND_OPENCV();
    static const WrittenOnce world(
        [](const fs::path& folder) { RunWriter("write_dexycb.py " + folder.string()); });
    world.CopyTo(folder_.path());
  }

  fs::path File(const std::string& name) const { return folder_ / name; }
  std::unique_ptr<PublishedDataset> Open(DexYcbProtocol protocol = DexYcbProtocol::kS0) const {
    return OpenDexYcb(folder_.path(), protocol, 2);
  }
  std::string Refusal() const {
    return MessageOf<DataError>([&] { Open(); });
  }
  std::string RefusalWithText(const std::string& file, const std::string& text) const {
    const std::string before = ReadText(File(file));
    PublishText(File(file), text);
    const std::string refusal = Refusal();
    PublishText(File(file), before);
    return refusal;
  }

  TemporaryFolder folder_;
};

TEST_F(DexYcb, HandsComeBySequenceCameraAndFrame) {
  const auto set = Open();
  // Of two persons, three sequences, eight cameras and two frames, 6 + 2 are left out.
  ASSERT_EQ(set->hands().size(), 2u * 3 * 8 * 2 - 8);
  std::set<int64_t> ids;
  for (const PublishedHand& hand : set->hands()) {
    ids.insert(hand.image_id);
    const bool second = hand.subject == 2;
    EXPECT_TRUE(second || hand.subject == 8);
    const auto number = static_cast<int>(hand.sequence_id % 100);
    const int sequence = number == 3 ? 0 : number == 4 ? 1 : 2;
    const int position = (second ? 100 : 700) + (sequence == 2 ? 79 : 3 + sequence);
    EXPECT_EQ(hand.sequence_id, position + 1000 * (number % 5 != 4 ? 0 : second ? 1 : 2));
    char picture[96];
    std::snprintf(picture,
                  sizeof picture,
                  "%s%04d/%s/color_%06d.jpg",
                  second ? "20200813-subject-02/20200813_14" : "20201002-subject-08/20201002_10",
                  number,
                  kSerials[hand.view_id],
                  hand.frame);
    EXPECT_EQ(hand.picture, picture);
    EXPECT_EQ(hand.image_id, 1000 * (8 * position + hand.view_id) + hand.frame);
    EXPECT_EQ(hand.handedness, number == 4 ? Handedness::kLeft : Handedness::kRight);
    EXPECT_THAT(hand.visible, Each(kVisibilityUnknown));
    EXPECT_EQ(hand.camera.width_px, 640);
    EXPECT_EQ(hand.camera.height_px, 480);
    EXPECT_EQ(hand.camera.fx, 610 + hand.view_id);
    EXPECT_EQ(hand.camera.fy, 611 + hand.view_id);
    EXPECT_EQ(hand.camera.cx, 312 + hand.view_id);
    EXPECT_EQ(hand.camera.cy, 241.5);
    for (int j = 0; j < kNumJoints; ++j) {
      const Eigen::Vector3d joint = hand.joints_in_cam.row(j);
      EXPECT_LT((joint - Label(sequence, hand.view_id, hand.frame, j)).norm(), 1e-4);
    }
  }
  EXPECT_EQ(ids.size(), set->hands().size());
  EXPECT_THAT(set->label_files(), AllOf(SizeIs(8), ::testing::Contains(kIntrinsics)));
  EXPECT_THAT(set->files_of_pictures(), ElementsAre("*/*/meta.yml", "*/*/*/labels_*.npz"));
}

// Sequence 4 is apart in s0, 79 (object 15) in s3; person 8 in s1, the last two cameras in s2.
TEST_F(DexYcb, SplitsAreThoseOfTheProtocol) {
  const auto expect = [&](DexYcbProtocol protocol,
                          const std::function<Split(const PublishedHand&)>& of) {
    const auto set = Open(protocol);
    std::map<int64_t, Split> splits;  // a sequence is of one
    for (const PublishedHand& hand : set->hands()) {
      ASSERT_EQ(hand.split, of(hand)) << hand.picture;
      ASSERT_EQ(splits.emplace(hand.sequence_id, hand.split).first->second, hand.split);
    }
  };
  expect(DexYcbProtocol::kS0, [](const PublishedHand& hand) {
    if (hand.sequence_id % 100 == 3) return Split::kTrain;
    return hand.subject == 2 ? Split::kValidation : Split::kTest;
  });
  expect(DexYcbProtocol::kS1, [](const PublishedHand& hand) {
    return hand.subject == 8 ? Split::kTest : Split::kTrain;
  });
  expect(DexYcbProtocol::kS2, [](const PublishedHand& hand) {
    return hand.view_id == 7   ? Split::kTest
           : hand.view_id == 6 ? Split::kValidation
                               : Split::kTrain;
  });
  expect(DexYcbProtocol::kS3, [](const PublishedHand& hand) {
    return hand.sequence_id % 100 == 79 ? Split::kTest : Split::kTrain;
  });
}

TEST_F(DexYcb, FramesWithoutAHandAreLeftOutBySplit) {
  const auto set = Open();
  EXPECT_THAT(set->left_out(Split::kTrain), IsEmpty());
  EXPECT_THAT(set->left_out(Split::kValidation),
              ElementsAre(Pair("behind_the_camera", 1), Pair("no_hand", 3)));
  EXPECT_THAT(set->left_out(Split::kTest),
              ElementsAre(Pair("behind_the_camera", 1), Pair("no_hand", 3)));
}

TEST_F(DexYcb, PersonsThatAreNotThereAreLeftOut) {
  fs::remove_all(File("20200813-subject-02"));
  EXPECT_EQ(Open()->hands().size(), 3u * 8 * 2 - 4);
  EXPECT_EQ(Open()->hands()[0].subject, 8);
  fs::remove_all(File("20201002-subject-08"));
  EXPECT_THAT(Refusal(),
              AllOf(HasSubstr(folder_.path().string() + ": is no DexYCB"),
                    HasSubstr("20200709-subject-01 ... 20201022-subject-10")));
}

// ---- Pictures -----------------------------------------------------------------------------------

TEST_F(DexYcb, PicturesAreColoursAndTheHandsDepthAndMask) {
  const auto set = Open();
  for (const size_t i : {size_t{0}, size_t{2}}) {  // compressed and not
    const PublishedPicture picture = set->ReadPicture(set->hands()[i]);
    ASSERT_EQ(picture.rgb.width, 640);
    const int channels[] = {230, 120, 10};
    for (int c = 0; c < 3; ++c) EXPECT_NEAR(picture.rgb.at(600, 100, c), channels[c], 12);
    EXPECT_EQ(picture.depth.at(205, 100), 0);
    EXPECT_EQ(picture.depth.at(206, 100), 12340);
    EXPECT_EQ(picture.depth.at(207, 100), 65530);
    EXPECT_EQ(picture.depth.at(208, 100), 0);  // 6554 mm, beyond 16 bits
    EXPECT_EQ(picture.depth.at(209, 100), 0);
    EXPECT_EQ(picture.depth.at(206, 99), 0);   // the room
    EXPECT_EQ(picture.depth.at(210, 105), 0);  // an object
    const auto& mask = picture.mask;
    ASSERT_EQ(mask.width, 640);
    ASSERT_EQ(mask.height, 480);
    EXPECT_EQ(std::count(mask.pixels.begin(), mask.pixels.end(), kPartPalm), 199);
    EXPECT_EQ(std::count(mask.pixels.begin(), mask.pixels.end(), kPartBackground), 640 * 480 - 199);
    EXPECT_EQ(mask.at(219, 100), kPartPalm);
    EXPECT_EQ(mask.at(210, 105), kPartBackground);  // an object
  }
}

TEST_F(DexYcb, PicturesAreRefusedByFile) {
  const auto set = Open();
  const std::string folder = fs::path(set->hands()[3].picture).parent_path().string() + "/";
  ASSERT_EQ(folder + "labels_000001.npz", kLabels);
  const auto refusal = [&] {
    return MessageOf<DataError>([&] { set->ReadPicture(set->hands()[3]); });
  };
  EXPECT_EQ(refusal(), "(nothing was thrown)");
  RunPython("f = '" + File(kLabels).string() + "'\nd = dict(np.load(f))\nd['seg'] = d['seg'].T\n" +
            "np.savez_compressed(f, **d)");
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr(std::string(kLabels) + ": array 'seg' is of shape (640, 480)"),
                    HasSubstr("expected (480, 640)")));
  RunPython("np.savez('" + File(kLabels).string() + "', joint_3d=np.zeros((1, 21, 3)))");
  EXPECT_THAT(refusal(), HasSubstr(std::string(kLabels) + ": has no 'seg.npy'"));
  const std::string depth = folder + "aligned_depth_to_color_000001.png";
  RunPython("import cv2\ncv2.imwrite('" + File(depth).string() + "', np.zeros((480, 640), 'u1'))");
  EXPECT_THAT(refusal(), AllOf(HasSubstr(depth), HasSubstr("expected one of 16 (depth)")));
  RunPython("import cv2\ncv2.imwrite('" + File(depth).string() + "', np.zeros((720, 1280), 'u2'))");
  EXPECT_THAT(refusal(), AllOf(HasSubstr(depth), HasSubstr("1280 x 720"), HasSubstr("640 x 480")));
  fs::remove(File(depth));
  EXPECT_THAT(refusal(), HasSubstr(depth));
  fs::remove(File(folder + "color_000001.jpg"));
  EXPECT_THAT(refusal(), HasSubstr(folder + "color_000001.jpg"));
}

// ---- Labels that are refused --------------------------------------------------------------------

TEST_F(DexYcb, IntrinsicsAreRefusedByFileAndField) {
  const auto refused_with = [&](const std::string& text) {
    const std::string refusal = RefusalWithText(kIntrinsics, text);
    EXPECT_THAT(refusal, HasSubstr(kIntrinsics));
    return refusal;
  };
  EXPECT_THAT(refused_with(""), HasSubstr("color: fx is missing, expected a number of pixels"));
  EXPECT_THAT(refused_with("color: 3"), HasSubstr("color: fx is missing"));
  EXPECT_THAT(refused_with("color: {fx: 1, fy: 1, ppy: 1}"), HasSubstr("color: ppx is missing"));
  EXPECT_THAT(refused_with("color: {fx: wide, fy: 1, ppx: 1, ppy: 1}"),
              HasSubstr("color: fx is something else, expected a number of pixels"));
  EXPECT_THAT(refused_with("color: {fx: [1], fy: 1, ppx: 1, ppy: 1}"),
              HasSubstr("color: fx is something else"));
  EXPECT_THAT(refused_with("color: {fx: 1, fy: 0, ppx: 1, ppy: 1}"), HasSubstr("fy above 0"));
  EXPECT_THAT(refused_with("color: {fx: .inf, fy: 1, ppx: 1, ppy: 1}"), HasSubstr("fy above 0"));
  EXPECT_THAT(refused_with("color: ["), HasSubstr("is no valid YAML"));
  EXPECT_THAT(refused_with(std::string(100000, '[')), HasSubstr("is no valid YAML"));
  fs::remove(File(kIntrinsics));
  EXPECT_THAT(Refusal(), HasSubstr(std::string(kIntrinsics) + ": cannot be opened"));
}

TEST_F(DexYcb, SequencesAreRefusedByFileAndField) {
  const auto refused_with = [&](const std::string& text) {
    const std::string refusal = RefusalWithText(kMeta, text);
    EXPECT_THAT(refusal, HasSubstr(kMeta));
    return refusal;
  };
  const std::string sides = "\nmano_sides: [right]";
  EXPECT_THAT(refused_with("- 1"), HasSubstr("num_frames is missing"));
  EXPECT_THAT(refused_with("num_frames: many" + sides),
              HasSubstr("num_frames is something else, expected a number from 0 to 1000"));
  EXPECT_THAT(refused_with("num_frames: -1" + sides), HasSubstr("num_frames is -1"));
  EXPECT_THAT(refused_with("num_frames: 1001" + sides),
              HasSubstr("num_frames is 1001, expected a number from 0 to 1000"));
  EXPECT_THAT(RefusalWithText(kMeta, "num_frames: 1000" + sides), HasSubstr("labels_000"));
  EXPECT_THAT(refused_with("num_frames: 2"), HasSubstr("mano_sides is no list of one"));
  EXPECT_THAT(refused_with("num_frames: 2\nmano_sides: right"),
              HasSubstr("mano_sides is no list of one, expected [right] or [left]"));
  EXPECT_THAT(refused_with("num_frames: 2\nmano_sides: [right, left]"),
              HasSubstr("mano_sides is no list of one"));
  EXPECT_THAT(refused_with("num_frames: 2\nmano_sides: [both]"), HasSubstr("mano_sides is 'both'"));
  EXPECT_THAT(refused_with("num_frames: 2\nmano_sides: [[left]]"), HasSubstr("no list of one"));
  EXPECT_THAT(RefusalWithText(kMeta, "num_frames: 3" + sides), HasSubstr("labels_000002.npz"));
  fs::create_directory(File("20200813-subject-02/more"));
  EXPECT_THAT(Refusal(),
              HasSubstr("20200813-subject-02: has 101 sequences, expected all 100: which split"));
  fs::remove(File("20200813-subject-02/more"));
  PublishText(File("20200813-subject-02/notes.txt"), "no sequence");
  EXPECT_EQ(Refusal(), "(nothing was thrown)");
}

TEST_F(DexYcb, LabelsAreRefusedByFileAndArray) {
  const auto refused_with = [&](const std::string& arrays) {
    const std::string before = ReadText(File(kLabels));
    RunPython("np.savez_compressed('" + File(kLabels).string() + "', " + arrays + ")");
    const std::string refusal = Refusal();
    PublishText(File(kLabels), before);
    EXPECT_THAT(refusal, HasSubstr(kLabels));
    return refusal;
  };
  EXPECT_THAT(refused_with("seg=np.zeros(3)"),
              HasSubstr("has no 'joint_3d.npy'; it has 'seg.npy'"));
  EXPECT_THAT(refused_with("joint_3d=np.zeros((21, 3))"),
              HasSubstr("array 'joint_3d' is of shape (21, 3), expected (1, 21, 3)"));
  EXPECT_THAT(refused_with("joint_3d=np.zeros((2, 21, 3))"), HasSubstr("(2, 21, 3)"));
  const std::string whole = ReadText(File(kLabels));
  EXPECT_THAT(RefusalWithText(kLabels, whole.substr(0, whole.size() / 2)), HasSubstr(kLabels));
  fs::remove(File(kLabels));
  EXPECT_THAT(Refusal(), AllOf(HasSubstr(kLabels), HasSubstr("No such file")));
}

}  // namespace
}  // namespace handforge
