// Scenes with objects, two hands, several views and frames, and the layers read off them.
#include "io/augment/mirror.h"
#include "io/core/error.h"
#include "render/layers.h"
#include "render/scene_sampler.h"
#include "render/solids.h"
#include "render/tuple_renderer.h"
#include "tests/io/error_matchers.h"
#include "tests/render/render_testing.h"

#include <cmath>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

using Eigen::Vector3d;

RenderOptions SmallOptions() {
  RenderOptions options;
  options.seed = 6;
  options.image_px = 96;
  options.rgb_px = 48;
  options.rig = SourcePath("configs/rigs/generic-hand.yaml");
  options.pose.gestures = SourcePath("configs/poses/gestures.yaml");
  return options;
}

std::vector<Tuple> Rendered(const RenderWorld& world, uint64_t count) {
  TupleRenderer renderer(world);
  std::map<std::string, uint64_t> rejections;
  std::vector<Tuple> tuples;
  for (uint64_t i = 0; i < count; ++i) tuples.push_back(renderer.Render(i, &rejections));
  return tuples;
}

// All triangles of the hand and of what stands beside it, one by one, without any hierarchy
// (Moller and Trumbore 1997).
uint8_t ExhaustiveVisibility(const HandScene& scene, const Vector3d& joint, int j) {
  double nearest = 1e30;
  HandScene::Place first{-1, 0};
  const Vector3d d = joint / joint.z();
  for (int body = 0; body <= static_cast<int>(scene.surroundings().size()); ++body) {
    const auto& x = scene.VerticesOf(body);
    const auto& triangles =
        body == 0 ? scene.rig().triangles : scene.surroundings()[body - 1].mesh.triangles;
    for (size_t t = 0; t < triangles.size(); ++t) {
      const auto& [a, b, c] = triangles[t];
      const Vector3d p = x[a].cast<double>();
      const Vector3d e1 = x[b].cast<double>() - p, e2 = x[c].cast<double>() - p;
      const Vector3d h = d.cross(e2);
      const double det = e1.dot(h);
      if (std::abs(det) < 1e-12) continue;
      const double u = -p.dot(h) / det;
      const Vector3d q = (-p).cross(e1);
      const double v = d.dot(q) / det, distance = e2.dot(q) / det;
      if (u < 0 || v < 0 || u + v > 1 || distance <= 1 || distance >= nearest) continue;
      nearest = distance;
      first = {body, static_cast<int>(t)};
    }
  }
  if (first.body < 0) return kHiddenByHand;
  const uint8_t part = scene.PartAt(first);
  const double before = joint.z() - nearest;
  if (PartTouchesJoint(part, j) && before <= 30 && before >= -3) return kVisible;
  if (part == kPartForearm) return kHiddenByArm;
  if (part == kPartObject) return kHiddenByOccluder;
  return part == kPartOtherHand ? kHiddenByOtherHand : kHiddenByHand;
}

TEST(Scene, VisibilityBehindObjectsAndHandsAgreesWithAnExhaustiveTest) {
  RenderOptions options = SmallOptions();
  options.objects.in_hand = options.objects.before_hand = 0.7;
  options.two_hands = 1;
  options.left_hands = 0;
  const RenderWorld world = RenderWorld::Load(options);
  HandScene scene(world.rig, world.objects);
  int agree = 0, all = 0;
  std::map<int, int> codes;
  for (Tuple& t : Rendered(world, 60)) {
    const auto stored = t.visible;
    if (t.handedness == Handedness::kLeft) MirrorTuple(&t);
    RenderLabels(&scene, &t);
    for (int j = 0; j < kNumJoints; ++j) {
      if (stored[j] == kOutOfFrame) continue;
      ++all;
      ++codes[stored[j]];
      agree += stored[j] == ExhaustiveVisibility(scene, t.joints_in_cam.row(j), j);
    }
  }
  EXPECT_GE(agree, 0.999 * all) << agree << " of " << all;
  for (const int code : {kVisible, kHiddenByHand, kHiddenByOccluder, kHiddenByOtherHand}) {
    EXPECT_GT(codes[code], all / 200) << "code " << code;
  }
}

