#include "io/import/interhand.h"

#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

namespace handforge {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using Json = nlohmann::json;

constexpr int kBothHands = 42;

// The turn that makes x, y, z of the camera of y, z, x of the world: its transpose is another.
const Json kCamrot = {{0, 1, 0}, {0, 0, 1}, {1, 0, 0}};

// Joint k of the 42, in the world: in the camera at (10, 20, 30) it is at
// (80 + 2 k, 10 + 3 k + frame, 490 + k).
Json WorldCoord(int frame) {
  Json joints;
  for (int k = 0; k < kBothHands; ++k) joints.push_back({500 + k, 100 + 2 * k, 40 + 3 * k + frame});
  return joints;
}

Json Flags(bool right, bool left) {
  Json flags;
  for (int k = 0; k < kBothHands; ++k) flags.push_back({(k < kNumJoints ? right : left) ? 1 : 0});
  return flags;
}

Json Frame(int frame, const Json& valid) {
  return {{"world_coord", WorldCoord(frame)},
          {"joint_valid", valid},
          {"hand_type", "interacting"},
          {"hand_type_valid", true}};
}

Json Camera(double focal) {
  return {{"campos", {10, 20, 30}},
          {"camrot", kCamrot},
          {"focal", {focal, focal + 1}},
          {"princpt", {171.5, 249.25}}};
}

// {campos: {camera: ...}, camrot: ...} of cameras by name.
Json Capture(const std::map<std::string, Json>& cameras) {
  Json capture;
  for (const auto& [name, camera] : cameras) {
    for (const auto& field : camera.items()) capture[field.key()][name] = field.value();
  }
  return capture;
}

Json Picture(
    int id, int capture, const std::string& sequence, const std::string& camera, int frame) {
  return {{"id", id},
          {"file_name", "image" + std::to_string(frame) + "_" + camera + ".jpg"},
          {"width", 34},
          {"height", 52},
          {"capture", capture},
          {"subject", 5},
          {"seq_name", sequence},
          {"camera", camera},
          {"frame_idx", frame}};
}

Json Annotation(int image_id, const std::string& hand_type, const Json& valid) {
  return {{"id", image_id + 1000},
          {"image_id", image_id},
          {"bbox", {1.5, 2.5, 3.5, 4.5}},
          {"joint_valid", valid},
          {"hand_type", hand_type},
          {"hand_type_valid", 1}};
}

// One split, to be changed before it is written.
struct World {
  std::string split = "train";
  Json data = {{"images", {Picture(7, 3, "fist", "400026", 12)}},
               {"annotations", {Annotation(7, "interacting", Flags(true, true))}}};
  Json cameras = {{"3", Capture({{"400026", Camera(1200)}, {"400012", Camera(1300)}})}};
  Json frames = {{"3", {{"12", Frame(12, Flags(true, true))}}}};
};

class InterhandTest : public ::testing::Test {
 protected:
  std::filesystem::path File(const std::string& split, const std::string& part) const {
    return folder_ / ("annotations/" + split) / ("InterHand2.6M_" + split + "_" + part + ".json");
  }
  void WriteText(const std::filesystem::path& file, const std::string& text) const {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void Write(const World& world) const {
    WriteText(File(world.split, "data"), world.data.dump());
    WriteText(File(world.split, "camera"), world.cameras.dump());
    WriteText(File(world.split, "joint_3d"), world.frames.dump());
  }
  void WritePicture(const std::string& name, int width, int height) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    cv::imwrite(folder_ / name, cv::Mat(height, width, CV_8UC3, cv::Scalar(30, 120, 200)));
  }

  std::unique_ptr<PublishedDataset> Open() const { return OpenInterhand(folder_.path()); }
  std::unique_ptr<PublishedDataset> Open(const World& world) const {
    Write(world);
    return Open();
  }
  std::string Refusal(const World& world) const {
    return MessageOf<DataError>([&] { Open(world); });
  }
  // Of a file of the training split that holds `text`, the others being well.
  std::string RefusalOfText(const std::string& part, const std::string& text) const {
    Write(World());
    WriteText(File("train", part), text);
    return MessageOf<DataError>([&] { Open(); });
  }

