// `handforge walk` as users run it.
#include "io/drawing.h"
#include "io/image_file.h"
#include "tests/tools/run_command.h"
#include "tests/tools/toy_model.h"

#include <gmock/gmock.h>
#include <opencv2/videoio.hpp>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Walk : public WithToyModel {
 protected:
  static CommandResult Run(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"walk",
                                          "--model",
                                          Model(),
                                          "--json",
                                          "--set",
                                          "walk.cell_px=64",
                                          "--set",
                                          "walk.frames_per_leg=4",
                                          "--set",
                                          "walk.strip_columns=5"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunHandforge(arguments);
  }
};

TEST_F(Walk, BetweenSamplesWritesStripAndVideo) {
  const fs::path out = Folder("samples");
  const CommandResult result = Run({"--samples", "3", "--out", out});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Summary(result)["frames"], 9);
  // Decoded picture, skeleton, mesh; five columns with lines of 2 px between.
  const ImageFile strip = ReadImageFile(out / "walk.png");
  EXPECT_EQ(strip.rgb.width, 5 * 64 + 4 * 2);
  EXPECT_EQ(strip.rgb.height, 3 * 64 + 2 * 2);
  cv::VideoCapture video((out / "walk.mp4").string());
  ASSERT_TRUE(video.isOpened());
  cv::Mat frame;
  int frames = 0;
  while (video.read(frame)) ++frames;
  EXPECT_EQ(frames, 9);
}

// The pixels of a strip's column.
std::vector<uint8_t> Column(const ImageU8& strip, int column) {
  constexpr int kCellPx = 64, kGapPx = 2;
  std::vector<uint8_t> pixels;
  for (int y = 0; y < strip.height; ++y) {
    for (int x = 0; x < kCellPx; ++x) {
      for (int c = 0; c < 3; ++c) {
        pixels.push_back(strip.at(column * (kCellPx + kGapPx) + x, y, c));
      }
    }
  }
  return pixels;
}

TEST_F(Walk, BetweenPicturesGoesFromTheFirstToTheLast) {
  const auto walk = [&](const std::string& name, uint64_t first, uint64_t last) {
    const fs::path folder = Folder(name);
    fs::create_directories(folder);
    WritePng(ToyTuple(kToy, first).rgb, folder / "a.png");
    WritePng(ToyTuple(kToy, last).rgb, folder / "b.png");
    const CommandResult result =
        Run({"--images", folder, "--out", folder / "out", "--set", "walk.handedness=right"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(Summary(result)["waypoints"], 2);
    EXPECT_EQ(Summary(result)["frames"], 5);
    return ReadImageFile(folder / "out/walk.png").rgb;
  };
  const ImageU8 there = walk("there", 200, 202), back = walk("back", 202, 200);
  const ImageU8 elsewhere = walk("elsewhere", 200, 204);
  EXPECT_EQ(Column(there, 0), Column(elsewhere, 0));
  EXPECT_NE(Column(there, 4), Column(elsewhere, 4));
  EXPECT_EQ(Column(there, 0), Column(back, 4));
  EXPECT_EQ(Column(there, 4), Column(back, 0));
  EXPECT_NE(Column(there, 0), Column(there, 2));
}

TEST_F(Walk, SameSeedSameStrip) {
  const auto strip = [&](const std::string& out, const std::string& seed) {
    EXPECT_EQ(Run({"--samples", "2", "--seed", seed, "--out", Folder(out)}).exit_code, 0);
    return ReadImageFile(Folder(out) / "walk.png").rgb.pixels;
  };
  const auto one = strip("one", "5");
  EXPECT_EQ(one, strip("two", "5"));
  EXPECT_NE(one, strip("three", "6"));
}

TEST_F(Walk, NamesWhatIsWrong) {
  EXPECT_THAT(Run({}).err, HasSubstr("--out DIR"));
  EXPECT_EQ(Run({}).exit_code, 2);
  const CommandResult odd = Run({"--out", Folder("odd"), "--set", "walk.cell_px=65"});
  EXPECT_EQ(odd.exit_code, 2);
  EXPECT_THAT(odd.err, HasSubstr("cell_px = 65"));
  fs::create_directories(Folder("single"));
  WritePng(ToyTuple(kToy, 200).rgb, Folder("single") / "a.png");
  const CommandResult one = Run({"--images", Folder("single"), "--out", Folder("odd")});
  EXPECT_EQ(one.exit_code, 2);
  EXPECT_THAT(one.err, HasSubstr("at least two waypoints, got 1"));
}

}  // namespace
}  // namespace handforge
