#include "io/augment/move_tuple.h"

#include "io/augment/mirror.h"
#include "tests/io/augment/augment_testing.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace handforge {
namespace {

constexpr int kDraws = 1000;

// One kind of move, drawn over a wide range.
using DrawMove = CameraMove (*)(Random*);

CameraMove Flip(Random*) {
  CameraMove move;
  move.flip = true;
  return move;
}
CameraMove Roll(Random* random) {
  CameraMove move;
  move.new_from_cam = NewFromCam(random->Uniform(-180, 180), 0, 0);
  return move;
}
CameraMove PanAndTilt(Random* random) {
  CameraMove move;
  move.new_from_cam = NewFromCam(0, random->Uniform(-20, 20), random->Uniform(-20, 20));
  return move;
}
CameraMove Zoom(Random* random) {
  CameraMove move;
  move.zoom = random->Uniform(0.6, 1.7);
  return move;
}
CameraMove Shift(Random* random) {
  CameraMove move;
  move.shift_px = {random->Uniform(-20, 20), random->Uniform(-20, 20)};
  return move;
}
CameraMove Everything(Random* random) {
  CameraMove move;
  move.flip = random->Chance(0.5);
  move.new_from_cam =
      NewFromCam(random->Uniform(-180, 180), random->Uniform(-20, 20), random->Uniform(-20, 20));
  move.zoom = random->Uniform(0.6, 1.7);
  move.shift_px = {random->Uniform(-20, 20), random->Uniform(-20, 20)};
  return move;
}

struct Kind {
  const char* name;
  DrawMove draw;
};
class EachMove : public ::testing::TestWithParam<Kind> {};
INSTANTIATE_TEST_SUITE_P(MoveTuple,
                         EachMove,
                         ::testing::Values(Kind{"Flip", Flip},
                                           Kind{"Roll", Roll},
                                           Kind{"PanAndTilt", PanAndTilt},
                                           Kind{"Zoom", Zoom},
                                           Kind{"Shift", Shift},
                                           Kind{"Everything", Everything}),
                         [](const auto& info) { return info.param.name; });

double WorstRigDifference(const RigPose& a, const RigPose& b) {
  double worst = 0;
  for (int bone = 0; bone < kNumBones; ++bone) {
    for (int i = 0; i < 3; ++i) {
      worst = std::max<double>(worst,
                               std::abs(a.origin_in_cam_mm[bone][i] - b.origin_in_cam_mm[bone][i]));
    }
    double same = 0, opposite = 0;  // q and -q are one rotation
    for (int i = 0; i < 4; ++i) {
      same = std::max<double>(same, std::abs(a.rotation_xyzw[bone][i] - b.rotation_xyzw[bone][i]));
      opposite =
          std::max<double>(opposite, std::abs(a.rotation_xyzw[bone][i] + b.rotation_xyzw[bone][i]));
    }
    worst = std::max(worst, std::min(same, opposite));
  }
  return worst;
}

TEST_P(EachMove, ItsInverseRestoresEveryLabel) {
  for (uint64_t i = 0; i < kDraws; ++i) {
    const Tuple before = ConsistentTuple(3, i, 64, 8);
    Random random(4, i, 0, Purpose::kTest);
    const CameraMove move = GetParam().draw(&random);
    Tuple t = before;
    MoveTuple(move, Border::kMirror, &t);
    MoveTuple(move.Inverse(), Border::kMirror, &t);
    const auto message = [&] { return "draw " + std::to_string(i); };
    ASSERT_LT((t.camera.K() - before.camera.K()).cwiseAbs().maxCoeff(), 1e-3) << message();
    ASSERT_LT((t.joints_in_cam - before.joints_in_cam).cwiseAbs().maxCoeff(), 1e-3) << message();
    ASSERT_LT((t.joints_px - before.joints_px).cwiseAbs().maxCoeff(), 1e-3) << message();
    ASSERT_LT((t.decoded_joints_in_cam - before.decoded_joints_in_cam).cwiseAbs().maxCoeff(), 1e-3)
        << message();
    ASSERT_LT((t.decoded_joints_px - before.decoded_joints_px).cwiseAbs().maxCoeff(), 1e-3)
        << message();
    ASSERT_LT(WorstRigDifference(t.rig, before.rig), 1e-3) << message();
    ASSERT_EQ(t.handedness, before.handedness) << message();
  }
}

TEST_P(EachMove, KeepsTheProjectionEquation) {
  for (uint64_t i = 0; i < kDraws; ++i) {
    Tuple t = ConsistentTuple(5, i, 64, 8);
    Random random(6, i, 0, Purpose::kTest);
    MoveTuple(GetParam().draw(&random), Border::kMirror, &t);
    ASSERT_LT((t.camera.Project(t.joints_in_cam) - t.joints_px).cwiseAbs().maxCoeff(), 1e-3)
        << "draw " << i;
  }
}

// The depth image as points: those of a moved sphere lie on the turned sphere.
TEST_P(EachMove, MovedDepthIsThatOfTheMovedScene) {
  int pixels = 0;
  for (uint64_t i = 0; i < 50; ++i) {
    Tuple t = ConsistentTuple(7, i);
    Eigen::Vector3d centre(0, 0, 0);
    // The sphere's centre lies on the axis, 70 mm behind its nearest point there.
    const Tuple before = t;
    Random random(8, i, 0, Purpose::kTest);
    const CameraMove move = GetParam().draw(&random);
    const int cx = static_cast<int>(std::lround(before.camera.cx));
    const int cy = static_cast<int>(std::lround(before.camera.cy));
    centre.z() = kDepthUnitMm * before.depth.at(cx, cy) + 70;
    centre = move.new_from_cam * centre;
    MoveTuple(move, Border::kMirror, &t);
    for (int y = 0; y < t.depth.height; ++y) {
      for (int x = 0; x < t.depth.width; ++x) {
        const Eigen::Vector3d p = kDepthUnitMm * t.depth.at(x, y) * t.camera.Ray({x, y});
        const Eigen::Vector3d normal = (p - centre) / 70;
        // Where the surface faces the camera, half a pixel of the first picture is little depth.
        if (t.depth.at(x, y) == 0 || -normal.dot(p.normalized()) < 0.7) continue;
        ++pixels;
        ASSERT_NEAR((p - centre).norm(),
                    70,
                    3.0 * before.depth.at(cx, cy) * kDepthUnitMm / before.camera.fx / 2)
            << "draw " << i << " at " << x << ", " << y;
      }
    }
  }
  EXPECT_GT(pixels, 5000);
}

TEST(MoveTuple, AQuarterTurnPermutesThePixelsExactly) {
  Tuple t = ConsistentTuple(9, 0);
  t.camera.cx = t.camera.cy = 0.5 * t.camera.width_px - 0.5;
  const Tuple before = t;
  CameraMove move;
  move.new_from_cam = NewFromCam(90, 0, 0);
  MoveTuple(move, Border::kBlack, &t);
  const auto expect_turned = [](const auto& is, const auto& was, const char* what) {
    for (int y = 0; y < was.height; ++y) {
      for (int x = 0; x < was.width; ++x) {
        // (x, y) relative to the centre goes to (-y, x).
        for (int c = 0; c < was.channels; ++c) {
          ASSERT_EQ(is.at(was.width - 1 - y, x, c), was.at(x, y, c))
              << what << " " << x << " " << y;
        }
      }
    }
  };
  expect_turned(t.rgb, before.rgb, "rgb");
  expect_turned(t.alpha, before.alpha, "alpha");
  expect_turned(t.mask, before.mask, "mask");
  expect_turned(t.depth, before.depth, "depth");
}

TEST(MoveTuple, FlippedTwiceIsTheSame) {
  for (uint64_t i = 0; i < 20; ++i) {
    Tuple t = ConsistentTuple(10, i);
    const Tuple before = t;
    CameraMove move;
    move.flip = true;
    MoveTuple(move, Border::kMirror, &t);
    EXPECT_NE(t.handedness, before.handedness);
    EXPECT_NE(t.rgb.pixels, before.rgb.pixels);
    MoveTuple(move, Border::kMirror, &t);
    EXPECT_EQ(t.handedness, before.handedness);
    EXPECT_EQ(t.rgb.pixels, before.rgb.pixels);
    EXPECT_EQ(t.alpha.pixels, before.alpha.pixels);
    EXPECT_EQ(t.depth.pixels, before.depth.pixels);
    EXPECT_EQ(t.mask.pixels, before.mask.pixels);
    EXPECT_EQ(t.bbox_px, before.bbox_px);
    EXPECT_EQ(t.visible, before.visible);
  }
}

TEST(MoveTuple, AShiftByWholePixelsCopiesThemAndKeeps3D) {
  Tuple t = ConsistentTuple(11, 0);
  const Tuple before = t;
  CameraMove move;
  move.shift_px = {6, -4};  // 3 and -2 pixels of rgb
  MoveTuple(move, Border::kBlack, &t);
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      const bool from_before = before.mask.Contains(x - 6, y + 4);
      ASSERT_EQ(t.mask.at(x, y), from_before ? before.mask.at(x - 6, y + 4) : 0);
      ASSERT_EQ(t.depth.at(x, y), from_before ? before.depth.at(x - 6, y + 4) : 0);
    }
  }
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 32; ++x) {
      const bool from_before = before.rgb.Contains(x - 3, y + 2);
      ASSERT_EQ(t.rgb.at(x, y, 1), from_before ? before.rgb.at(x - 3, y + 2, 1) : 0);
    }
  }
  EXPECT_EQ(t.joints_in_cam, before.joints_in_cam);
  EXPECT_LT((t.joints_px - before.joints_px - Eigen::RowVector2d(6, -4).replicate(kNumJoints, 1))
                .cwiseAbs()
                .maxCoeff(),
            1e-4);
  EXPECT_FLOAT_EQ(t.bbox_px[0], std::max(-0.5f, before.bbox_px[0] + 6));
}

