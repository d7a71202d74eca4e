#include "io/conventions.h"

#include "io/core/random.h"
#include "io/core/skeleton.h"
#include "tests/io/error_matchers.h"

#include <cctype>
#include <cmath>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class EveryConvention : public ::testing::TestWithParam<Convention> {};
INSTANTIATE_TEST_SUITE_P(Registry,
                         EveryConvention,
                         ::testing::ValuesIn(Conventions()),
                         [](const auto& info) {
                           std::string name = info.param.name;
                           for (char& c : name) c = std::isalnum(c) ? c : '_';
                           return name;
                         });

Eigen::MatrixXd RandomJoints(uint64_t seed, int rows, int columns) {
  Random random(seed, 0, 0, Purpose::kTest);
  Eigen::MatrixXd joints(rows, columns);
  for (int i = 0; i < rows; ++i) {
    for (int c = 0; c < columns; ++c) joints(i, c) = random.Uniform(-100, 100);
  }
  return joints;
}

TEST_P(EveryConvention, MapIsAPartialPermutation) {
  const Convention& convention = GetParam();
  ASSERT_EQ(convention.canonical_from_source.size(), static_cast<size_t>(kNumJoints));
  ASSERT_EQ(convention.joint_names.size(), static_cast<size_t>(convention.num_joints));
  const std::set<std::string> names(convention.joint_names.begin(), convention.joint_names.end());
  EXPECT_EQ(names.size(), convention.joint_names.size());
  EXPECT_FALSE(convention.reference.empty());
  std::set<int> used;
  for (const int source : convention.canonical_from_source) {
    if (source == -1) continue;
    EXPECT_GE(source, 0);
    EXPECT_LT(source, convention.num_joints);
    EXPECT_TRUE(used.insert(source).second) << source;
  }
}

TEST_P(EveryConvention, RoundTripsBothWays) {
  const Convention& convention = GetParam();
  for (const int columns : {2, 3}) {
    const Eigen::MatrixXd canonical = RandomJoints(1, kNumJoints, columns);
    const Eigen::MatrixXd back = ToCanonical(convention, FromCanonical(convention, canonical));
    for (int j = 0; j < kNumJoints; ++j) {
      const bool known = convention.canonical_from_source[static_cast<size_t>(j)] >= 0;
      EXPECT_EQ(back.row(j).hasNaN(), !known) << kJointNames[j];
      if (known) {
        EXPECT_EQ(back.row(j), canonical.row(j)) << kJointNames[j];
      }
    }
    const Eigen::MatrixXd source = RandomJoints(2, convention.num_joints, columns);
    const Eigen::MatrixXd source_back = FromCanonical(convention, ToCanonical(convention, source));
    const auto& map = convention.canonical_from_source;
    for (int i = 0; i < convention.num_joints; ++i) {
      const bool known = std::find(map.begin(), map.end(), i) != map.end();
      EXPECT_EQ(source_back.row(i).hasNaN(), !known) << i;
      if (known) {
        EXPECT_EQ(source_back.row(i), source.row(i)) << i;
      }
    }
  }
}

// The canonical name of a source's joint, read off its own words; "" where it has none.
std::string AnatomicalName(const Convention& convention, std::string name) {
  if (convention.name.rfind("rhd_", 0) == 0 || convention.name.rfind("interhand_", 0) == 0) {
    const std::string side = convention.name.substr(convention.name.find('_') + 1) + "_";
    return name.rfind(side, 0) == 0 ? name.substr(side.size()) : "";
  }
  if (convention.name == "webxr25" || convention.name == "openxr26") {
    // A joint is named after the bone beyond it.
    const bool thumb = name.rfind("thumb", 0) == 0;
    const std::map<std::string, std::string> bones = {{"metacarpal", thumb ? "cmc" : ""},
                                                      {"phalanx-proximal", "mcp"},
                                                      {"phalanx-intermediate", "pip"},
                                                      {"phalanx-distal", thumb ? "ip" : "dip"},
                                                      {"tip", "tip"}};
    if (name == "wrist") return name;
    std::string finger = name.substr(0, name.find('-'));
    if (finger == "pinky") finger = "little";
    for (const auto& [bone, joint] : bones) {
      const bool ends = name.size() > bone.size() &&
                        name.compare(name.size() - bone.size(), bone.size(), bone) == 0;
      if (ends && !joint.empty()) return finger + "_" + joint;
    }
    return "";
  }
  if (convention.name == "icvl16") {
    // Approximate: root, mid, tip stand at MCP, PIP, TIP (thumb: MCP, IP, TIP).
    const bool thumb = name.rfind("thumb", 0) == 0;
    const std::string finger = name.substr(0, name.find('_'));
    if (name == finger + "_root") return finger + "_mcp";
    if (name == finger + "_mid") return finger + (thumb ? "_ip" : "_pip");
    if (name == finger + "_tip") return name;
    return "";
  }
  if (convention.name == "stb" && name == "palm_centre") return "wrist";
  return name;
}