TEST(Scene, MasksAreDisjointCoverTheForegroundAndAgreeWithInstances) {
  RenderOptions options = SmallOptions();
  options.objects.in_hand = options.objects.before_hand = 0.6;
  options.two_hands = 0.5;
  options.layers = {"instance"};
  const RenderWorld world = RenderWorld::Load(options);
  std::map<int, int> shown;
  for (const Tuple& t : Rendered(world, 24)) {
    for (size_t i = 0; i < t.mask.pixels.size(); ++i) {
      const int part = t.mask.pixels[i], instance = t.instance.pixels[i];
      ASSERT_EQ(part == 0, t.depth.pixels[i] == 0);
      ASSERT_EQ(part == 0, instance == kInstanceBackground);
      ASSERT_EQ(part >= kPartPalm && part <= kPartLastSegment, instance == kInstanceHand);
      ASSERT_EQ(part == kPartForearm, instance == kInstanceArm);
      ASSERT_EQ(part == kPartOtherHand, instance == kInstanceOtherHand);
      ASSERT_EQ(part == kPartObject, instance >= kInstanceFirstObject);
      ASSERT_LE(part, kPartOtherHand);
      ++shown[part >= kPartForearm ? part : 1];
    }
  }
  for (const int part : {1,
                         static_cast<int>(kPartForearm),
                         static_cast<int>(kPartObject),
                         static_cast<int>(kPartOtherHand)}) {
    EXPECT_GT(shown[part], 500) << "part " << part;
  }
}

TEST(Scene, RowsAreRenderedAgainFromTheirRecordAlone) {
  RenderOptions options = SmallOptions();
  options.objects.in_hand = options.objects.beneath = options.objects.before_hand = 0.4;
  options.objects.sleeve = options.objects.other_hand = 0.5;
  options.two_hands = 0.4;
  options.layers = kLayerNames;
  const RenderWorld world = RenderWorld::Load(options);
  HandScene scene(world.rig, world.objects);
  for (const Tuple& stored : Rendered(world, 16)) {
    Tuple t = stored;
    const bool left = t.handedness == Handedness::kLeft;
    if (left) MirrorTuple(&t);
    t.joints_in_cam = JointsOf(world.rig, ToBonePoses(t.rig));
    RenderLabels(&scene, &t);
    RenderLayers(scene, {"instance", "normals", "correspondence", "visible_fraction"}, nullptr, &t);
    if (left) MirrorTuple(&t);
    EXPECT_EQ(t.depth.pixels, stored.depth.pixels);
    EXPECT_EQ(t.mask.pixels, stored.mask.pixels);
    EXPECT_EQ(t.visible, stored.visible);
    EXPECT_EQ(t.normals.pixels, stored.normals.pixels);
    EXPECT_EQ(t.correspondence.pixels, stored.correspondence.pixels);
    EXPECT_EQ(t.visible_fraction, stored.visible_fraction);
  }
}

TEST(Scene, BothHandsOfAPictureAreTwoRowsOfIt) {
  RenderOptions options = SmallOptions();
  options.two_hands = 1;
  const RenderWorld world = RenderWorld::Load(options);
  const auto rows = Rendered(world, 12);
  for (size_t i = 0; i < rows.size(); i += 2) {
    const Tuple &a = rows[i], &b = rows[i + 1];
    EXPECT_EQ(a.image_id, b.image_id);
    EXPECT_EQ(a.subject, b.subject) << "one person's";
    EXPECT_NE(a.handedness, b.handedness);
    EXPECT_EQ(a.rgb.pixels, b.rgb.pixels);
    EXPECT_EQ(a.camera.K(), b.camera.K());
    int differ = 0;
    for (size_t p = 0; p < a.depth.pixels.size(); ++p) {
      differ += std::abs(a.depth.pixels[p] - b.depth.pixels[p]) > 1;
      // What is the one's hand or arm is "the other hand" to the other.
      const uint8_t pa = a.mask.pixels[p], pb = b.mask.pixels[p];
      if (pa != 0 && pa != kPartOtherHand && pb != 0) {
        differ += pb != kPartOtherHand && pb != kPartObject;
      }
    }
    EXPECT_LE(differ, 3) << "rounding at the border of triangles";
  }
}

