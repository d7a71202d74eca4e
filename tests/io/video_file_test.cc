#include "io/video_file.h"

#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <opencv2/videoio.hpp>

namespace handforge {
namespace {

using ::testing::HasSubstr;

ImageU8 Plain(int width, int height, uint8_t red, uint8_t green, uint8_t blue) {
  ImageU8 image(width, height, 3);
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    image.pixels[i] = red;
    image.pixels[i + 1] = green;
    image.pixels[i + 2] = blue;
  }
  return image;
}

TEST(VideoFile, FramesComeBackInOrderAndColour) {
  const TemporaryFolder folder;
  const std::vector<ImageU8> frames = {
      Plain(96, 64, 220, 30, 30), Plain(96, 64, 30, 220, 30), Plain(96, 64, 30, 30, 220)};
  WriteVideo(frames, 10, folder / "v.mp4");
  cv::VideoCapture video((folder / "v.mp4").string());
  ASSERT_TRUE(video.isOpened());
  cv::Mat bgr;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(video.read(bgr)) << "frame " << i;
    EXPECT_EQ(bgr.size(), cv::Size(96, 64));
    const cv::Scalar mean = cv::mean(bgr);
    for (int c = 0; c < 3; ++c) {
      EXPECT_NEAR(mean[2 - c], frames[static_cast<size_t>(i)].pixels[static_cast<size_t>(c)], 25);
    }
  }
  EXPECT_FALSE(video.read(bgr));
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path()))
    ++files;
  EXPECT_EQ(files, 1) << "no temporary file is left";
}

TEST(VideoFile, RefusesWhatNoEncoderTakes) {
  const TemporaryFolder folder;
  const auto refusal = [&](const std::vector<ImageU8>& frames) {
    return MessageOf<UsageError>([&] { WriteVideo(frames, 10, folder / "v.mp4"); });
  };
  EXPECT_THAT(refusal({}), HasSubstr("no picture"));
  EXPECT_THAT(refusal({ImageU8(63, 64, 3)}), HasSubstr("63 x 64 x 3; expected even sides"));
  EXPECT_THAT(refusal({ImageU8(64, 64, 3), ImageU8(64, 32, 3)}), HasSubstr("64 x 32"));
}

}  // namespace
}  // namespace handforge