TEST(MoveTuple, DepthOfAWallIsThatOfTheTiltedWall) {
  Tuple t = ConsistentTuple(12, 0);
  std::fill(t.depth.pixels.begin(), t.depth.pixels.end(), 5000);
  CameraMove move;
  move.new_from_cam = NewFromCam(10, 15, -8);
  MoveTuple(move, Border::kBlack, &t);
  // The wall z = 500: its points s r, with r a ray of the new camera, have (R^T s r).z = 500.
  int pixels = 0;
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      if (t.depth.at(x, y) == 0) continue;
      ++pixels;
      const double z = 500 / (move.new_from_cam.transpose() * t.camera.Ray({x, y})).z();
      ASSERT_NEAR(kDepthUnitMm * t.depth.at(x, y), z, 0.051);
    }
  }
  EXPECT_GT(pixels, 1000);
}

TEST(MoveTuple, SaysWhichJointsLeftAndWhichCameIn) {
  Tuple t = ConsistentTuple(13, 0);
  t.joints_px.col(0).setConstant(32);
  t.joints_px.col(1).setConstant(32);
  t.joints_px.row(kIndexTip) << 60, 32;
  t.joints_px.row(kLittleTip) << -4, 32;
  t.visible.fill(kHiddenByHand);
  t.visible[kLittleTip] = kOutOfFrame;
  for (int j = 0; j < kNumJoints; ++j) {
    t.joints_in_cam.row(j) = 500 * t.camera.Ray(t.joints_px.row(j)).transpose();
  }
  // In a crop, but beyond the picture that it was cut from.
  Tuple imported = t;
  imported.source = Source::kImported;
  imported.visible[kRingTip] = kOutOfFrame;
  CameraMove move;
  move.shift_px = {8, 0};
  MoveTuple(move, Border::kMirror, &t);
  EXPECT_EQ(t.visible[kIndexTip], kOutOfFrame);
  EXPECT_EQ(t.visible[kLittleTip], kVisibilityUnknown);
  EXPECT_EQ(t.visible[kWrist], kHiddenByHand);
  MoveTuple(move, Border::kMirror, &imported);
  EXPECT_EQ(imported.visible[kRingTip], kOutOfFrame);
  EXPECT_EQ(imported.visible[kIndexTip], kOutOfFrame);
  EXPECT_EQ(imported.visible[kLittleTip], kVisibilityUnknown);
}