// More key poses than a seed has streams for (128): neither repeats, nor is one hand the other's.
TEST(Scene, LongSequencesDoNotRepeatThemselves) {
  RenderOptions options = SmallOptions();
  options.two_hands = 1;
  options.sequence_frames = 128 * kFramesPerKey;
  const RenderWorld world = RenderWorld::Load(options);
  const SceneSampler sampler(world.options, world.rig, world.gestures, world.objects);
  std::map<std::string, uint64_t> rejections;
  const Scene scene = sampler.Draw(AddressOf(0, options), &rejections);
  std::set<std::vector<double>> poses;
  size_t keys = 0;
  for (const SceneHand& hand : scene.hands) {
    for (const SampledPose& key : hand.keys) {
      poses.insert({key.angles_deg.begin(), key.angles_deg.end()});
      ++keys;
    }
  }
  EXPECT_GT(keys, 256u);
  EXPECT_EQ(poses.size(), keys);
}

// Key 1 is that of frame 0.
TEST(Scene, FramesHaveTheGestureOfTheNearestKey) {
  const RenderOptions options = SmallOptions();
  const ObjectLibrary objects;
  const SceneSampler sampler(options, TestRig(), TestGestures(), objects);
  SceneHand hand;
  hand.keys.resize(4);
  for (int key = 0; key < 4; ++key) hand.keys[static_cast<size_t>(key)].gesture = 10 + key;
  EXPECT_EQ(sampler.GestureAt(hand, 0), 11);
  EXPECT_EQ(sampler.GestureAt(hand, kFramesPerKey / 2 - 1), 11);
  EXPECT_EQ(sampler.GestureAt(hand, kFramesPerKey / 2 + 1), 12);
  EXPECT_EQ(sampler.GestureAt(hand, kFramesPerKey), 12);
}

// Parts of the surface that are of the forearm's bone.
std::set<int> ForearmVertices(const RenderWorld& world) {
  std::set<int> vertices;
  for (size_t t = 0; t < world.rig.triangles.size(); ++t) {
    if (world.rig.triangle_part[t] != kPartForearm) continue;
    vertices.insert(world.rig.triangles[t].begin(), world.rig.triangles[t].end());
  }
  return vertices;
}

// How deep skin lies in the forearm of a pose, which is as thick as its own skin is on average at
// that distance from the wrist.
double DepthInForearmMm(const std::vector<Vector3d>& skin_mm,
                        const BonePoses& poses,
                        const std::vector<Vector3d>& forearm_skin_mm) {
  constexpr double kRingMm = 15;
  const auto in_forearm = [&](const Vector3d& x) -> Vector3d {
    return poses.rotation[kForearmBone].transpose() * (x - poses.origin_mm[kForearmBone]);
  };
  std::map<int, std::vector<Vector3d>> rings;
  for (const Vector3d& x : forearm_skin_mm) {
    const Vector3d local = in_forearm(x);
    rings[static_cast<int>(std::floor(local.z() / kRingMm))].push_back(local);
  }
  double deepest = 0;
  for (const Vector3d& x : skin_mm) {
    const Vector3d local = in_forearm(x);
    const auto ring = rings.find(static_cast<int>(std::floor(local.z() / kRingMm)));
    if (ring == rings.end()) continue;
    Vector3d middle = Vector3d::Zero();
    for (const Vector3d& y : ring->second) middle += y / static_cast<double>(ring->second.size());
    double radius = 0;
    for (const Vector3d& y : ring->second) {
      radius += (y - middle).head<2>().norm() / static_cast<double>(ring->second.size());
    }
    deepest = std::max(deepest, radius - (local - middle).head<2>().norm());
  }
  return deepest;
}

std::vector<Vector3d> ForearmSkin(const RenderWorld& world, const BonePoses& poses) {
  std::vector<Eigen::Vector3f> surface;
  PoseSurface(world.rig, poses, &surface);
  std::vector<Vector3d> skin;
  for (const int v : ForearmVertices(world)) {
    skin.push_back(surface[static_cast<size_t>(v)].cast<double>());
  }
  return skin;
}

