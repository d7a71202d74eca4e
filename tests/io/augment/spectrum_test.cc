#include "io/augment/spectrum.h"

#include "io/core/error.h"
#include "io/core/random.h"
#include "io/files.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"

#include <cmath>
#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <opencv2/imgcodecs.hpp>

namespace handforge {
namespace {

constexpr int kSize = 32;

ImageU8 Waves(uint64_t seed) {
  Random random(seed, 0, 0, Purpose::kTest);
  ImageU8 image(kSize, kSize, 3);
  for (int c = 0; c < 3; ++c) {
    const double fx = random.Uniform(0, 0.4), fy = random.Uniform(0, 0.4);
    const double level = random.Uniform(115, 140);
    for (int y = 0; y < kSize; ++y) {
      for (int x = 0; x < kSize; ++x) {
        const double value = level + 40 * std::sin(fx * x + fy * y) + random.Uniform(-10, 10);
        image.at(x, y, c) = static_cast<uint8_t>(value);
      }
    }
  }
  return image;
}

double MeanOf(const ImageU8& image, int channel) {
  double sum = 0;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) sum += image.at(x, y, channel);
  }
  return sum / (image.width * image.height);
}

TEST(MixSpectrum, WithoutMixChangesNothing) {
  ImageU8 image = Waves(1);
  const ImageU8 before = image;
  MixSpectrum(Waves(2), 0.5, 0, &image);
  EXPECT_EQ(image.pixels, before.pixels);
}

TEST(MixSpectrum, WithItselfChangesNothing) {
  ImageU8 image = Waves(1);
  const ImageU8 before = image;
  MixSpectrum(before, 0.5, 1, &image);
  EXPECT_EQ(image.pixels, before.pixels);
}

TEST(MixSpectrum, TheNarrowestBandTakesTheMeanAlone) {
  ImageU8 image = Waves(1);
  const ImageU8 before = image, other = Waves(2);
  MixSpectrum(other, 0, 1, &image);
  for (int c = 0; c < 3; ++c) {
    const double moved = MeanOf(other, c) - MeanOf(before, c);
    // One shift for all pixels is rounded the same way in all of them.
    EXPECT_NEAR(MeanOf(image, c), MeanOf(other, c), 0.5);
    EXPECT_NEAR(image.at(5, 9, c) - before.at(5, 9, c), moved, 0.51);
  }
}

TEST(MixSpectrum, EqualsNumpy) {
  const TemporaryFolder folder;
  const auto write = [&](const std::string& name, const ImageU8& image) {
    PublishBytes(folder / name, image.pixels.data(), image.pixels.size());
  };
  write("own", Waves(3));
  write("other", Waves(4));
  for (const auto& [band, mix] : {std::pair{0.1, 1.0}, {0.25, 0.4}, {0.5, 0.7}}) {
    const std::string command = "/usr/bin/python3 " HANDFORGE_SOURCE_DIR
                                "/tests/io/augment/spectrum_reference.py " +
                                std::to_string(kSize) + " " + std::to_string(band) + " " +
                                std::to_string(mix) + " " + (folder / "own").string() + " " +
                                (folder / "other").string() + " " + (folder / "out").string();
    ASSERT_EQ(std::system(command.c_str()), 0);
    const std::vector<uint8_t> expected = ReadBytes(folder / "out");
    ImageU8 image = Waves(3);
    MixSpectrum(Waves(4), band, mix, &image);
    ASSERT_EQ(expected.size(), image.pixels.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(image.pixels[i], expected[i], 1) << "band " << band << ", byte " << i;
    }
  }
}

TEST(MixSpectrum, RefusesOtherSizes) {
  ImageU8 image = Waves(1);
  EXPECT_THROW(MixSpectrum(ImageU8(16, 16, 3), 0.1, 1, &image), DataError);
}

// ---- References ---------------------------------------------------------------------------------

class References : public ::testing::Test {
 protected:
  void WritePicture(const std::string& name, int width, int height, const cv::Scalar& bgr) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    ASSERT_TRUE(cv::imwrite(folder_ / name, cv::Mat(height, width, CV_8UC3, bgr)));
  }
  TemporaryFolder folder_;
};

TEST_F(References, AreReadInTheOrderOfTheirNamesAtOneSize) {
  WritePicture("b.png", 40, 20, {1, 2, 3});
  WritePicture("a/z.png", 8, 50, {4, 5, 6});
  std::ofstream(folder_ / "notes.txt") << "no picture";
  const ReferenceImages references = ReferenceImages::Load(folder_.path(), 16, 10);
  EXPECT_THAT(references.names(), ::testing::ElementsAre("a/z.png", "b.png"));
  EXPECT_EQ(references.image(0).width, 16);
  EXPECT_EQ(references.image(1).at(3, 3, 0), 3) << "red first";
  EXPECT_EQ(ReferenceImages::Load(folder_.path(), 16, 1).size(), 1u);
  EXPECT_NE(ReferenceImages::Load(folder_.path(), 16, 1).sha256(), references.sha256());
}

TEST_F(References, NameWhatIsWrong) {
  EXPECT_THAT(
      MessageOf<EnvironmentError>([&] { ReferenceImages::Load(folder_ / "nowhere", 16, 10); }),
      ::testing::HasSubstr("nowhere"));
  EXPECT_THAT(MessageOf<DataError>([&] { ReferenceImages::Load(folder_.path(), 16, 10); }),
              ::testing::HasSubstr("holds no"));
  std::ofstream(folder_ / "broken.png") << "no PNG";
  EXPECT_THAT(MessageOf<DataError>([&] { ReferenceImages::Load(folder_.path(), 16, 10); }),
              ::testing::HasSubstr("broken.png"));
}

TEST_F(References, LeaveOutWhatCannotBeRead) {
  std::ofstream(folder_ / "a.png") << "no PNG";
  WritePicture("b.png", 20, 20, {1, 2, 3});
  const ReferenceImages references = ReferenceImages::Load(folder_.path(), 16, 1);
  EXPECT_THAT(references.names(), ::testing::ElementsAre("b.png"));
  EXPECT_THAT(references.skipped(),
              ::testing::ElementsAre(::testing::HasSubstr("a.png: no picture")));
}

}  // namespace
}  // namespace handforge
