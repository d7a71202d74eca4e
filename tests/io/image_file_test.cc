#include "io/image_file.h"

#include "io/drawing.h"
#include "io/files.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

namespace handforge {
namespace {

using ::testing::HasSubstr;

class ImageFileTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
};

TEST_F(ImageFileTest, ColoursComeBackInTheirOrder) {
  ImageU8 image(3, 2, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(11 * i);
  WritePng(image, folder_ / "a.png");
  const ImageFile read = ReadImageFile(folder_ / "a.png");
  EXPECT_FALSE(read.is_depth());
  EXPECT_EQ(read.rgb.width, 3);
  EXPECT_EQ(read.rgb.pixels, image.pixels);
}

TEST_F(ImageFileTest, SixteenBitGreyIsDepth) {
  cv::Mat depth(2, 3, CV_16U);
  for (int i = 0; i < 6; ++i) depth.at<uint16_t>(i / 3, i % 3) = static_cast<uint16_t>(10000 * i);
  cv::imwrite(folder_ / "d.png", depth);
  const ImageFile read = ReadImageFile(folder_ / "d.png");
  ASSERT_TRUE(read.is_depth());
  EXPECT_EQ(read.depth.at(2, 1), 50000);
}

TEST_F(ImageFileTest, GreyAndTransparentPicturesBecomeColour) {
  cv::imwrite(folder_ / "grey.png", cv::Mat(2, 3, CV_8U, cv::Scalar(77)));
  const ImageFile grey = ReadImageFile(folder_ / "grey.png");
  EXPECT_EQ(grey.rgb.channels, 3);
  EXPECT_EQ(grey.rgb.at(2, 1, 2), 77);
  cv::imwrite(folder_ / "bgra.png", cv::Mat(2, 3, CV_8UC4, cv::Scalar(1, 2, 3, 4)));
  const ImageFile rgba = ReadImageFile(folder_ / "bgra.png");
  EXPECT_EQ(rgba.rgb.channels, 3);
  EXPECT_EQ(rgba.rgb.at(0, 0, 0), 3);
}

TEST_F(ImageFileTest, GreyIsReadAsStoredAndNothingElseAsGrey) {
  cv::Mat grey(2, 3, CV_8U);
  for (int i = 0; i < 6; ++i) grey.at<uint8_t>(i / 3, i % 3) = static_cast<uint8_t>(i);
  cv::imwrite(folder_ / "grey.png", grey);
  const ImageU8 read = ReadGrey(folder_ / "grey.png");
  EXPECT_EQ(read.channels, 1);
  EXPECT_EQ(read.width, 3);
  EXPECT_THAT(read.pixels, ::testing::ElementsAre(0, 1, 2, 3, 4, 5));
  cv::imwrite(folder_ / "colours.png", cv::Mat(2, 3, CV_8UC3, cv::Scalar(7, 7, 7)));
  cv::imwrite(folder_ / "deep.png", cv::Mat(2, 3, CV_16U, cv::Scalar(7)));
  for (const char* name : {"colours.png", "deep.png"}) {
    EXPECT_THAT(MessageOf<DataError>([&] { ReadGrey(folder_ / name); }),
                ::testing::AllOf(HasSubstr(name), HasSubstr("one channel of 8 bits")));
  }
}

TEST_F(ImageFileTest, ReadsRedGreenAndBlueAsStored) {
  cv::imwrite(folder_ / "coded.png", cv::Mat(2, 3, CV_8UC3, cv::Scalar(3, 2, 1)));
  const ImageU8 read = ReadRedGreenBlue(folder_ / "coded.png");
  EXPECT_EQ(read.width, 3);
  EXPECT_EQ(std::vector<uint8_t>(read.pixels.begin(), read.pixels.begin() + 3),
            (std::vector<uint8_t>{1, 2, 3}));
  cv::imwrite(folder_ / "grey.png", cv::Mat(2, 3, CV_8U, cv::Scalar(7)));
  cv::imwrite(folder_ / "deep.png", cv::Mat(2, 3, CV_16UC3, cv::Scalar(7, 7, 7)));
  for (const char* name : {"grey.png", "deep.png"}) {
    EXPECT_THAT(MessageOf<DataError>([&] { ReadRedGreenBlue(folder_ / name); }),
                ::testing::AllOf(HasSubstr(name), HasSubstr("three channels of 8 bits")));
  }
}

TEST_F(ImageFileTest, NamesWhatCannotBeRead) {
  const auto refusal = [&](const std::string& name) {
    return MessageOf<DataError>([&] { ReadImageFile(folder_ / name); });
  };
  EXPECT_THAT(refusal("none.png"), HasSubstr("none.png"));
  std::ofstream(folder_ / "text.png") << "no picture";
  EXPECT_THAT(refusal("text.png"), HasSubstr("no picture that can be read"));
  std::ofstream(folder_ / "empty.png");
  EXPECT_THAT(refusal("empty.png"), HasSubstr("empty.png"));
}

TEST_F(ImageFileTest, ListsPicturesOfAFolderByName) {
  for (const char* name : {"b.PNG", "a.jpg", "c.txt"}) std::ofstream(folder_ / name) << "x";
  std::filesystem::create_directory(folder_ / "d.png");
  std::filesystem::create_symlink(folder_ / "e.png", folder_ / "e.png");  // leads to itself
  const auto files = ListImages(folder_.path());
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].filename(), "a.jpg");
  EXPECT_EQ(files[1].filename(), "b.PNG");
  EXPECT_EQ(ListImages(folder_ / "c.txt").size(), 1u);
  EXPECT_THAT(MessageOf<DataError>([&] { ListImages(folder_ / "nowhere"); }), HasSubstr("nowhere"));
  EXPECT_THAT(MessageOf<DataError>([&] { ListImages(folder_ / std::string(300, 'n')); }),
              HasSubstr("no such picture"));
  EXPECT_THAT(MessageOf<DataError>([&] { ListImages(folder_ / "d.png"); }),
              HasSubstr("holds no picture"));
}