TEST(Scene, TwoHandsKeepApart) {
  RenderOptions options = SmallOptions();
  options.two_hands = 1;
  const RenderWorld world = RenderWorld::Load(options);
  const SceneSampler sampler(world.options, world.rig, world.gestures, world.objects);
  std::map<std::string, uint64_t> rejections;
  for (uint64_t i = 0; i < 80; i += 2) {
    const Scene scene = sampler.Draw(AddressOf(i, options), &rejections);
    ASSERT_EQ(scene.hands.size(), 2u);
    Joints3 second =
        scene.mirrored_from_second.Apply(JointsOf(world.rig, sampler.PosesAt(scene.hands[1], 0)));
    second.col(0) *= -1;
    const Joints3 first = JointsOf(world.rig, sampler.PosesAt(scene.hands[0], 0));
    double nearest = 1e9;
    for (int a = 0; a < kNumJoints; ++a) {
      for (int b = 0; b < kNumJoints; ++b) {
        nearest = std::min(nearest, (first.row(a) - second.row(b)).norm());
      }
    }
    EXPECT_GT(nearest, 8) << "scene " << i;
    EXPECT_LT(nearest, 250) << "scene " << i;

    const BonePoses poses = sampler.PosesAt(scene.hands[0], 0);
    std::vector<Vector3d> arm =
        ForearmSkin(world, sampler.PosesAt(scene.hands[1], 0).Moved(scene.mirrored_from_second));
    for (Vector3d& x : arm) x.x() *= -1;
    EXPECT_LT(DepthInForearmMm(arm, poses, ForearmSkin(world, poses)), 8) << "scene " << i;
  }
}

// The skin in millimetres, camera frame; as a right hand.
std::vector<Eigen::Vector3f> Surface(const RenderWorld& world, const Tuple& tuple) {
  std::vector<Eigen::Vector3f> surface;
  PoseSurface(world.rig, ToBonePoses(tuple.rig), &surface);
  return surface;
}

TEST(Scene, HandsLieOnWhatIsBeneathThem) {
  RenderOptions options = SmallOptions();
  options.left_hands = 0;
  options.objects.beneath = 1;
  const RenderWorld world = RenderWorld::Load(options);
  const std::set<int> forearm = ForearmVertices(world);
  int palm_down = 0, arms_sunk = 0;
  for (const Tuple& t : Rendered(world, 30)) {
    const SceneObject& slab = t.objects[0];
    ASSERT_EQ(slab.shape, static_cast<int>(Solid::kBox));
    const float top = slab.size_mm[2] / 2;
    const auto above_mm = [&](const Eigen::Vector3f& x_in_cam) {
      return ObjectLibrary::InObject(slab, x_in_cam).z() - top;
    };
    const auto surface = Surface(world, t);
    float lowest = 1e9f;
    for (int v = 0; v < static_cast<int>(surface.size()); ++v) {
      if (forearm.count(v) == 0) lowest = std::min(lowest, above_mm(surface[v]));
    }
    EXPECT_GT(lowest, -8) << "sinks in, tuple " << t.index;
    const BonePoses poses = ToBonePoses(t.rig);
    EXPECT_GT(above_mm(poses.origin_mm[kForearmBone].cast<float>()), 0) << t.index;
    arms_sunk += std::any_of(forearm.begin(), forearm.end(), [&](int v) {
      const auto at = ObjectLibrary::InObject(slab, surface[static_cast<size_t>(v)]);
      return std::abs(at.x()) < slab.size_mm[0] / 2 && std::abs(at.y()) < slab.size_mm[1] / 2 &&
             above_mm(surface[static_cast<size_t>(v)]) < -10;
    });
    EXPECT_GT(above_mm(Eigen::Vector3f::Zero()), 30) << "the camera, tuple " << t.index;
    const Eigen::Vector3f back = poses.rotation[kPalmBone].col(1).cast<float>();
    palm_down += above_mm(back) > above_mm(Eigen::Vector3f::Zero());
  }
  EXPECT_GT(palm_down, 18) << "of 30";
  EXPECT_LE(arms_sunk, 2) << "of 30";
}

TEST(Scene, MovingHandsLieOnNothing) {
  RenderOptions options = SmallOptions();
  options.objects.beneath = 0.5;
  EXPECT_NO_THROW(options.Check());
  options.sequence_frames = 2;
  EXPECT_THAT([&] { options.Check(); },
              testing::ThrowsMessage<UsageError>(testing::HasSubstr("render.objects.beneath")));
}

