#include "io/published_poses.h"

#include "io/core/camera.h"
#include "io/core/random.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class PublishedPoses : public ::testing::Test {
 protected:
  std::filesystem::path Write(const std::string& text) const {
    std::ofstream(folder_ / "poses.txt") << text;
    return folder_ / "poses.txt";
  }
  // What a file of the dataset is refused with.
  std::string Refusal(const std::string& dataset, const std::string& text) const {
    const auto file = Write(text);
    return MessageOf<DataError>([&] { ReadPoseFile(FindPoseFileFormat(dataset), file); });
  }

  TemporaryFolder folder_;
};

Points3 RandomPoints(Random& random, int count) {
  Points3 points(count, 3);
  for (int j = 0; j < count; ++j) {
    points.row(j) << random.Uniform(-100, 100), random.Uniform(-100, 100), random.Uniform(200, 900);
  }
  return points;
}

std::string Row(const Eigen::RowVector3d& numbers) {
  std::ostringstream text;
  text.precision(12);
  text << numbers[0] << " " << numbers[1] << " " << numbers[2] << " ";
  return text.str();
}

// Points projected by the dataset's camera come back.
TEST_F(PublishedPoses, PixelsAndDepthAreBackProjected) {
  for (const char* dataset : {"icvl", "nyu", "msra"}) {
    SCOPED_TRACE(dataset);
    const PoseFileFormat& format = FindPoseFileFormat(dataset);
    PinholeCamera camera;
    camera.fx = format.fx;
    camera.fy = format.fy;
    camera.cx = format.cx;
    camera.cy = format.cy;
    Random random(1, 0, 0, Purpose::kTest);
    const int count = FindConvention(format.convention).num_joints;
    std::vector<Points3> frames;
    std::string text;
    for (int i = 0; i < 3; ++i) {
      frames.push_back(RandomPoints(random, count));
      for (int j = 0; j < count; ++j) {
        const Eigen::Vector3d x = frames.back().row(j).transpose();
        const Eigen::Vector2d pixel = camera.Project(x);
        text += Row({pixel[0], pixel[1], x[2]});
      }
      text += i == 1 ? "\r\n\n" : "\n";  // blank lines and carriage returns occur
    }
    const std::vector<Points3> read = ReadPoseFile(format, Write(text));
    ASSERT_EQ(read.size(), 3u);
    for (size_t i = 0; i < 3; ++i) EXPECT_LT((read[i] - frames[i]).norm(), 1e-6);
  }
}

TEST_F(PublishedPoses, MillimetresAreTakenAsTheyAre) {
  Random random(2, 0, 0, Purpose::kTest);
  const Points3 points = RandomPoints(random, kNumJoints);
  std::string text;
  for (int j = 0; j < kNumJoints; ++j) text += Row(points.row(j));
  const auto read = ReadPoseFile(FindPoseFileFormat("canonical21"), Write(text));
  ASSERT_EQ(read.size(), 1u);
  EXPECT_LT((read[0] - points).norm(), 1e-6);
}

TEST_F(PublishedPoses, FreiHandIsMetresBareOrInASubmission) {
  std::string frame;
  for (int j = 0; j < kNumJoints; ++j) {
    frame += (j == 0 ? "[" : ", [") + std::to_string(j) + ".5, -1, 0.25]";
  }
  const std::string frames = "[[" + frame + "], [" + frame + "]]";
  for (const std::string& text : {frames, "[" + frames + ", []]"}) {
    const auto read = ReadPoseFile(FindPoseFileFormat("freihand"), Write(text));
    ASSERT_EQ(read.size(), 2u);
    EXPECT_EQ(read[1](20, 0), 20500);
    EXPECT_EQ(read[1](20, 1), -1000);
    EXPECT_EQ(read[1](20, 2), 250);
  }
}

TEST_F(PublishedPoses, RefusesByFileLineAndWhatWasExpected) {
  std::string good;
  for (int j = 0; j < 16; ++j) good += "1 2 300 ";
  EXPECT_THAT(Refusal("icvl", good + "\n1 2 300\n"),
              AllOf(HasSubstr("poses.txt, line 2"), HasSubstr("3 numbers, expected 48")));
  EXPECT_THAT(Refusal("icvl", good + "\n\n" + good.substr(0, good.size() - 4) + "abc\n"),
              AllOf(HasSubstr("line 3"), HasSubstr("'abc' is no finite number")));
  EXPECT_THAT(Refusal("icvl", good.substr(0, good.size() - 4) + "nan\n"), HasSubstr("'nan'"));
  EXPECT_THAT(Refusal("icvl", good.substr(0, good.size() - 4) + "0\n"),
              AllOf(HasSubstr("line 1"), HasSubstr("joint 15 has depth")));
  EXPECT_THAT(Refusal("icvl", "\n"), HasSubstr("holds no frame"));
  EXPECT_THAT(Refusal("freihand", "{}"), HasSubstr("expected a JSON list"));
  EXPECT_THAT(Refusal("freihand", "[[[0.1, NaN, 0.3]]]"),
              AllOf(HasSubstr("poses.txt: is no valid JSON"), HasSubstr("column 9")));
  EXPECT_THAT(Refusal("freihand", "[[[1, 2, 3]]]"),
              AllOf(HasSubstr("frame 0"), HasSubstr("1 joints, expected 21")));
  EXPECT_THAT(MessageOf<UsageError>([] { FindPoseFileFormat("nyuu"); }),
              AllOf(HasSubstr("did you mean 'nyu'?"), HasSubstr("msra")));
}

}  // namespace
}  // namespace handforge