TEST_F(ImageFileTest, FindsPicturesBelowAFolder) {
  std::filesystem::create_directories(folder_ / "x/y.png");
  for (const char* name : {"x/y.png/c.JPEG", "b.png", "a.bmp", "d.tif", "e.txt"}) {
    std::ofstream(folder_ / name) << "x";
  }
  std::filesystem::create_symlink(folder_ / "f.png", folder_ / "f.png");  // leads to itself
  std::filesystem::create_directory_symlink(folder_.path(), folder_ / "loop");
  std::vector<std::string> names;
  for (const auto& file : PicturesBelow(folder_.path())) {
    names.push_back(std::filesystem::relative(file, folder_.path()));
  }
  EXPECT_THAT(names, testing::ElementsAre("a.bmp", "b.png", "x/y.png/c.JPEG"));
  EXPECT_THAT(MessageOf<EnvironmentError>([&] { PicturesBelow(folder_ / "nowhere"); }),
              HasSubstr("nowhere: no such folder"));
  std::filesystem::create_directory(folder_ / "empty");
  EXPECT_THAT(MessageOf<DataError>([&] { PicturesBelow(folder_ / "empty"); }),
              HasSubstr("empty: holds no .png"));
}

TEST_F(ImageFileTest, NamesAJpegThatWasCutOff) {
  cv::Mat noise(64, 64, CV_8UC3);
  cv::randu(noise, 0, 255);
  cv::imwrite(folder_ / "whole.jpg", noise);
  const std::vector<uint8_t> whole = ReadBytes(folder_ / "whole.jpg");
  for (const double share : {0.05, 0.5, 0.9, 0.999}) {
    const auto bytes = static_cast<std::streamsize>(share * static_cast<double>(whole.size()));
    std::ofstream(folder_ / "cut.jpg", std::ios::binary)
        .write(reinterpret_cast<const char*>(whole.data()), bytes);
    EXPECT_THAT(MessageOf<DataError>([&] { ReadImageFile(folder_ / "cut.jpg"); }),
                HasSubstr("cut.jpg: is cut off"))
        << share;
  }
  std::ofstream(folder_ / "whole.jpg", std::ios::app) << "a film behind the picture \xFF\xDA \xFF";
  EXPECT_EQ(ReadImageFile(folder_ / "whole.jpg").rgb.width, 64);
}

}  // namespace
}  // namespace handforge
