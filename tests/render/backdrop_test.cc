#include "render/backdrop.h"

#include "io/core/error.h"
#include "tests/io/temporary_folder.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <opencv2/imgcodecs.hpp>

namespace handforge {
namespace {

using ::testing::HasSubstr;

Environment Uniform() { return Environment::FromImage(ImageF32(64, 32, 3, 1.0f), "even", 16); }

TEST(PhotographFolder, SkipsByNameWhatCannotBeUsed) {
  const TemporaryFolder folder;
  const auto path = [&folder](const std::string& name) { return (folder.path() / name).string(); };
  cv::imwrite(path("b.png"), cv::Mat(600, 900, CV_8UC3, cv::Scalar(10, 20, 30)));
  cv::imwrite(path("a.jpg"), cv::Mat(100, 50, CV_8UC3, cv::Scalar(200, 100, 0)));
  cv::imwrite(path("tiny.png"), cv::Mat(8, 8, CV_8UC3));
  std::ofstream(path("broken.jpg")) << "no picture";
  std::ofstream(path("notes.txt")) << "no picture either";
  std::vector<std::string> skipped;
  const PhotographFolder photographs = PhotographFolder::Load(folder.path(), &skipped);
  ASSERT_EQ(photographs.size(), 2u);
  EXPECT_EQ(photographs.at(0).width, 50);
  EXPECT_EQ(photographs.at(1).height, PhotographFolder::kSidePx);
  EXPECT_EQ(photographs.at(1).width, PhotographFolder::kSidePx * 3 / 2);
  EXPECT_EQ(photographs.at(1).pixels[0], 30) << "red first";
  ASSERT_EQ(skipped.size(), 2u);
  EXPECT_THAT(skipped[0], HasSubstr("broken.jpg: no picture that can be read"));
  EXPECT_THAT(skipped[1], HasSubstr("tiny.png: 8 x 8"));
}

TEST(PhotographFolder, RefusesFoldersWithoutPhotographs) {
  const TemporaryFolder folder;
  std::vector<std::string> skipped;
  EXPECT_THROW(PhotographFolder::Load(folder.path() / "nowhere", &skipped), EnvironmentError);
  EXPECT_THROW(PhotographFolder::Load(folder.path(), &skipped), DataError);
}

TEST(PaintBackdrop, ShowsTheChosenCutoutOfAPhotograph) {
  // Left half black, right half white; the right-most square of a wide picture is all white.
  ImageU8 wide(100, 40, 3);
  for (int y = 0; y < 40; ++y) {
    for (int x = 50; x < 100; ++x) {
      for (int c = 0; c < 3; ++c) wide.at(x, y, c) = 255;
    }
  }
  Backdrop b;
  b.kind = Backdrop::Kind::kPhotograph;
  b.photograph = &wide;
  b.left = 1;
  const auto paint = [&b] {
    return PaintBackdrop(
        b, Uniform(), Eigen::Matrix3f::Identity(), PinholeCamera::Centred(32, 60), 16);
  };
  for (float value : paint().pixels) EXPECT_NEAR(value, 1, 1e-5);
  b.left = 0.5f;  // columns 30 .. 70
  EXPECT_NEAR(paint().at(2, 8), 0, 1e-5);
  EXPECT_NEAR(paint().at(13, 8), 1, 1e-5);
  b.mirrored = true;
  EXPECT_NEAR(paint().at(2, 8), 1, 1e-5);
}

TEST(PaintBackdrop, ProbeAndPlainKeepTheirRadiance) {
  Backdrop b;
  b.kind = Backdrop::Kind::kProbe;
  b.gain = 0.7f;
  const PinholeCamera camera = PinholeCamera::Centred(32, 60);
  const ImageF32 probe = PaintBackdrop(b, Uniform(), Eigen::Matrix3f::Identity(), camera, 16);
  for (float value : probe.pixels) EXPECT_NEAR(value, 0.7, 1e-4);
  b.kind = Backdrop::Kind::kPlain;
  b.colour = {0.1f, 0.2f, 0.4f};
  b.gradient = {0.25f, 0};
  const ImageF32 plain = PaintBackdrop(b, Uniform(), Eigen::Matrix3f::Identity(), camera, 16);
  EXPECT_NEAR(plain.at(0, 0, 1) + plain.at(15, 0, 1), 2 * 0.7 * 0.2, 1e-5);
  EXPECT_GT(plain.at(15, 0, 1), 1.4f * plain.at(0, 0, 1));
}

TEST(PaintBackdrop, ClipsWhatOutshinesACamera) {
  Backdrop b;
  b.kind = Backdrop::Kind::kPlain;
  b.colour = {0.5f, 2.0f, 40.0f};
  b.gain = 2;
  b.brightest = 3;
  const ImageF32 plain =
      PaintBackdrop(b, Uniform(), Eigen::Matrix3f::Identity(), PinholeCamera::Centred(32, 60), 16);
  EXPECT_NEAR(plain.at(8, 8, 0), 1, 1e-5);
  EXPECT_NEAR(plain.at(8, 8, 1), 3, 1e-5);
  EXPECT_NEAR(plain.at(8, 8, 2), 3, 1e-5);
}

}  // namespace
}  // namespace handforge
