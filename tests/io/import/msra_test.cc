#include "io/import/msra.h"

#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"

#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

// As stored, of joint j in the order of the set: y up, z backward.
Eigen::Vector3d Stored(int frame, int j) { return {10.0 * j - 70, 3.0 * j + frame, -300.0 - j}; }

std::string Line(int frame) {
  std::ostringstream text;
  for (int j = 0; j < kNumJoints; ++j) {
    const Eigen::Vector3d x = Stored(frame, j);
    text << (j == 0 ? "" : " ") << x[0] << " " << x[1] << " " << x[2];
  }
  return text.str();
}

std::string JointText(int frames) {
  std::string text = std::to_string(frames) + "\n";
  for (int frame = 0; frame < frames; ++frame) text += Line(frame) + "\n";
  return text;
}

class MsraTest : public ::testing::Test {
 protected:
  void WriteJoints(const std::string& sequence, const std::string& text) const {
    std::filesystem::create_directories(folder_ / sequence);
    std::ofstream(folder_ / sequence / "joint.txt") << text;
  }

  void WriteDepth(const std::string& name,
                  const std::vector<uint32_t>& header,
                  const std::vector<float>& depth) const {
    std::ofstream file(folder_ / name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(header.data()),
               static_cast<std::streamsize>(sizeof(uint32_t) * header.size()));
    file.write(reinterpret_cast<const char*>(depth.data()),
               static_cast<std::streamsize>(sizeof(float) * depth.size()));
  }

  std::unique_ptr<PublishedDataset> Open() const { return OpenMsra(folder_.path()); }
  std::string Refusal() const {
    return MessageOf<DataError>([&] { Open(); });
  }

  TemporaryFolder folder_;
};

TEST_F(MsraTest, JointsComeInCanonicalOrderAndAxes) {
  WriteJoints("P4/IP", JointText(2));
  const auto set = Open();
  ASSERT_EQ(set->hands().size(), 2u);
  const PublishedHand& hand = set->hands()[1];
  // Wrist, thumb (the set's last finger), index, middle, ring, little.
  constexpr int kSource[kNumJoints] = {0, 17, 18, 19, 20, 1,  2,  3,  4,  5, 6,
                                       7, 8,  9,  10, 11, 12, 13, 14, 15, 16};
  for (int j = 0; j < kNumJoints; ++j) {
    const Eigen::Vector3d x = Stored(1, kSource[j]);
    EXPECT_EQ(hand.joints_in_cam(j, 0), x[0]) << j;
    EXPECT_EQ(hand.joints_in_cam(j, 1), -x[1]) << j;
    EXPECT_EQ(hand.joints_in_cam(j, 2), -x[2]) << j;
  }
  EXPECT_EQ(hand.camera.width_px, 320);
  EXPECT_EQ(hand.camera.height_px, 240);
  EXPECT_EQ(hand.camera.fx, 241.42);
  EXPECT_EQ(hand.camera.fy, 241.42);
  EXPECT_EQ(hand.camera.cx, 160);
  EXPECT_EQ(hand.camera.cy, 120);
  EXPECT_EQ(hand.handedness, Handedness::kRight);
  EXPECT_EQ(hand.split, Split::kTrain);
  EXPECT_THAT(hand.visible, Each(kVisibilityUnknown));
}

TEST_F(MsraTest, SubjectsAndGesturesComeInTheOrderOfTheSet) {
  for (const char* sequence : {"P8/Y", "P1/TIP", "P1/9", "P1/I", "P1/T", "P0/2"}) {
    WriteJoints(sequence, JointText(2));
  }
  WriteJoints("P9/1", JointText(2));  // neither is of the set
  WriteJoints("P0/X", JointText(2));
  const auto set = Open();
  EXPECT_THAT(set->label_files(),
              ElementsAre("P0/2/joint.txt",
                          "P1/9/joint.txt",
                          "P1/I/joint.txt",
                          "P1/T/joint.txt",
                          "P1/TIP/joint.txt",
                          "P8/Y/joint.txt"));
  ASSERT_EQ(set->hands().size(), 12u);
  const std::vector<int64_t> sequences = {1, 17 + 8, 17 + 9, 17 + 14, 17 + 15, 8 * 17 + 16};
  const std::vector<int64_t> subjects = {0, 1, 1, 1, 1, 8};
  for (int i = 0; i < 12; ++i) {
    const PublishedHand& hand = set->hands()[static_cast<size_t>(i)];
    EXPECT_EQ(hand.image_id, i);
    EXPECT_EQ(hand.sequence_id, sequences[static_cast<size_t>(i / 2)]);
    EXPECT_EQ(hand.subject, subjects[static_cast<size_t>(i / 2)]);
    EXPECT_EQ(hand.frame, i % 2);
  }
  EXPECT_EQ(set->hands()[11].picture, "P8/Y/000001_depth.bin");
}

