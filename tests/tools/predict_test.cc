// `handforge predict` as users run it, on pictures of toy hands whose poses are known.
#include "io/drawing.h"
#include "io/files.h"
#include "io/image_file.h"
#include "tests/tools/run_command.h"
#include "tests/tools/toy_model.h"
#include "tests/vae/trained_toy.h"

#include <cmath>
#include <fstream>

#include <gmock/gmock.h>
#include <opencv2/imgcodecs.hpp>

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

  static void WriteDepth(const std::string& name, ImageU16 depth) {
    cv::imwrite((Folder("depth") / name).string(),
                cv::Mat(depth.height, depth.width, CV_16U, depth.pixels.data()));
  }

  static CommandResult Run(const std::vector<std::string>& more) {
    // A network trained for seconds says 2D too vaguely to frame a second crop by.
    std::vector<std::string> arguments = {
        "predict", "--model", Model(), "--json", "--set", "predict.refinements=0"};
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
      EXPECT_EQ(hand.size(), 7u);  // no probability of a side that was said
      EXPECT_GT(hand["crop_px"][2], 0);
      EXPECT_EQ(hand["handedness"], side);
      EXPECT_EQ(hand["joints_3d_mm"][0], json({0.0, 0.0, 0.0}));
      EXPECT_EQ(hand["joint_spread_mm"].size(), 21u);
      EXPECT_GT(hand["spread_mm"], 0);
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
  EXPECT_THAT(result.err, HasSubstr("files of other kinds left out: 1, such as notes.txt"));
}

TEST_F(Predict, LooksAtDepthInTheUnitsOfItsSensor) {
  TrainOptions training = ToyTraining(Data(), Folder("depth_model"));
  training.pairs = {"depth->3d*2", "depth->2d"};
  training.image_batch = 16;
  training.steps = training.eval_every = training.checkpoint_every = 900;
  const std::string model = Train(training, false).model.string();
  fs::create_directories(Folder("depth"));
  for (int i = 0; i < 6; i += 2) {
    WriteDepth(Name(i), Toy(i).depth);
  }
  const fs::path out = Folder("out_depth");
  const CommandResult result = RunHandforge({"predict",
                                             "--model",
                                             model,
                                             "--images",
                                             Folder("depth"),
                                             "--out",
                                             out,
                                             "--handedness",
                                             "right",
                                             "--depth-scale",
                                             "0.1",
                                             "--set",
                                             "predict.refinements=0",
                                             "--json"});
  const json hands = Predictions(result);
  EXPECT_EQ(hands.size(), 3u);
  double error3 = 0;
  for (int i = 0; i < 6; i += 2) {
    EXPECT_EQ(hands.at(Name(i)).size(), 7u);
    error3 += Error3(hands.at(Name(i)), i) / 3;
    EXPECT_EQ(ReadImageFile(out / "overlay" / (Name(i) + ".png")).rgb.width, 256);
  }
  EXPECT_LT(error3, 55);  // the mean pose is some 75 off
  EXPECT_THAT(result.err, ::testing::Not(HasSubstr("depth-scale")));
  WriteDepth("blank.png", ImageU16(50, 50, 1));
  const CommandResult far = RunHandforge(
      {"predict", "--model", model, "--images", Folder("depth"), "--out", Folder("far")});
  EXPECT_EQ(far.exit_code, 0);
  EXPECT_THAT(far.err, HasSubstr("blank.png: the picture shows nothing that was measured"));
  EXPECT_FALSE(json::parse(ReadText(Folder("far") / "predictions.json")).contains("blank.png"));
  EXPECT_THAT(far.err, HasSubstr("with --depth-scale 1 the depth pictures begin at"));

  // Colours to a model of depth, and the other way round.
  const std::string colours = WritePictures("colours", "right");
  const CommandResult blind = RunHandforge(
      {"predict", "--model", model, "--images", colours, "--out", Folder("none"), "--json"});
  EXPECT_EQ(blind.exit_code, 3);
  EXPECT_THAT(blind.err, HasSubstr("a picture of rgb; the model has no encoder of it"));
  const CommandResult deep = Run({"--images", Folder("depth"), "--out", Folder("none")});
  EXPECT_EQ(deep.exit_code, 3);
  EXPECT_THAT(deep.err, HasSubstr("a picture of depth; the model has no encoder of it"));
  const CommandResult scale = Run({"--images", colours, "--out", out, "--depth-scale", "0"});
  EXPECT_EQ(scale.exit_code, 2);
  EXPECT_THAT(scale.err, HasSubstr("depth_scale_mm"));
}

