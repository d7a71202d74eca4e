#include "io/core/skeleton.h"

#include "tests/io/core/random_geometry.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace handforge {
namespace {

TEST(Skeleton, NamesFollowTheOrder) {
  EXPECT_EQ(kJointNames[kWrist], "wrist");
  EXPECT_EQ(kJointNames[kThumbCmc], "thumb_cmc");
  EXPECT_EQ(kJointNames[kIndexMcp], "index_mcp");
  EXPECT_EQ(kJointNames[kMiddlePip], "middle_pip");
  EXPECT_EQ(kJointNames[kRingDip], "ring_dip");
  EXPECT_EQ(kJointNames[kLittleTip], "little_tip");
  const std::set<std::string_view> names(kJointNames.begin(), kJointNames.end());
  EXPECT_EQ(names.size(), static_cast<size_t>(kNumJoints));
  for (int joint = 1; joint < kNumJoints; ++joint) {
    EXPECT_EQ(kJointNames[joint].substr(0, kJointNames[joint].find('_')),
              kFingerNames[FingerOf(joint)]);
  }
}

TEST(Skeleton, FingerAndLevelInvertFingerJoint) {
  for (int finger = 0; finger < kNumFingers; ++finger) {
    for (int level = 0; level < 4; ++level) {
      const int joint = FingerJoint(finger, level);
      EXPECT_EQ(FingerOf(joint), finger);
      EXPECT_EQ(LevelOf(joint), level);
    }
  }
}

TEST(Skeleton, EdgesAreATreeRootedInTheWrist) {
  std::set<int> reached = {kWrist};
  for (int e = 0; e < kNumEdges; ++e) {
    const auto [parent, child] = Edges()[e];
    EXPECT_EQ(child, e + 1);
    EXPECT_EQ(parent, ParentOf(child));
    EXPECT_TRUE(reached.count(parent)) << "parents come first";
    EXPECT_TRUE(reached.insert(child).second);
  }
  EXPECT_EQ(reached.size(), static_cast<size_t>(kNumJoints));
  EXPECT_EQ(ParentOf(kWrist), -1);
  EXPECT_EQ(ParentOf(kRingMcp), kWrist);
  EXPECT_EQ(ParentOf(kRingTip), kRingDip);
}

TEST(Skeleton, SegmentsFillTheirRangeOfParts) {
  std::set<int> parts;
  for (int finger = 0; finger < kNumFingers; ++finger) {
    for (int segment = 0; segment < 3; ++segment) parts.insert(SegmentPart(finger, segment));
  }
  EXPECT_EQ(parts.size(), 15u);
  EXPECT_EQ(*parts.begin(), kPartFirstSegment);
  EXPECT_EQ(*parts.rbegin(), kPartLastSegment);
}

TEST(Skeleton, PartsTouchTheJointsAtTheirEnds) {
  for (int joint = 1; joint < kNumJoints; ++joint) {
    for (int finger = 0; finger < kNumFingers; ++finger) {
      for (int segment = 0; segment < 3; ++segment) {
        // Segment s runs from joint s to joint s + 1 of its finger.
        const bool expected = finger == FingerOf(joint) &&
                              (segment == LevelOf(joint) || segment + 1 == LevelOf(joint));
        EXPECT_EQ(PartTouchesJoint(SegmentPart(finger, segment), joint), expected)
            << kJointNames[joint] << " finger " << finger << " segment " << segment;
      }
    }
    EXPECT_FALSE(PartTouchesJoint(kPartBackground, joint));
    EXPECT_FALSE(PartTouchesJoint(kPartForearm, joint));
    EXPECT_FALSE(PartTouchesJoint(kPartFirstOccluder, joint));
  }
  EXPECT_TRUE(PartTouchesJoint(kPartPalm, kWrist));
  EXPECT_TRUE(PartTouchesJoint(kPartForearm, kWrist));
  EXPECT_TRUE(PartTouchesJoint(kPartPalm, kLittleMcp));
  EXPECT_TRUE(PartTouchesJoint(kPartPalm, kThumbCmc));
  EXPECT_TRUE(PartTouchesJoint(kPartPalm, kThumbMcp));
  EXPECT_FALSE(PartTouchesJoint(kPartPalm, kIndexPip));
}

TEST(Skeleton, ReferenceBoneAndPalmCentre) {
  Joints3 joints = Joints3::Zero();
  joints.row(kWrist) << 10, 0, 0;
  joints.row(kMiddleMcp) << 0, 30, 0;
  joints.row(kMiddlePip) << 0, 30, 40;
  EXPECT_DOUBLE_EQ(ReferenceBoneLength(joints), 40);
  EXPECT_EQ(PalmCentre(joints), Eigen::Vector3d(5, 15, 0));
}

}  // namespace
}  // namespace handforge
