#include "render/pose_library.h"

#include "io/core/error.h"
#include "render/collision.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
#include "tests/render/render_testing.h"

#include <fstream>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

using Eigen::Vector3d;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

constexpr char kGood[] =
    "gestures:\n"
    "  - name: flat\n"
    "    family: everyday\n"
    "    thumb: [1, 2, 3, 4, 5]\n"
    "    index: [6, 7, 8, 9]\n"
    "    middle: [10, 11, 12, 13]\n"
    "    ring: [14, 15, 16, 17]\n"
    "    little: [18, 19, 20, 21]\n";

std::vector<Gesture> Load(const std::string& text) {
  const TemporaryFolder folder;
  const auto file = folder / "g.yaml";
  std::ofstream(file) << text;
  return LoadGestures(file);
}

std::string ErrorOf(const std::string& text) {
  return MessageOf<UsageError>([&] { Load(text); });
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

const Gesture& Named(const std::string& name) {
  for (const Gesture& gesture : TestGestures()) {
    if (gesture.name == name) return gesture;
  }
  throw std::runtime_error("no gesture " + name);
}

Joints3 JointsOfGesture(const std::string& name) {
  return JointsOf(TestRig(), ForwardKinematics(TestRig(), HandShape(), Named(name).angles_deg));
}

double Distance(const Joints3& joints, int a, int b) {
  return (joints.row(a) - joints.row(b)).norm();
}

double DistanceToBone(const Joints3& joints, int point, int start, int end) {
  const Vector3d p = joints.row(point), a = joints.row(start), b = joints.row(end);
  const double t = std::clamp((p - a).dot(b - a) / (b - a).squaredNorm(), 0.0, 1.0);
  return (p - a - t * (b - a)).norm();
}

TEST(LoadGestures, PutsEveryNumberInItsAngle) {
  const auto gestures = Load(kGood);
  ASSERT_EQ(gestures.size(), 1u);
  const Gesture& g = gestures[0];
  EXPECT_EQ(g.name, "flat");
  EXPECT_EQ(g.family, "everyday");
  EXPECT_EQ(g.weight, 1);
  EXPECT_EQ(g.angles_deg[kThumbCmcFlexion], 1);
  EXPECT_EQ(g.angles_deg[kThumbCmcTwist], 3);
  EXPECT_EQ(g.angles_deg[kThumbIpFlexion], 5);
  EXPECT_EQ(g.angles_deg[FingerAngle(kIndex, kMcpFlexion)], 6);
  EXPECT_EQ(g.angles_deg[FingerAngle(kIndex, kMcpAbduction)], 7);
  EXPECT_EQ(g.angles_deg[FingerAngle(kIndex, kMcpTwist)], 0);
  EXPECT_EQ(g.angles_deg[FingerAngle(kMiddle, kPipFlexion)], 12);
  EXPECT_EQ(g.angles_deg[FingerAngle(kLittle, kDipFlexion)], 21);
  EXPECT_EQ(g.angles_deg[kLittleCup], 0);
}

TEST(LoadGestures, ReadsTheOptionalKeys) {
  const auto gestures =
      Load(std::string(kGood) + "    cup: [5, 10]\n    wrist: [-20, 4]\n    weight: 2.5\n");
  EXPECT_EQ(gestures[0].angles_deg[kRingCup], 5);
  EXPECT_EQ(gestures[0].angles_deg[kLittleCup], 10);
  EXPECT_EQ(gestures[0].angles_deg[kWristFlexion], -20);
  EXPECT_EQ(gestures[0].angles_deg[kWristDeviation], 4);
  EXPECT_EQ(gestures[0].weight, 2.5);
}

struct BadFile {
  std::string what, text, place, message;
};

TEST(LoadGestures, EveryErrorNamesFileLineAndValue) {
  const std::string good = kGood;
  const std::vector<BadFile> files = {
      {"syntax", "gestures: [", "g.yaml:", ""},
      {"no list", "gestures: 3\n", "g.yaml:1", "`gestures`"},
      {"another key", "poses: []\n", "g.yaml:1", "`gestures`"},
      {"second key", good + "more: 1\n", "g.yaml:1", "one key"},
      {"empty file", "", "g.yaml:1", "`gestures`"},
      {"empty list", "gestures: []\n", "g.yaml:1", "empty"},
      {"no mapping", "gestures:\n  - 3\n", "g.yaml:2", "mapping"},
      {"no name", Replaced(good, "name: flat", "family: x"), "g.yaml:2", "`name`"},
      {"bad name", Replaced(good, "name: flat", "name: Flat Hand"), "g.yaml:2", "Flat Hand"},
      {"list as name", Replaced(good, "name: flat", "name: [flat]"), "g.yaml:2", "`name`"},
      {"bad family", Replaced(good, "everyday", "[a]"), "g.yaml:3", "`family`"},
      {"finger missing", Replaced(good, "    ring: [14, 15, 16, 17]\n", ""), "g.yaml:2", "`ring`"},
      {"unknown key", Replaced(good, "ring:", "rnig:"), "g.yaml:7", "did you mean `ring`"},
      {"key twice", good + "    ring: [0, 0, 0, 0]\n", "g.yaml:9", "twice"},
      {"too few", Replaced(good, "[6, 7, 8, 9]", "[6, 7, 8]"), "g.yaml:5", "4 angles"},
      {"too many", Replaced(good, "[1, 2, 3, 4, 5]", "[1, 2, 3, 4, 5, 6]"), "g.yaml:4", "5 angles"},
      {"scalar", Replaced(good, "[6, 7, 8, 9]", "6"), "g.yaml:5", "4 angles"},
      {"text", Replaced(good, "16", "much"), "g.yaml:7", "must be a number"},
      {"nan", Replaced(good, "16", ".nan"), "g.yaml:7", "must be a number"},
      {"infinite", Replaced(good, "16", ".inf"), "g.yaml:7", "must be a number"},
      {"beyond", Replaced(good, "16", "111"), "g.yaml:7", "ring_pip_flexion 111"},
      {"below", Replaced(good, "16", "-9"), "g.yaml:7", "-8..110"},
      {"weight", good + "    weight: -1\n", "g.yaml:9", "`weight` -1"},
      {"weight text", good + "    weight: often\n", "g.yaml:9", "`weight`"},
      {"weight zero", good + "    weight: 0\n", "g.yaml:2", "every `weight` is 0"},
      {"name twice", good + good.substr(good.find("  - ")), "g.yaml:9", "`flat` is there twice"},
  };
  for (const BadFile& file : files) {
    const std::string message = ErrorOf(file.text);
    EXPECT_THAT(message, HasSubstr(file.place)) << file.what;
    EXPECT_THAT(message, HasSubstr(file.message)) << file.what;
  }
}

TEST(LoadGestures, ReportsAMissingFile) {
  const TemporaryFolder folder;
  EXPECT_THAT(MessageOf<UsageError>([&] { LoadGestures(folder / "none.yaml"); }),
              HasSubstr("none.yaml: cannot be opened"));
}

TEST(ShippedGestures, AreManyAndOfEveryFamily) {
  std::map<std::string, int> families;
  std::set<std::string> names;
  for (const Gesture& gesture : TestGestures()) {
    ++families[gesture.family];
    names.insert(gesture.name);
  }
  EXPECT_GE(names.size(), 56u);
  EXPECT_GE(families["digits"], 11);
  EXPECT_GE(families["fingerspelling"], 22);
  EXPECT_GE(families["everyday"], 20);
  EXPECT_GE(families["grasp"], 25);
  EXPECT_EQ(families.size(), 4u) << "an unknown family, or none";
  std::vector<std::string> letters;
  for (char c : std::string("abcdefghiklmnorstuvwxy")) letters.push_back(std::string("asl_") + c);
  EXPECT_THAT(names, IsSupersetOf(letters));
  for (int digit = 0; digit <= 10; ++digit) {
    EXPECT_EQ(names.count("digit_" + std::to_string(digit)), 1u) << digit;
  }
}

TEST(ShippedGestures, KeepLimitsAndDoNotCollide) {
  for (const Gesture& gesture : TestGestures()) {
    EXPECT_EQ(LimitViolation(gesture.angles_deg, nullptr), 0) << gesture.name;
    const BonePoses poses = ForwardKinematics(TestRig(), HandShape(), gesture.angles_deg);
    EXPECT_LE(SelfPenetrationMm(TestRig(), poses), PosePriorOptions().max_penetration_mm)
        << gesture.name;
  }
}

TEST(ShippedGestures, NoTwoAreTheSamePose) {
  // asl_o is digit_0; asl_q is asl_g with the wrist bent.
  const auto& gestures = TestGestures();
  int pairs = 0;
  for (size_t i = 0; i < gestures.size(); ++i) {
    for (size_t j = 0; j < i; ++j) pairs += gestures[i].angles_deg == gestures[j].angles_deg;
  }
  EXPECT_LE(pairs, 2);
}

// The labelled tips lie 3 mm below the skin, so tips that touch are some 3 to 10 mm apart.
TEST(ShippedGestures, TipsMeetWhereTheyShould) {
  const std::vector<std::pair<std::string, int>> meetings = {{"ok_sign", kIndexTip},
                                                             {"pinch", kIndexTip},
                                                             {"tip_pinch", kIndexTip},
                                                             {"asl_f", kIndexTip},
                                                             {"asl_o", kIndexTip},
                                                             {"asl_d", kMiddleTip},
                                                             {"snap", kMiddleTip},
                                                             {"digit_6", kLittleTip},
                                                             {"digit_7", kRingTip},
                                                             {"digit_8", kMiddleTip},
                                                             {"digit_9", kIndexTip}};
  for (const auto& [name, tip] : meetings) {
    const double distance = Distance(JointsOfGesture(name), kThumbTip, tip);
    EXPECT_GT(distance, 2) << name;
    EXPECT_LT(distance, 10) << name;
  }
}

TEST(ShippedGestures, ThumbLiesWhereItShould) {
  EXPECT_LT(DistanceToBone(JointsOfGesture("fist"), kThumbTip, kMiddlePip, kMiddleDip), 20);
  EXPECT_LT(DistanceToBone(JointsOfGesture("lateral_pinch"), kThumbTip, kIndexPip, kIndexDip), 22);
  // Across the palm: before it, and towards the little finger of the index's knuckle.
  for (const std::string name : {"digit_4", "asl_b"}) {
    const Joints3 joints = JointsOfGesture(name);
    EXPECT_GT(joints(kThumbTip, 0), joints(kIndexMcp, 0) + 8) << name;
    EXPECT_LT(joints(kThumbTip, 1), joints(kMiddleMcp, 1) - 10) << name;
    EXPECT_GT(joints(kThumbTip, 1), joints(kMiddleMcp, 1) - 35) << name;
  }
}

TEST(ShippedGestures, FistIsClosedAndOpenHandIsOpen) {
  const Joints3 fist = JointsOfGesture("fist"), open = JointsOfGesture("open_spread");
  for (int finger = kIndex; finger <= kLittle; ++finger) {
    const int mcp = FingerJoint(finger, 0), tip = FingerJoint(finger, 3);
    EXPECT_LT(Distance(fist, tip, kWrist), Distance(fist, mcp, kWrist)) << kFingerNames[finger];
    double length = 0;
    for (int joint = mcp; joint < tip; ++joint) length += Distance(open, joint, joint + 1);
    EXPECT_GT(Distance(open, tip, mcp), 0.97 * length) << kFingerNames[finger];
  }
}

// Kapandji 1986: the tip of a healthy thumb reaches every fingertip and the base of the little
// finger. A random search must find such poses within the joint limits and free of collisions.
class Opposition {
 public:
  Opposition(int joint, double wanted_mm, const Gesture& start)
      : joint_(joint), wanted_mm_(wanted_mm), best_(start.angles_deg) {}

  double SearchMm(int steps) {
    Random random(3, static_cast<uint64_t>(joint_), 0, Purpose::kTest);
    double cost = Cost(best_), spread_deg = 10;
    for (int i = 0; i < steps; ++i) {
      HandAngles angles = best_;
      for (int a = kThumbCmcFlexion; a <= kThumbIpFlexion; ++a) {
        angles[a] += random.Normal(0, spread_deg);
      }
      const int finger = FingerOf(joint_);
      for (int a : {FingerAngle(finger, kMcpFlexion), FingerAngle(finger, kPipFlexion)}) {
        angles[a] += random.Normal(0, spread_deg);
      }
      angles = ClampToLimits(angles);
      const double next = Cost(angles);
      spread_deg = std::clamp(spread_deg * (next < cost ? 1.4 : 0.98), 0.3, 15.0);
      if (next < cost) {
        cost = next;
        best_ = angles;
      }
    }
    return cost;
  }

 private:
  double Cost(const HandAngles& angles) const {
    const BonePoses poses = ForwardKinematics(TestRig(), HandShape(), angles);
    const double gap = Distance(JointsOf(TestRig(), poses), kThumbTip, joint_) - wanted_mm_;
    return std::max(0.0, gap) + 10 * std::max(0.0, SelfPenetrationMm(TestRig(), poses) - 2.5);
  }

  int joint_;
  double wanted_mm_;
  HandAngles best_;
};

TEST(ThumbLimits, LetTheThumbOpposeEveryFingertip) {
  for (int tip : {kIndexTip, kMiddleTip, kRingTip, kLittleTip}) {
    EXPECT_LT(Opposition(tip, 15, Named("cupped_hand")).SearchMm(1500), 0.5) << kJointNames[tip];
  }
}

TEST(ThumbLimits, LetTheThumbReachTheBaseOfTheLittleFinger) {
  EXPECT_LT(Opposition(kLittleMcp, 22, Named("cupped_scoop")).SearchMm(3000), 0.5);
}

}  // namespace
}  // namespace handforge