  TemporaryFolder folder_;
};

void ExpectJoints(const PublishedHand& hand, int first_source, int frame) {
  // Wrist last, fingers from their tips.
  constexpr int kSource[kNumJoints] = {20, 3, 2,  1,  0,  7,  6,  5,  4,  11, 10,
                                       9,  8, 15, 14, 13, 12, 19, 18, 17, 16};
  for (int j = 0; j < kNumJoints; ++j) {
    const int k = first_source + kSource[j];
    EXPECT_NEAR(hand.joints_in_cam(j, 0), 80 + 2 * k, 1e-9) << j;
    EXPECT_NEAR(hand.joints_in_cam(j, 1), 10 + 3 * k + frame, 1e-9) << j;
    EXPECT_NEAR(hand.joints_in_cam(j, 2), 490 + k, 1e-9) << j;
  }
}

TEST_F(InterhandTest, BothHandsOfAPictureComeIntoItsCamera) {
  const auto set = Open(World());
  ASSERT_EQ(set->hands().size(), 2u);
  EXPECT_EQ(set->hands()[0].handedness, Handedness::kRight);
  EXPECT_EQ(set->hands()[1].handedness, Handedness::kLeft);
  ExpectJoints(set->hands()[0], 0, 12);
  ExpectJoints(set->hands()[1], 21, 12);
  for (const PublishedHand& hand : set->hands()) {
    EXPECT_EQ(hand.picture, "images/train/image12_400026.jpg");
    EXPECT_EQ(hand.image_id, 7);
    EXPECT_EQ(hand.frame, 12);
    EXPECT_EQ(hand.subject, 5);
    EXPECT_EQ(hand.split, Split::kTrain);
    EXPECT_EQ(hand.camera.width_px, 34);
    EXPECT_EQ(hand.camera.height_px, 52);
    EXPECT_EQ(hand.camera.fx, 1200);
    EXPECT_EQ(hand.camera.fy, 1201);
    EXPECT_EQ(hand.camera.cx, 171.5);
    EXPECT_EQ(hand.camera.cy, 249.25);
    EXPECT_EQ(hand.view_id, 1);  // 400012 is 0
    EXPECT_THAT(hand.visible, Each(kVisibilityUnknown));
  }
  EXPECT_THAT(set->left_out(Split::kTrain), IsEmpty());
  EXPECT_THAT(set->label_files(),
              ElementsAre("annotations/train/InterHand2.6M_train_data.json",
                          "annotations/train/InterHand2.6M_train_camera.json",
                          "annotations/train/InterHand2.6M_train_joint_3d.json"));
}

// At another place, and turned about y: x, y, z of the camera are -z, y, x of the world.
TEST_F(InterhandTest, CamposIsAPositionNotATranslation) {
  World world;
  world.cameras["3"]["camrot"]["400026"] = {{0, 0, -1}, {0, 1, 0}, {1, 0, 0}};
  world.cameras["3"]["campos"]["400026"] = {-300, 7, 40};
  const auto set = Open(world);
  ASSERT_EQ(set->hands().size(), 2u);
  // Wrist of the right hand, 20: world (520, 140, 112); minus campos (820, 133, 72).
  const Eigen::Vector3d wrist = set->hands()[0].joints_in_cam.row(kWrist).transpose();
  EXPECT_NEAR((wrist - Eigen::Vector3d(-72, 133, 820)).norm(), 0, 1e-9);
}

TEST_F(InterhandTest, HandsAreThoseThatHandTypeNames) {
  for (const auto& [type, side] : std::map<std::string, Handedness>{{"right", Handedness::kRight},
                                                                    {"left", Handedness::kLeft}}) {
    World world;
    world.data["annotations"][0]["hand_type"] = type;
    const auto set = Open(world);
    ASSERT_EQ(set->hands().size(), 1u);
    EXPECT_EQ(set->hands()[0].handedness, side);
    EXPECT_THAT(set->left_out(Split::kTrain), IsEmpty());
  }
}

TEST_F(InterhandTest, AHandNeedsAllItsPositions) {
  for (const int unlabelled : {0, 20, 21, 41}) {
    World world;
    world.frames["3"]["12"]["joint_valid"][unlabelled] = {0};
    const auto set = Open(world);
    ASSERT_EQ(set->hands().size(), 1u) << unlabelled;
    EXPECT_EQ(set->hands()[0].handedness, unlabelled < 21 ? Handedness::kLeft : Handedness::kRight);
    EXPECT_THAT(set->left_out(Split::kTrain), ElementsAre(Pair("joints_not_labelled", 1)));
  }
  World world;  // no labels at all of the frame
  world.frames = {{"3", {{"13", Frame(13, Flags(true, true))}}}};
  const auto set = Open(world);
  EXPECT_THAT(set->hands(), IsEmpty());
  EXPECT_THAT(set->left_out(Split::kTrain), ElementsAre(Pair("joints_not_labelled", 2)));
}

TEST_F(InterhandTest, AHandNeedsOneJointWithinThePicture) {
  World world;
  world.data["annotations"][0]["joint_valid"] = Flags(false, false);
  world.data["annotations"][0]["joint_valid"][21] = {1};
  const auto set = Open(world);
  ASSERT_EQ(set->hands().size(), 1u);
  EXPECT_EQ(set->hands()[0].handedness, Handedness::kLeft);
  EXPECT_THAT(set->left_out(Split::kTrain), ElementsAre(Pair("outside_the_picture", 1)));
}

TEST_F(InterhandTest, FlagsMayBeBareOrTruthValues) {
  World world;
  for (int k = 0; k < kBothHands; ++k) {
    world.data["annotations"][0]["joint_valid"][k] = k < 21 ? 1.0 : 0.0;
    world.frames["3"]["12"]["joint_valid"][k] = {k != 30};
  }
  const auto set = Open(world);
  EXPECT_EQ(set->hands().size(), 1u);
  EXPECT_THAT(set->left_out(Split::kTrain), ElementsAre(Pair("outside_the_picture", 1)));
}

TEST_F(InterhandTest, NumbersOfPicturesAndSequencesGoOnFromSplitToSplit) {
  World train;
  train.data["images"] = {Picture(9, 3, "rock", "400026", 12),
                          Picture(2, 3, "fist", "400012", 13),
                          Picture(4, 3, "rock", "400012", 13),
                          Picture(5, 4, "rock", "400012", 13)};
  train.data["annotations"] = {Annotation(9, "right", Flags(true, true)),
                               Annotation(2, "right", Flags(true, true)),
                               Annotation(5, "right", Flags(true, true)),
                               Annotation(4, "right", Flags(true, true))};
  train.cameras["4"] = Capture({{"400012", Camera(1400)}});
  train.frames["3"]["13"] = Frame(13, Flags(true, true));
  train.frames["4"]["13"] = Frame(14, Flags(true, true));
  Write(train);
  World val;
  val.split = "val";
  val.data["images"][0]["id"] = 0;
  val.data["annotations"][0]["image_id"] = 0;
  Write(val);
  World test;
  test.split = "test";
  test.data["images"][0]["subject"] = 8;
  Write(test);
  const auto set = Open();
  std::vector<std::vector<int64_t>> found;
  for (const PublishedHand& hand : set->hands()) {
    if (hand.handedness == Handedness::kLeft) continue;
    found.push_back({hand.image_id,
                     hand.sequence_id,
                     hand.frame,
                     hand.view_id,
                     hand.subject,
                     static_cast<int64_t>(hand.split)});
  }
  EXPECT_THAT(found,
              ElementsAre(ElementsAre(2, 1, 13, 0, 5, 0),
                          ElementsAre(4, 0, 13, 0, 5, 0),
                          ElementsAre(5, 2, 13, 0, 5, 0),
                          ElementsAre(9, 0, 12, 1, 5, 0),
                          ElementsAre(10, 3, 12, 1, 5, 1),
                          ElementsAre(18, 4, 12, 1, 8, 2)));
  EXPECT_EQ(set->hands()[2].camera.fx, 1400);
  ExpectJoints(set->hands()[0], 0, 13);
  ExpectJoints(set->hands()[2], 0, 14);
  EXPECT_EQ(set->hands()[4].picture, "images/val/image12_400026.jpg");
}

TEST_F(InterhandTest, AnnotationsMayComeBeforePicturesAndNamesBeNumbers) {
  World world;
  Json camera = world.data["images"][0];
  camera["camera"] = 400026;
  camera["capture"] = "3";
  WriteText(File("train", "camera"), world.cameras.dump());
  WriteText(File("train", "joint_3d"), world.frames.dump());
  WriteText(File("train", "data"),
            "{\"annotations\": " + world.data["annotations"].dump() +
                ", \"info\": {\"by\": {\"whom\": [1]}}, \"images\": [" + camera.dump() + "]}");
  EXPECT_EQ(Open()->hands().size(), 2u);
}

TEST_F(InterhandTest, PicturesAreReadInColourAndNothingElse) {
  const auto set = Open(World());
  WritePicture("images/train/image12_400026.jpg", 34, 52);
  const PublishedPicture picture = set->ReadPicture(set->hands()[1]);
  ASSERT_EQ(picture.rgb.width, 34);
  ASSERT_EQ(picture.rgb.height, 52);
  EXPECT_NEAR(picture.rgb.at(20, 40, 0), 200, 3);
  EXPECT_NEAR(picture.rgb.at(20, 40, 2), 30, 3);
  EXPECT_TRUE(picture.depth.empty());
  EXPECT_TRUE(picture.mask.empty());
  WritePicture("images/train/image12_400026.jpg", 52, 34);
  const auto refusal = [&] {
    return MessageOf<DataError>([&] { set->ReadPicture(set->hands()[0]); });
  };
  EXPECT_THAT(refusal(), HasSubstr("image12_400026.jpg: has 52 x 34 pixels, expected 34 x 52"));
  std::filesystem::remove(folder_ / "images/train/image12_400026.jpg");
  EXPECT_THAT(refusal(), HasSubstr("image12_400026.jpg"));
}

TEST_F(InterhandTest, RefusesWhatIsMissing) {
  EXPECT_THAT(MessageOf<DataError>([&] { Open(); }),
              AllOf(HasSubstr(folder_.path().string()),
                    HasSubstr("annotations/train/InterHand2.6M_train_data.json")));
  for (const char* part : {"camera", "joint_3d"}) {
    Write(World());
    std::filesystem::remove(File("train", part));
    EXPECT_THAT(MessageOf<DataError>([&] { Open(); }),
                HasSubstr("InterHand2.6M_train_" + std::string(part) + ".json"));
  }
  World world;
  world.data["annotations"][0]["image_id"] = 6;
  EXPECT_THAT(Refusal(world), HasSubstr("train_data.json: has no picture 6"));
  world = World();
  world.data["images"][0]["camera"] = "400099";
  EXPECT_THAT(Refusal(world),
              AllOf(HasSubstr("train_camera.json: has no camera 400099 of capture 3"),
                    HasSubstr("which took image12_400026.jpg")));
  world = World();
  world.data["annotations"] = Json::array();
  EXPECT_THAT(Refusal(world), HasSubstr("train_data.json: holds no hand"));
  // The order of an earlier release: a bare list of positions.
  world = World();
  world.frames["3"]["12"] = WorldCoord(12);
  EXPECT_THAT(Refusal(world), HasSubstr("train_joint_3d.json: holds no frame"));
}

TEST_F(InterhandTest, RefusesDamagedLabelsByPlace) {
  World world;
  world.data["images"].push_back(world.data["images"][0]);
  world.data["images"][1].erase("width");
  EXPECT_THAT(Refusal(world), AllOf(HasSubstr("train_data.json, images, 1: "), HasSubstr("width")));
  world = World();
  world.data["annotations"][0]["hand_type"] = "both";
  EXPECT_THAT(Refusal(world),
              HasSubstr("train_data.json, annotations, 0: hand_type 'both', expected right"));
  world = World();
  world.data["annotations"][0]["joint_valid"] = {1, 1};
  EXPECT_THAT(Refusal(world), HasSubstr("annotations, 0: '[1,1]', expected a list of 42"));
  world = World();
  world.frames["3"]["12"]["world_coord"][41] = {1, 2};
  EXPECT_THAT(Refusal(world),
              HasSubstr("train_joint_3d.json, capture 3, frame 12: '[1,2]', expected a list of 3"));
  world = World();
  world.frames["3"]["12"]["world_coord"].erase(0);
  EXPECT_THAT(Refusal(world), HasSubstr("expected a list of 42"));
  world = World();
  world.frames["3"]["12"]["world_coord"][0] = {1, "x", 2};
  EXPECT_THAT(Refusal(world), AllOf(HasSubstr("frame 12: "), HasSubstr("must be number")));
  world = World();
  world.frames["3"]["12"].erase("joint_valid");
  EXPECT_THAT(Refusal(world), AllOf(HasSubstr("frame 12: "), HasSubstr("joint_valid")));
  world = World();
  world.cameras["3"]["camrot"]["400026"] = {0, 1, 0, 0, 0, 1, 1, 0, 0};
  EXPECT_THAT(Refusal(world), HasSubstr("train_camera.json, capture 3: '[0,1,0,0,0,1,1,0,0]'"));
  world = World();
  world.cameras["3"]["focal"]["400026"] = {1200, 0};
  EXPECT_THAT(Refusal(world),
              HasSubstr("capture 3: focal 1200.000000, 0.000000 px of camera 4000"));
  world = World();
  for (auto& number : world.cameras["3"]["camrot"]["400026"][0]) {
    number = 1.3 * number.get<double>();
  }
  EXPECT_THAT(Refusal(world), HasSubstr("capture 3: camrot of camera 400026 is no rotation"));
  world = World();
  for (auto& row : world.cameras["3"]["camrot"]["400026"]) {
    for (auto& number : row) number = -number.get<double>();
  }
  EXPECT_THAT(Refusal(world), HasSubstr("the determinant is -1"));
  world = World();
  world.cameras["3"].erase("princpt");
  EXPECT_THAT(Refusal(world), AllOf(HasSubstr("capture 3: "), HasSubstr("princpt")));
}

TEST_F(InterhandTest, RefusesNumbersThatNoPictureHas) {
  const auto with = [this](const char* field, const Json& value) {
    World world;
    world.data["images"][0][field] = value;
    return Refusal(world);
  };
  for (const Json& id : {Json(-5), Json(13.7), Json(uint64_t{1} << 63), Json("7")}) {
    EXPECT_THAT(with("id", id),
                AllOf(HasSubstr("images, 0: id is " + id.dump()), HasSubstr("expected a whole")));
  }
  EXPECT_THAT(with("subject", -3), HasSubstr("subject is -3, expected a whole number from 0"));
  EXPECT_THAT(with("width", 512.9), HasSubstr("width is 512.9, expected"));
  EXPECT_THAT(with("height", 0), HasSubstr("height is 0, expected a whole number from 1"));
  EXPECT_THAT(with("frame_idx", int64_t{1} << 40), HasSubstr("frame_idx is 1099511627776"));
}

TEST_F(InterhandTest, RefusesWhatIsThereTwice) {
  World world;
  world.data["images"].push_back(world.data["images"][0]);
  EXPECT_THAT(Refusal(world),
              AllOf(HasSubstr("train_data.json: has picture "), HasSubstr("twice")));
  world = World();
  world.data["annotations"].push_back(world.data["annotations"][0]);
  EXPECT_THAT(Refusal(world), HasSubstr("two annotations of one hand of picture"));
}

TEST_F(InterhandTest, RefusesCutAndForeignFiles) {
  const World world;
  const std::map<std::string, std::string> texts = {{"data", world.data.dump()},
                                                    {"camera", world.cameras.dump()},
                                                    {"joint_3d", world.frames.dump()}};
  for (const auto& [part, text] : texts) {
    const std::string file = "InterHand2.6M_train_" + part + ".json: ";
    for (const size_t size : {size_t{0}, text.size() / 2, text.size() - 1}) {
      EXPECT_THAT(RefusalOfText(part, text.substr(0, size)), HasSubstr(file + "is no valid JSON"));
    }
    EXPECT_THAT(RefusalOfText(part, text + "]"), HasSubstr(file + "is no valid JSON"));
  }
  for (const char* part : {"data", "joint_3d"}) {
    EXPECT_THAT(RefusalOfText(part, "[]"), HasSubstr(".json: is no JSON object"));
    EXPECT_THAT(RefusalOfText(part, "{\"a\": " + std::string(100000, '[')),
                HasSubstr("is nested more than 8 deep"));
  }
  Write(world);
  std::filesystem::remove(File("train", "data"));
  std::filesystem::create_directories(File("train", "data"));
  EXPECT_THAT(MessageOf<DataError>([&] { Open(); }), HasSubstr("train_data.json: cannot be read"));
}

}  // namespace
}  // namespace handforge