TEST(Scene, SleevesHoldForearmsAndFollowThem) {
  RenderOptions options = SmallOptions();
  options.left_hands = 0;
  options.objects.sleeve = 1;
  options.sequence_frames = 5;
  const RenderWorld world = RenderWorld::Load(options);
  const std::set<int> forearm = ForearmVertices(world);
  Eigen::Vector3d first = Eigen::Vector3d::Zero();
  int held = 0;
  for (const Tuple& t : Rendered(world, 30)) {
    const SceneObject& sleeve = t.objects[0];
    ASSERT_EQ(sleeve.shape, static_cast<int>(Solid::kSleeve));
    const auto surface = Surface(world, t);
    for (int v : forearm) {
      const Eigen::Vector3f x = ObjectLibrary::InObject(sleeve, surface[v]);
      // 0 at the cuff, 1 at the elbow: the arm is longer than the sleeve.
      const double along = x.z() / sleeve.size_mm[2] + 0.5;
      if (along < 0 || along > 0.8) continue;
      const double width = kSleeveCuff + (1 - kSleeveCuff) * along;
      EXPECT_LT(std::hypot(x.x() / sleeve.size_mm[0], x.y() / sleeve.size_mm[1]), width / 2)
          << "tuple " << t.index << " at " << along;
      ++held;
    }
    const BonePoses poses = ToBonePoses(t.rig);
    const auto& o = sleeve.origin_in_cam_mm;
    const Eigen::Vector3d in_forearm =
        poses.rotation[kForearmBone].transpose() *
        (Eigen::Vector3d(o[0], o[1], o[2]) - poses.origin_mm[kForearmBone]);
    if (t.frame == 0) first = in_forearm;
    EXPECT_LT((in_forearm - first).norm(), 0.01) << "frame " << t.frame;
  }
  EXPECT_GT(held, 1000);
}

TEST(Scene, AHandBesideTheOtherHasNoRowOfItsOwn) {
  RenderOptions options = SmallOptions();
  options.objects.other_hand = 0.7;
  const RenderWorld world = RenderWorld::Load(options);
  int beside = 0, shown = 0;
  std::set<int64_t> pictures;
  for (const Tuple& t : Rendered(world, 40)) {
    pictures.insert(t.image_id);
    const auto& mask = t.mask.pixels;
    const auto others = std::count(mask.begin(), mask.end(), kPartOtherHand);
    EXPECT_TRUE(others == 0 || t.other_hand != OtherHand::kNone);
    beside += t.other_hand == OtherHand::kOppositeSide;
    shown += others > 0;
    // The camera looks at the hand that has the row.
    const Eigen::RowVector2d low = t.joints_px.colwise().minCoeff();
    const Eigen::RowVector2d high = t.joints_px.colwise().maxCoeff();
    EXPECT_LT(((low + high) / 2 - Eigen::RowVector2d(47.5, 47.5)).norm(), 0.15 * 96);
  }
  EXPECT_EQ(pictures.size(), 40u);
  EXPECT_GT(beside, 18);
  EXPECT_LT(beside, 38);
  EXPECT_GT(shown, beside / 2);
}

TEST(Scene, ViewsShareTheSceneAndMoveTheCamera) {
  RenderOptions options = SmallOptions();
  options.views = 3;
  options.left_hands = 0;
  options.objects.in_hand = 1;
  const RenderWorld world = RenderWorld::Load(options);
  const auto rows = Rendered(world, 6);
  for (int scene = 0; scene < 2; ++scene) {
    for (int view = 1; view < 3; ++view) {
      const Tuple &a = rows[3 * scene], &b = rows[3 * scene + view];
      EXPECT_EQ(b.view_id, view);
      EXPECT_EQ(a.sequence_id, b.sequence_id);
      // The same hand: distances between all joints agree; another view: places do not.
      for (int j = 1; j < kNumJoints; ++j) {
        EXPECT_NEAR((a.joints_in_cam.row(j) - a.joints_in_cam.row(0)).norm(),
                    (b.joints_in_cam.row(j) - b.joints_in_cam.row(0)).norm(),
                    1e-3);
      }
      EXPECT_GT((a.joints_in_cam - b.joints_in_cam).norm(), 20);
      EXPECT_EQ(a.objects[0].size_mm[2], b.objects[0].size_mm[2]);
    }
  }
  EXPECT_NE(rows[0].sequence_id, rows[3].sequence_id);
}