TEST(MoveTuple, LeavesAloneWhatIsNotThere) {
  Tuple t;
  t.camera = PinholeCamera::Centred(64, 150);
  t.rgb = ImageU8(32, 32, 3);
  t.depth = ImageU16(64, 64);
  t.mask = ImageU8(64, 64);
  t.visible.fill(kVisibilityUnknown);
  t.present = kHasRgb;
  Random random(14, 0, 0, Purpose::kTest);
  MoveTuple(Everything(&random), Border::kMirror, &t);
  EXPECT_TRUE(t.joints_in_cam.isZero(0));
  EXPECT_TRUE(t.joints_px.isZero(0));
  EXPECT_EQ(t.visible[0], kVisibilityUnknown);
  EXPECT_EQ(t.bbox_px, (std::array<float, 4>{}));
  EXPECT_EQ(t.rig.origin_in_cam_mm[3][2], 0);
}

TEST(MoveTuple, BoxWithoutAMaskEnclosesTheMovedBox) {
  Tuple t = ConsistentTuple(15, 0);
  t.present &= ~static_cast<uint32_t>(kHasMask | kHasDepth);
  t.bbox_px = {19.5f, 9.5f, 20, 30};
  t.camera.cx = t.camera.cy = 31.5;
  CameraMove move;
  move.new_from_cam = NewFromCam(90, 0, 0);
  MoveTuple(move, Border::kMirror, &t);
  EXPECT_NEAR(t.bbox_px[0], 63 - 9.5 - 30, 1e-4);
  EXPECT_NEAR(t.bbox_px[1], 19.5, 1e-4);
  EXPECT_NEAR(t.bbox_px[2], 30, 1e-4);
  EXPECT_NEAR(t.bbox_px[3], 20, 1e-4);
}

