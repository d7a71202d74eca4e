// `handforge predict` as users run it, on pictures of toy hands whose poses are known.
#include "io/drawing.h"
#include "io/image_file.h"
#include "tests/tools/run_command.h"
#include "tests/tools/toy_model.h"

#include <cmath>
#include <fstream>

#include <gmock/gmock.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int kFirstHeldOut = 192;
constexpr int kPictures = 24;

class Predict : public WithToyModel {
 protected:
  static std::string Name(int i) { return "hand" + std::to_string(100 + i) + ".png"; }
  static Tuple Toy(int i) { return ToyTuple(kToy, static_cast<uint64_t>(kFirstHeldOut + i)); }

  // Pictures of one side ("left", "right") or both (""), each as it is.
  static std::string WritePictures(const std::string& folder, const std::string& side) {
    fs::create_directories(Folder(folder));
    for (int i = 0; i < kPictures; ++i) {
      const Tuple tuple = Toy(i);
      const bool left = tuple.handedness == Handedness::kLeft;
      if (side.empty() || (side == "left") == left) WritePng(tuple.rgb, Folder(folder) / Name(i));
    }
    return Folder(folder).string();
  }

  static CommandResult Run(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"predict", "--model", Model(), "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunHandforge(arguments);
  }
  static json Predictions(const CommandResult& result) {
    EXPECT_EQ(result.exit_code, 0) << result.err;
    const json summary = Summary(result);
    return json::parse(std::ifstream(summary["predictions"].get<std::string>()));
  }

  // Mean distance of the 2D joints, in pixels of the toy picture, of hand i found at
  // `scale` (x + offset).
  static double Error2(const json& hand, int i, double scale, double dx, double dy) {
    const Tuple tuple = Toy(i);
    double sum = 0;
    for (int j = 0; j < kNumJoints; ++j) {
      const double x = (hand["joints_2d_px"][j][0].get<double>() + 0.5) / scale - 0.5 - dx;
      const double y = (hand["joints_2d_px"][j][1].get<double>() + 0.5) / scale - 0.5 - dy;
      sum += std::hypot(x - tuple.joints_px(j, 0), y - tuple.joints_px(j, 1)) / kNumJoints;
    }
    return sum;
  }
  static double Error3(const json& hand, int i) {
    const Tuple tuple = Toy(i);
    double sum = 0;
    for (int j = 0; j < kNumJoints; ++j) {
      double squares = 0;
      for (int c = 0; c < 3; ++c) {
        const double truth = tuple.joints_in_cam(j, c) - tuple.joints_in_cam(kWrist, c);
        squares += std::pow(hand["joints_3d_mm"][j][c].get<double>() - truth, 2);
      }
      sum += std::sqrt(squares) / kNumJoints;
    }
    return sum;
  }
};

TEST_F(Predict, FindsHandsOfBothSides) {
  for (const std::string side : {"left", "right"}) {
    SCOPED_TRACE(side);
    const std::string images = WritePictures(side, side);
    const fs::path out = Folder("out_" + side);
    const CommandResult result =
        Run({"--images", images, "--out", out, "--handedness", side, "--bone-mm", "48"});
    const json hands = Predictions(result);
    EXPECT_EQ(hands.size(), kPictures / 2u);
    double error2 = 0, error3 = 0;
    for (int i = side == "left" ? 1 : 0; i < kPictures; i += 2) {
      const json hand = hands.at(Name(i));
      EXPECT_EQ(hand.size(), 4u);
      EXPECT_EQ(hand["handedness"], side);
      EXPECT_EQ(hand["joints_3d_mm"][0], json({0.0, 0.0, 0.0}));
      EXPECT_GT(hand["confidence"], 0);
      EXPECT_LE(hand["confidence"], 1);
      error2 += Error2(hand, i, 1, 0, 0) / (kPictures / 2);
      error3 += Error3(hand, i) / (kPictures / 2);
      const ImageFile overlay = ReadImageFile(out / "overlay" / (Name(i) + ".png"));
      EXPECT_EQ(overlay.rgb.width, 256);
    }
    EXPECT_LT(error2, 4);   // of 64 px; the mean pose is some 9 off
    EXPECT_LT(error3, 35);  // the mean pose is some 75 off
  }
}