TEST(Scene, SequencesMoveSmoothly) {
  RenderOptions options = SmallOptions();
  options.sequence_frames = 24;
  options.layers = {"previous_2d"};
  const RenderWorld world = RenderWorld::Load(options);
  const auto rows = Rendered(world, 25);
  double moved = 0;
  for (int f = 1; f < 24; ++f) {
    EXPECT_EQ(rows[f].frame, f);
    EXPECT_EQ(rows[f].sequence_id, rows[0].sequence_id);
    EXPECT_EQ(rows[f].camera.K(), rows[0].camera.K());
    const double step =
        (rows[f].joints_in_cam - rows[f - 1].joints_in_cam).rowwise().norm().maxCoeff();
    EXPECT_LT(step, 35) << "mm from frame " << f - 1 << " to " << f;
    moved += step;
  }
  EXPECT_GT(moved, 30);
  EXPECT_NE(rows[24].sequence_id, rows[0].sequence_id);
}

TEST(Scene, RowsDoNotDependOnTheOrderTheyAreRenderedIn) {
  RenderOptions options = SmallOptions();
  options.sequence_frames = 2;
  options.views = 2;
  options.two_hands = 0.5;
  options.objects.in_hand = options.objects.before_hand = 0.4;
  options.objects.sleeve = options.objects.other_hand = 0.5;
  options.layers = kLayerNames;
  options.depth_sensor = "intel_creative";
  const RenderWorld world = RenderWorld::Load(options);
  constexpr uint64_t kRows = 16;
  const auto forwards = Rendered(world, kRows);
  TupleRenderer renderer(world);
  std::map<std::string, uint64_t> rejections;
  for (uint64_t i = kRows; i-- > 0;) {
    const Tuple t = renderer.Render(i, &rejections);
    EXPECT_EQ(t.index, i);
    EXPECT_EQ(t.rgb.pixels, forwards[i].rgb.pixels) << i;
    EXPECT_EQ(t.depth_sensor.pixels, forwards[i].depth_sensor.pixels) << i;
    EXPECT_EQ(t.previous_px.pixels, forwards[i].previous_px.pixels) << i;
    EXPECT_EQ(t.joints_in_cam, forwards[i].joints_in_cam) << i;
  }
}

// A hand before the camera and the joints of the frame before: what `previous_2d` says at a pixel
// must be where that bit of skin was.
TEST(Layers, PreviousPlacesAndCorrespondencesAreThoseOfTheMesh) {
  RenderOptions options = SmallOptions();
  options.sequence_frames = 12;
  options.left_hands = 0;
  options.layers = {"previous_2d", "correspondence"};
  const RenderWorld world = RenderWorld::Load(options);
  const auto rows = Rendered(world, 6);
  std::vector<Eigen::Vector3f> now, before;
  for (int f = 1; f < 6; ++f) {
    const Tuple& t = rows[f];
    PoseSurface(world.rig, ToBonePoses(t.rig), &now);
    PoseSurface(world.rig, ToBonePoses(rows[f - 1].rig), &before);
    int tested = 0;
    for (int y = 0; y < t.mask.height; ++y) {
      for (int x = 0; x < t.mask.width; ++x) {
        if (t.mask.at(x, y) == 0) {
          ASSERT_EQ(t.correspondence.at(x, y, 0), 0);
          continue;
        }
        const auto& corners = world.rig.triangles[t.correspondence.at(x, y, 0) - 1];
        const double v = t.correspondence.at(x, y, 1) / 65535.0;
        const double w = t.correspondence.at(x, y, 2) / 65535.0;
        const auto point = [&](const std::vector<Eigen::Vector3f>& surface) -> Vector3d {
          return (1 - v - w) * surface[corners[0]].cast<double>() +
                 v * surface[corners[1]].cast<double>() + w * surface[corners[2]].cast<double>();
        };
        const Eigen::Vector2d here = t.camera.Project(point(now));
        ASSERT_NEAR(here.x(), x, 0.02);
        ASSERT_NEAR(here.y(), y, 0.02);
        const Eigen::Vector2d there = t.camera.Project(point(before));
        ASSERT_NEAR(t.previous_px.at(x, y, 0), there.x(), 0.05);
        ASSERT_NEAR(t.previous_px.at(x, y, 1), there.y(), 0.05);
        ++tested;
      }
    }
    EXPECT_GT(tested, 300);
  }
}