TEST_F(MsraTest, FaultyFramesAreLeftOutAndKeepTheirNumbers) {
  WriteJoints("P2/MP", JointText(362));
  WriteJoints("P2/TIP", JointText(176));
  WriteJoints("P3/T", JointText(491));
  WriteJoints("P3/TIP", JointText(176));
  WriteJoints("P8/4", JointText(170));
  using Frame = std::tuple<int64_t, std::string, int>;
  std::set<Frame> expected;
  for (const int frame : {172, 173, 174}) expected.emplace(2, "P2/TIP", frame);
  for (const int frame :
       {173, 174, 175, 345, 346, 347, 348, 349, 350, 351, 352, 353, 354, 356, 359, 360}) {
    expected.emplace(2, "P2/MP", frame);
  }
  for (const int frame : {120, 489}) expected.emplace(3, "P3/T", frame);
  expected.emplace(8, "P8/4", 168);

  const auto set = Open();
  EXPECT_THAT(set->left_out(Split::kTrain), ElementsAre(Pair("faulty_frame", 22)));
  std::set<Frame> missing;
  for (const auto& [sequence, count] : std::map<std::string, int>{
           {"P2/MP", 362}, {"P2/TIP", 176}, {"P3/T", 491}, {"P3/TIP", 176}, {"P8/4", 170}}) {
    for (int frame = 0; frame < count; ++frame) missing.emplace(sequence[1] - '0', sequence, frame);
  }
  for (const PublishedHand& hand : set->hands()) {
    const std::string sequence = hand.picture.substr(0, hand.picture.rfind('/'));
    EXPECT_EQ(missing.erase({hand.subject, sequence, hand.frame}), 1u) << hand.picture;
  }
  EXPECT_EQ(missing, expected);
  EXPECT_EQ(set->hands().back().image_id, 362 + 176 + 491 + 176 + 170 - 1);
}

TEST_F(MsraTest, TheCropIsPastedInTenthsOfMillimetres) {
  WriteJoints("P0/1", JointText(1));
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> depth = {
      300.04F, 300.06F, 0, -5, 6553.5F, 6553.52F, 70000, kInfinity, kNan, 412.5F};
  WriteDepth("P0/1/000000_depth.bin", {320, 240, 315, 238, 320, 240}, depth);
  const auto set = Open();
  const PublishedPicture picture = set->ReadPicture(set->hands()[0]);
  EXPECT_TRUE(picture.rgb.empty());
  EXPECT_TRUE(picture.mask.empty());
  ASSERT_EQ(picture.depth.width, 320);
  ASSERT_EQ(picture.depth.height, 240);
  std::vector<uint16_t> crop;
  for (int y = 238; y < 240; ++y) {
    for (int x = 315; x < 320; ++x) crop.push_back(picture.depth.at(x, y));
  }
  EXPECT_THAT(crop, ElementsAre(3000, 3001, 0, 0, 65535, 0, 0, 0, 0, 4125));
  uint64_t sum = 0;
  for (const uint16_t value : picture.depth.pixels) sum += value;
  EXPECT_EQ(sum, 3000u + 3001u + 65535u + 4125u);
}

TEST_F(MsraTest, AnEmptyCropIsAnEmptyPicture) {
  WriteJoints("P0/1", JointText(1));
  WriteDepth("P0/1/000000_depth.bin", {320, 240, 100, 50, 100, 50}, {});
  const auto set = Open();
  EXPECT_THAT(set->ReadPicture(set->hands()[0]).depth.pixels, Each(0));
}