TEST_P(EveryConvention, JointsKeepTheirAnatomicalNames) {
  const Convention& convention = GetParam();
  std::map<std::string, int> by_name;
  for (int i = 0; i < convention.num_joints; ++i) {
    const std::string& joint = convention.joint_names[static_cast<size_t>(i)];
    const std::string name = AnatomicalName(convention, joint);
    if (!name.empty()) by_name.emplace(name, i);
  }
  for (int j = 0; j < kNumJoints; ++j) {
    const auto found = by_name.find(std::string(kJointNames[j]));
    const int expected = found == by_name.end() ? -1 : found->second;
    EXPECT_EQ(convention.canonical_from_source[static_cast<size_t>(j)], expected) << kJointNames[j];
  }
}

TEST_P(EveryConvention, WrongCountIsRefused) {
  const Convention& convention = GetParam();
  const Eigen::MatrixXd joints = Eigen::MatrixXd::Zero(convention.num_joints + 1, 3);
  EXPECT_THAT(MessageOf<DataError>([&] { ToCanonical(convention, joints); }),
              AllOf(HasSubstr(convention.name),
                    HasSubstr("got " + std::to_string(convention.num_joints + 1) + " joints"),
                    HasSubstr("expected " + std::to_string(convention.num_joints))));
  EXPECT_THROW(FromCanonical(convention, Eigen::MatrixXd::Zero(20, 3)), DataError);
  for (const int columns : {0, 1, 4}) {
    const Eigen::MatrixXd odd = Eigen::MatrixXd::Zero(convention.num_joints, columns);
    EXPECT_THROW(ToCanonical(convention, odd), DataError) << columns;
    EXPECT_THROW(FromCanonical(convention, Eigen::MatrixXd::Zero(21, columns)), DataError);
  }
}

// Directions of maps that are not their own inverse, written out from the datasets' own lists.
TEST(Conventions, GatherIsNotScatter) {
  Eigen::MatrixXd source(21, 2);
  for (int i = 0; i < 21; ++i) source.row(i).setConstant(i);
  const Eigen::MatrixXd msra = ToCanonical(FindConvention("msra21"), source);
  EXPECT_EQ(msra(kThumbTip, 0), 20);
  EXPECT_EQ(msra(kIndexMcp, 0), 1);
  EXPECT_EQ(msra(kLittleTip, 0), 16);
  const Eigen::MatrixXd mano = ToCanonical(FindConvention("ho3d_mano21"), source);
  EXPECT_EQ(mano(kThumbCmc, 0), 13);
  EXPECT_EQ(mano(kLittleMcp, 0), 7);
  EXPECT_EQ(mano(kRingMcp, 0), 10);
  EXPECT_EQ(mano(kRingTip, 0), 19);
  Eigen::MatrixXd both(42, 2);
  for (int i = 0; i < 42; ++i) both.row(i).setConstant(i);
  const Eigen::MatrixXd left = ToCanonical(FindConvention("interhand_left"), both);
  EXPECT_EQ(left(kWrist, 0), 41);
  EXPECT_EQ(left(kThumbTip, 0), 21);
  EXPECT_EQ(ToCanonical(FindConvention("rhd_right"), both)(kIndexTip, 0), 26);
}

TEST(Conventions, AllNamedOnesExist) {
  for (const char* name : {"canonical21",
                           "webxr25",
                           "openxr26",
                           "rhd_left",
                           "rhd_right",
                           "stb",
                           "freihand",
                           "hand-graph-cnn",
                           "mediapipe",
                           "coco-wholebody",
                           "dexycb",
                           "icvl16",
                           "nyu36",
                           "nyu14",
                           "msra21",
                           "ho3d_mano21",
                           "interhand_right",
                           "interhand_left"}) {
    EXPECT_EQ(FindConvention(name).name, name);
  }
}

TEST(Conventions, UnknownOneIsRefusedWithTheNearest) {
  EXPECT_THAT(MessageOf<UsageError>([] { FindConvention("rhd_rihgt"); }),
              AllOf(HasSubstr("'rhd_rihgt'"),
                    HasSubstr("did you mean 'rhd_right'?"),
                    HasSubstr("known: canonical21, ")));
}

}  // namespace
}  // namespace handforge