TEST(Layers, NormalsPointToTheCameraAndMatchTheDepth) {
  RenderOptions options = SmallOptions();
  options.layers = {"normals"};
  const RenderWorld world = RenderWorld::Load(options);
  double agreement = 0;
  int n = 0, away = 0;
  for (const Tuple& t : Rendered(world, 6)) {
    const auto point = [&](int x, int y) -> Vector3d {
      return kDepthUnitMm * t.depth.at(x, y) *
             t.camera.Ray({static_cast<double>(x), static_cast<double>(y)});
    };
    for (int y = 1; y + 1 < t.mask.height; ++y) {
      for (int x = 1; x + 1 < t.mask.width; ++x) {
        const uint8_t part = t.mask.at(x, y);
        if (part == 0) continue;
        const Vector3d normal = Vector3d(t.normals.at(x, y, 0) - 128.0,
                                         t.normals.at(x, y, 1) - 128.0,
                                         t.normals.at(x, y, 2) - 128.0) /
                                127;
        ASSERT_NEAR(normal.norm(), 1, 0.02);
        away += normal.dot(point(x, y).normalized()) > 0.15;
        bool inside = true;
        for (const auto& [dx, dy] : {std::pair{1, 0}, {-1, 0}, {0, 1}, {0, -1}}) {
          inside = inside && t.mask.at(x + dx, y + dy) == part;
        }
        if (!inside) continue;
        const Vector3d across =
            (point(x + 1, y) - point(x - 1, y)).cross(point(x, y + 1) - point(x, y - 1));
        agreement += std::abs(across.normalized().dot(normal));
        ++n;
      }
    }
  }
  EXPECT_GT(n, 2000);
  EXPECT_GT(agreement / n, 0.95);
  EXPECT_LT(away, n / 50);
}

// A lone segment is an open tube: its inside may show too.
bool FacesCamera(const std::vector<Eigen::Vector3f>& x, const std::array<int, 3>& t) {
  return (x[t[1]] - x[t[0]]).cross(x[t[2]] - x[t[0]]).dot(x[t[0]]) < 0;
}

// The fraction against its definition by brute force: the segment rendered alone.
TEST(Layers, VisibleFractionIsWhatIsLeftOfTheSegmentAlone) {
  RenderOptions options = SmallOptions();
  options.image_px = 192;
  options.left_hands = 0;
  options.objects.before_hand = 0.5;
  options.layers = {"visible_fraction"};
  const RenderWorld world = RenderWorld::Load(options);
  double error = 0;
  int n = 0, hidden = 0;
  for (const Tuple& t : Rendered(world, 12)) {
    std::vector<Eigen::Vector3f> surface;
    PoseSurface(world.rig, ToBonePoses(t.rig), &surface);
    for (int s = 0; s < kNumSegments; ++s) {
      std::vector<std::array<int, 3>> own;
      for (size_t i = 0; i < world.rig.triangles.size(); ++i) {
        if (world.rig.triangle_part[i] == kPartFirstSegment + s)
          own.push_back(world.rig.triangles[i]);
      }
      RayCaster alone(surface, own);
      PrimaryHits hits;
      alone.Trace(t.camera, &hits);
      int whole = 0, seen = 0;
      for (size_t p = 0; p < hits.triangle.size(); ++p) {
        whole +=
            hits.triangle[p] != PrimaryHits::kMiss && FacesCamera(surface, own[hits.triangle[p]]);
        seen += t.mask.pixels[p] == kPartFirstSegment + s;
      }
      if (whole < 60) continue;
      const double expected = static_cast<double>(seen) / whole;
      error += std::abs(t.visible_fraction[s] - expected);
      hidden += expected < 0.5;
      ++n;
    }
  }
  EXPECT_GT(n, 100);
  EXPECT_GT(hidden, n / 10);
  EXPECT_LT(error / n, 0.07);
}

TEST(Layers, CorrespondenceRefusesTrianglesBeyondItsNumbers) {
  Rig rig;
  rig.triangles.resize(65535);
  EXPECT_NO_THROW(RequireNumberedTriangles(rig, "fine.yaml"));
  rig.triangles.resize(65536);
  EXPECT_THAT(MessageOf<UsageError>([&] { RequireNumberedTriangles(rig, "fine.yaml"); }),
              testing::HasSubstr("fine.yaml has 65536"));
}

}  // namespace
}  // namespace handforge