TEST_F(MsraTest, RefusesDamagedDepthByName) {
  WriteJoints("P0/1", JointText(1));
  const auto set = Open();
  const auto refusal = [&](const std::vector<uint32_t>& header, const std::vector<float>& depth) {
    WriteDepth("P0/1/000000_depth.bin", header, depth);
    return MessageOf<DataError>([&] { set->ReadPicture(set->hands()[0]); });
  };
  EXPECT_THAT(MessageOf<DataError>([&] { set->ReadPicture(set->hands()[0]); }),
              HasSubstr("P0/1/000000_depth.bin"));
  EXPECT_THAT(refusal({320, 240, 100, 50, 102}, {}),
              AllOf(HasSubstr("P0/1/000000_depth.bin"), HasSubstr("20 bytes, expected a header")));
  EXPECT_THAT(refusal({320, 240, 100, 50, 102, 52}, {1, 2, 3}),
              HasSubstr("holds 36 bytes, expected 40"));
  EXPECT_THAT(refusal({320, 240, 100, 50, 102, 52}, {1, 2, 3, 4, 5}),
              HasSubstr("holds 44 bytes, expected 40"));
  EXPECT_THAT(refusal({240, 320, 100, 50, 102, 52}, {1, 2, 3, 4}),
              HasSubstr("240 x 320 pixels, expected 320 x 240"));
  // 4 floats each: the size alone does not tell.
  EXPECT_THAT(refusal({320, 240, 319, 50, 321, 52}, {1, 2, 3, 4}),
              HasSubstr("columns 319 to 321 and rows 50 to 52"));
  EXPECT_THAT(refusal({320, 240, 100, 239, 102, 241}, {1, 2, 3, 4}), HasSubstr("is not within"));
  EXPECT_THAT(refusal({320, 240, 102, 50, 100, 48}, {1, 2, 3, 4}), HasSubstr("is not within"));
  EXPECT_THAT(refusal({320, 240, 0, 4294967295U, 1, 1}, {}), HasSubstr("is not within"));
}

TEST_F(MsraTest, RefusesDamagedLabelsByLine) {
  EXPECT_THAT(Refusal(), AllOf(HasSubstr(folder_.path().string()), HasSubstr("P0 .. P8")));
  std::filesystem::create_directories(folder_ / "P0/1");
  EXPECT_THAT(Refusal(), HasSubstr("P0/1/joint.txt"));
  const auto refusal = [&](const std::string& text) {
    WriteJoints("P0/1", text);
    return Refusal();
  };
  EXPECT_THAT(refusal(""), HasSubstr("joint.txt, line 1: '', expected the number of frames"));
  EXPECT_THAT(refusal("two\n" + Line(0)), HasSubstr("line 1: 'two'"));
  EXPECT_THAT(refusal("-1\n"), HasSubstr("line 1: '-1'"));
  EXPECT_THAT(refusal("1 2\n" + Line(0)), HasSubstr("line 1: '1 2'"));
  EXPECT_THAT(refusal("1\n" + Line(0) + " 7\n"),
              AllOf(HasSubstr("P0/1/joint.txt, line 2: 64 numbers"), HasSubstr("expected 63")));
  const std::string text = JointText(3);
  EXPECT_THAT(refusal(text.substr(0, text.size() - 6)), HasSubstr("line 4: 62 numbers"));
  EXPECT_THAT(refusal(text.substr(0, text.find(Line(2)))),
              HasSubstr("joint.txt: holds 2 frames, expected 3"));
  EXPECT_THAT(refusal("2\n" + text.substr(2)), HasSubstr("holds 3 frames, expected 2"));
  EXPECT_THAT(refusal("1\n" + Line(0).substr(4) + " 1 x7\n"), HasSubstr("'x7' is no number"));
}

TEST_F(MsraTest, TakesFilesFromWindowsAndBlankLines) {
  WriteJoints("P0/1", " 2 \r\n" + Line(0) + " \r\n\r\n" + Line(1) + "\r\n\r\n");
  const auto set = Open();
  EXPECT_EQ(set->hands().size(), 2u);
  EXPECT_THAT(set->left_out(Split::kTrain), IsEmpty());
}

TEST_F(MsraTest, HandsWithoutPositionsAreCounted) {
  std::string nan = Line(0);
  nan.replace(0, 3, "nan");
  std::string behind = Line(1);
  behind.replace(behind.rfind('-'), 1, "");
  WriteJoints("P0/1", "2\n" + nan + "\n" + behind + "\n");
  const auto set = Open();
  EXPECT_THAT(set->hands(), IsEmpty());
  EXPECT_THAT(set->left_out(Split::kTrain),
              ElementsAre(Pair("behind_the_camera", 1), Pair("no_number", 1)));
}

}  // namespace
}  // namespace handforge