TEST_F(Predict, DrawsTheNearestRiggedHandBesideTheOverlay) {
  const Tuple left = Toy(1);
  ASSERT_EQ(left.handedness, Handedness::kLeft);
  WritePng(left.rgb, Folder("one_hand.png"));
  const fs::path out = Folder("out_mesh");
  const CommandResult result =
      Run({"--images", Folder("one_hand.png"), "--out", out, "--handedness", "left", "--mesh"});
  const json hands = Predictions(result);
  const ImageU8 picture = ReadImageFile(out / "overlay" / "one_hand.png.png").rgb;
  ASSERT_EQ(picture.height, 256);
  ASSERT_EQ(picture.width, 2 * 256 + 2);
  // The hand is drawn where its joints were found.
  const auto grey = [&](double x_px, double y_px) {
    const int x = 256 + 2 + static_cast<int>(std::clamp(4 * (x_px + 0.5), 0.0, 255.0));
    return static_cast<int>(
        picture.at(x, static_cast<int>(std::clamp(4 * (y_px + 0.5), 0.0, 255.0)), 0));
  };
  double bright = 0;
  for (const int joint : {kIndexMcp, kMiddleMcp, kRingMcp}) {
    const json& px = hands["one_hand.png"]["joints_2d_px"][joint];
    bright += grey(px[0].get<double>(), px[1].get<double>()) / 3.0;
  }
  const int background = picture.at(256 + 2 + 2, 2, 0);
  EXPECT_GT(bright, background + 30);
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

TEST_F(Predict, APictureMayHoldSeveralHands) {
  const std::string images = WritePictures("several", "right");
  const json whole = {0, 0, 64, 64};
  std::ofstream(Folder("several.json"))
      << json({{Name(0), {whole, {500, 500, 9, 9}, whole}}, {Name(2), whole}});
  const std::vector<std::string> run = {"--images",
                                        images,
                                        "--boxes",
                                        Folder("several.json"),
                                        "--out",
                                        Folder("several_out"),
                                        "--handedness",
                                        "right"};
  const json hands = Predictions(Run(run));
  ASSERT_EQ(hands.at(Name(0)).size(), 3u);
  EXPECT_TRUE(hands.at(Name(0))[1].is_null());
  EXPECT_EQ(hands.at(Name(0))[0]["joints_3d_mm"], hands.at(Name(0))[2]["joints_3d_mm"]);
  EXPECT_TRUE(hands.at(Name(2)).is_object());
  EXPECT_TRUE(hands.at(Name(4)).is_object());
}

// A detector found none in it.
TEST_F(Predict, APictureMayHoldNoHand) {
  const std::string images = WritePictures("none_in_it", "right");
  json boxes;
  for (int i = 0; i < kPictures; i += 2) boxes[Name(i)] = json::array();
  boxes[Name(4)] = {{0, 0, 64, 64}};
  std::ofstream(Folder("no_hands.json")) << boxes;
  const std::vector<std::string> run = {
      "--images", images, "--boxes", Folder("no_hands.json"), "--out", Folder("no_hands")};
  const json hands = Predictions(Run(run));
  EXPECT_EQ(hands.size(), kPictures / 2u);
  EXPECT_EQ(hands.at(Name(0)), json::array());
  EXPECT_EQ(hands.at(Name(4)).size(), 1u);
}

TEST_F(Predict, OneBadBoxOrOddPictureCostsNoOther) {
  const std::string images = WritePictures("mixed", "right");
  ImageU8 strip(3000, 2, 3, 90);
  WritePng(strip, fs::path(images) / "strip.png");
  json boxes = {{Name(0), {500, 500, 60, 60}},
                {Name(2), {10, 10, 1e9, 1e9}},
                {Name(4), {0.2, 0.2, 0.5, 0.5}},
                {Name(6), {{5, 5, 50, 50}, {700, 5, 9, 9}, {5, 5, 1, 1}}},
                {"elsewhere.png", {1, 2, 3, 4}}};
  std::ofstream(Folder("faults.json")) << boxes;
  const CommandResult result =
      Run({"--images", images, "--boxes", Folder("faults.json"), "--out", Folder("mixed_out")});
  const json hands = json::parse(ReadText(Folder("mixed_out") / "predictions.json"));
  EXPECT_TRUE(hands.contains("strip.png"));
  EXPECT_TRUE(hands.contains(Name(6)));
  for (const int i : {0, 2, 4}) EXPECT_FALSE(hands.contains(Name(i)));
  ASSERT_EQ(hands.at(Name(6)).size(), 3u);
  EXPECT_FALSE(hands.at(Name(6))[0].is_null());
  EXPECT_TRUE(hands.at(Name(6))[1].is_null() && hands.at(Name(6))[2].is_null());
  EXPECT_THAT(result.err, AllOf(HasSubstr("[700.0,5.0,9.0,9.0]"), HasSubstr("[5.0,5.0,1.0,1.0]")));
  EXPECT_THAT(result.err,
              AllOf(HasSubstr(Name(0) + ": its box [500.0,500.0,60.0,60.0] in"),
                    HasSubstr("lies outside the picture"),
                    HasSubstr("more than twice as large"),
                    HasSubstr("not shares"),
                    HasSubstr("elsewhere.png")));
  const ImageFile overlay = ReadImageFile(Folder("mixed_out") / "overlay/strip.png.png");
  EXPECT_EQ(overlay.rgb.width, 3000);
}

TEST_F(Predict, GoesOnWhereItWasBrokenOff) {
  const std::string images = WritePictures("broken_off", "");
  const json whole = Predictions(Run({"--images", images, "--out", Folder("unbroken")}));
  EXPECT_FALSE(fs::exists(Folder("unbroken") / "predictions.unfinished.jsonl"));

  // Nothing can be published over a folder.
  const fs::path out = Folder("broken_out"), journal = out / "predictions.unfinished.jsonl";
  fs::create_directories(out / "predictions.json");
  const std::vector<std::string> run = {"--images", images, "--out", out, "--log-level", "info"};
  EXPECT_EQ(Run(run).exit_code, 4);
  fs::remove(out / "predictions.json");
  std::string known = ReadText(journal);
  size_t end = 0;
  for (int line = 0; line < 8; ++line) end = known.find('\n', end) + 1;
  std::ofstream(journal) << known.substr(0, end + 20);

  std::vector<std::string> otherwise = run;
  otherwise.insert(otherwise.end(), {"--handedness", "left"});
  const CommandResult refused = Run(otherwise);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, AllOf(HasSubstr(journal.string()), HasSubstr("other settings")));

  const CommandResult result = Run(run);
  EXPECT_EQ(Predictions(result), whole);
  EXPECT_THAT(result.err, HasSubstr("knows 7 pictures"));
  EXPECT_FALSE(fs::exists(journal));
}

}  // namespace
}  // namespace handforge