TEST_F(Predict, SameBytesForAnyThreads) {
  const std::string images = WritePictures("both", "");
  const json one = Predictions(Run({"--images", images, "--out", Folder("t1"), "--threads", "1"}));
  const json two = Predictions(Run({"--images", images, "--out", Folder("t2"), "--threads", "3"}));
  EXPECT_EQ(one.size(), static_cast<size_t>(kPictures));
  EXPECT_EQ(one, two);
}

TEST_F(Predict, BoxesPointToHandsInLargerPictures) {
  // Each toy picture enlarged twofold, in a picture three times as wide.
  fs::create_directories(Folder("large"));
  json boxes;
  for (int i = 0; i < 8; i += 2) {
    const Tuple tuple = Toy(i);
    const ImageU8 hand = ResizeImage(tuple.rgb, 128, 128);
    ImageU8 picture(384, 200, 3, 40);
    for (int y = 0; y < 128; ++y) {
      std::copy_n(&hand.at(0, y), 3 * 128, &picture.at(180, y + 50));
    }
    WritePng(picture, Folder("large") / Name(i));
    // A tight box of the share of the crop that the margin leaves.
    const double side = 0.66 * 128;
    boxes[Name(i)] = {180 + (128 - side) / 2, 50 + (128 - side) / 2, side, side};
  }
  std::ofstream(Folder("boxes.json")) << boxes;
  const json hands = Predictions(Run({"--images",
                                      Folder("large"),
                                      "--boxes",
                                      Folder("boxes.json"),
                                      "--out",
                                      Folder("out_large"),
                                      "--handedness",
                                      "right"}));
  double error = 0;
  for (int i = 0; i < 8; i += 2) error += Error2(hands.at(Name(i)), i, 2, 90, 25) / 4;
  EXPECT_LT(error, 4);
}

TEST_F(Predict, SkipsByNameWhatCannotBeRead) {
  const std::string images = WritePictures("mixed", "right");
  std::ofstream(Folder("mixed") / "torn.png") << "\x89PNG";
  std::ofstream(Folder("mixed") / "empty.jpg");
  std::ofstream(Folder("mixed") / "notes.txt") << "no picture";
  const CommandResult result = Run({"--images", images, "--out", Folder("out_mixed")});
  EXPECT_EQ(Predictions(result).size(), kPictures / 2u);
  EXPECT_THAT(result.err, AllOf(HasSubstr("torn.png"), HasSubstr("empty.jpg")));
  EXPECT_EQ(Summary(result)["skipped"].size(), 2u);
  EXPECT_THAT(result.err, ::testing::Not(HasSubstr("notes.txt")));
}

TEST_F(Predict, NamesWhatIsWrong) {
  const auto refusal = [&](const std::vector<std::string>& more, int exit_code) {
    const CommandResult result = Run(more);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    return result.err;
  };
  const std::string out = Folder("none");
  const std::string images = WritePictures("some", "right");
  EXPECT_THAT(refusal({"--out", out}, 2), HasSubstr("--images"));
  EXPECT_THAT(refusal({"--images", images}, 2), HasSubstr("--out"));
  EXPECT_THAT(refusal({"--images", "/nowhere/x", "--out", out}, 3), HasSubstr("/nowhere/x"));
  EXPECT_THAT(refusal({"--images", images, "--out", out, "--handedness", "both"}, 2),
              HasSubstr("both"));
  fs::create_directories(Folder("torn"));
  EXPECT_THAT(refusal({"--images", Folder("torn"), "--out", out}, 3), HasSubstr("no picture"));
  std::ofstream(Folder("torn") / "a.png") << "x";
  EXPECT_THAT(refusal({"--images", Folder("torn"), "--out", out}, 3),
              AllOf(HasSubstr("none of its 1 pictures"), HasSubstr("a.png")));
  std::ofstream(Folder("bad.json")) << R"({"a.png": [1, 2, 0, 4]})";
  EXPECT_THAT(refusal({"--images", images, "--boxes", Folder("bad.json"), "--out", out}, 3),
              AllOf(HasSubstr("bad.json"), HasSubstr("\"a.png\""), HasSubstr("above 0")));
  std::ofstream(Folder("other.json")) << R"({"a.png": [1, 2, 3, 4]})";
  EXPECT_THAT(refusal({"--images", images, "--boxes", Folder("other.json"), "--out", out}, 3),
              HasSubstr("names none of the 12 pictures"));
}

}  // namespace
}  // namespace handforge