// A hand that the picture cuts off ends where its mask does.
TEST(MoveTuple, OnlyBackgroundIsContinuedBeyondTheEdge) {
  for (uint64_t i = 0; i < 50; ++i) {
    Random random(41, i, 0, Purpose::kTest);
    Tuple t = ConsistentTuple(42, i);
    std::fill(t.mask.pixels.begin(), t.mask.pixels.end(), kPartBackground);
    std::fill(t.rgb.pixels.begin(), t.rgb.pixels.end(), 40);
    // From the left edge into the picture, a band of skin.
    const int scale = t.mask.width / t.rgb.width, half = t.rgb.width / 2;
    for (int y = half - 5; y < half + 5; ++y) {
      for (int x = 0; x < half; ++x) {
        for (int c = 0; c < 3; ++c) t.rgb.at(x, y, c) = 200;
        for (int k = 0; k < scale * scale; ++k) {
          t.mask.at(scale * x + k % scale, scale * y + k / scale) = kPartFirstSegment;
        }
      }
    }
    CameraMove move;
    move.shift_px = {0.2 * t.mask.width, random.Uniform(-5, 5)};
    const double angle = random.Uniform(-0.5, 0.5);
    move.new_from_cam = Eigen::AngleAxisd(angle, Eigen::Vector3d::UnitZ()).toRotationMatrix();
    MoveTuple(move, Border::kReplicate, &t);
    int skin = 0, wrong = 0;
    for (int y = 0; y < t.rgb.height; ++y) {
      for (int x = 0; x < t.rgb.width; ++x) {
        const bool is_hand = t.mask.at(scale * x, scale * y) != kPartBackground;
        skin += is_hand;
        // Between the two is what lies at an edge.
        wrong += is_hand ? t.rgb.at(x, y, 0) < 60 : t.rgb.at(x, y, 0) > 180;
      }
    }
    EXPECT_GT(skin, 40) << i;
    EXPECT_LE(wrong, 3) << i;
  }
}

}  // namespace
}  // namespace handforge
