#include "render/scene_sampler.h"

#include "io/core/error.h"
#include "render/camera_sampler.h"
#include "render/collision.h"
#include "render/flesh.h"
#include "render/hold_out.h"
#include "render/solids.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Geometry>

namespace handforge {
namespace {

using Eigen::Matrix3d;
using Eigen::Vector3d;

const Vector3d kMirrorX(-1, 1, 1);
constexpr double kForearmHalfThicknessMm = 18.5;  // at the wrist, of a mean one (render/forearm.h)

// Distance from a line segment to a capsule's surface; negative inside. Sampled along the capsule,
// which is fine enough for placing things.
double Clearance(const Vector3d& a, const Vector3d& b, const FleshCapsule& capsule) {
  constexpr int kSteps = 8;
  double nearest = INFINITY;
  for (int i = 0; i <= kSteps; ++i) {
    const double s = static_cast<double>(i) / kSteps;
    const Vector3d x = capsule.start_mm + s * (capsule.end_mm - capsule.start_mm);
    const double radius =
        capsule.start_radius_mm + s * (capsule.end_radius_mm - capsule.start_radius_mm);
    const Vector3d ab = b - a;
    const double t = std::clamp((x - a).dot(ab) / std::max(ab.squaredNorm(), 1e-9), 0.0, 1.0);
    nearest = std::min(nearest, (x - a - t * ab).norm() - radius);
  }
  return nearest;
}

std::vector<FleshCapsule> Capsules(const Rig& rig, const BonePoses& poses) {
  std::vector<FleshCapsule> capsules;
  for (int bone = 1; bone < kForearmBone; ++bone) {
    if (rig.flesh[bone].start_radius_mm > 0) capsules.push_back(PosedCapsule(rig, poses, bone));
  }
  return capsules;
}

double Clearance(const Vector3d& a, const Vector3d& b, const std::vector<FleshCapsule>& capsules) {
  double nearest = INFINITY;
  for (const FleshCapsule& capsule : capsules) {
    nearest = std::min(nearest, Clearance(a, b, capsule));
  }
  return nearest;
}

double LowestOf(const std::vector<FleshCapsule>& capsules, const Vector3d& up) {
  double lowest = INFINITY;
  for (const FleshCapsule& c : capsules) {
    lowest = std::min(
        {lowest, c.start_mm.dot(up) - c.start_radius_mm, c.end_mm.dot(up) - c.end_radius_mm});
  }
  return lowest;
}

SceneObject ObjectAt(int shape,
                     const Vector3d& size_mm,
                     const Matrix3d& rotation,
                     const Vector3d& origin_mm) {
  SceneObject object;
  object.shape = shape;
  Eigen::Quaterniond q(rotation);
  q.normalize();
  for (int i = 0; i < 4; ++i) object.rotation_xyzw[i] = static_cast<float>(q.coeffs()[i]);
  for (int i = 0; i < 3; ++i) {
    object.size_mm[i] = static_cast<float>(size_mm[i]);
    object.origin_in_cam_mm[i] = static_cast<float>(origin_mm[i]);
  }
  return object;
}

// Value at u in [0, 1] of the Catmull-Rom curve from b to c.
double CatmullRom(double a, double b, double c, double d, double u) {
  return b + 0.5 * u * (c - a + u * (2 * a - 5 * b + 4 * c - d + u * (3 * (b - c) + d - a)));
}

// Draws of a key pose have attempts of their own; those of later keys are of further seeds.
constexpr uint32_t kDrawsPerKey = 1u << 17;
constexpr uint32_t kKeysPerSeed = (1u << 24) / kDrawsPerKey;

Random KeyRandom(uint64_t seed, uint64_t scene, uint32_t key, uint32_t draw) {
  const uint32_t further = key / kKeysPerSeed;
  if (further > 0) seed = Random(seed, further, 0, Purpose::kFurtherSeed).NextU64();
  return Random(seed, scene, key % kKeysPerSeed * kDrawsPerKey + draw, Purpose::kPose);
}

int NumKeys(const RenderOptions& options) {
  if (options.sequence_frames == 1) return 1;
  return static_cast<int>(options.sequence_frames + kFramesPerKey - 1) / kFramesPerKey + 3;
}

// A forearm's skin, which widens along z.
FleshCapsule CapsuleAround(const std::vector<Vector3d>& skin_mm) {
  FleshCapsule capsule;
  if (skin_mm.empty()) return capsule;
  double length_mm = 0;
  for (const Vector3d& x : skin_mm) length_mm = std::max(length_mm, x.z());
  const auto ring = [&](double from, double to, Vector3d* middle_mm, double* radius_mm) {
    Vector3d sum = Vector3d::Zero();
    double count = 0;
    const auto in_ring = [&](const Vector3d& x) {
      return x.z() >= from * length_mm && x.z() <= to * length_mm;
    };
    for (const Vector3d& x : skin_mm) {
      if (!in_ring(x)) continue;
      sum += x;
      ++count;
    }
    if (count == 0) return;
    *middle_mm = sum / count;
    for (const Vector3d& x : skin_mm) {
      if (in_ring(x)) *radius_mm += (x - *middle_mm).head<2>().norm() / count;
    }
  };
  ring(0, 0.3, &capsule.start_mm, &capsule.start_radius_mm);
  ring(0.7, 0.95, &capsule.end_mm, &capsule.end_radius_mm);
  const double beyond =
      (length_mm - capsule.end_mm.z()) / (capsule.end_mm.z() - capsule.start_mm.z());
  capsule.end_mm += beyond * (capsule.end_mm - capsule.start_mm);
  capsule.end_radius_mm += beyond * (capsule.end_radius_mm - capsule.start_radius_mm);
  return capsule;
}

}  // namespace

SceneSampler::SceneSampler(const RenderOptions& options,
                           const Rig& rig,
                           const std::vector<Gesture>& gestures,
                           const ObjectLibrary& objects)
    : options_(options), rig_(rig), gestures_(gestures), objects_(objects) {
  for (size_t t = 0; t < rig.triangles.size(); ++t) {
    if (rig.triangle_part[t] != kPartForearm) continue;
    for (int v : rig.triangles[t]) {
      forearm_mm_.push_back(rig.surface_rest[v].cast<double>() - rig.rest_origin[kForearmBone]);
    }
  }
  forearm_ = CapsuleAround(forearm_mm_);
}

RowAddress AddressOf(uint64_t index, const RenderOptions& options) {
  const auto views = static_cast<uint64_t>(options.views);
  const auto pictures = views * static_cast<uint64_t>(options.sequence_frames);
  const uint64_t hands = options.two_hands > 0 ? 2 : 1;
  const uint64_t group = index / (pictures * hands);
  uint64_t row = index % (pictures * hands);
  RowAddress out;
  out.scene = group * hands;
  if (hands == 2) {
    out.two_hands =
        Random(options.seed, out.scene, 0, Purpose::kTwoHands).Chance(options.two_hands);
    if (out.two_hands) {
      out.hand = static_cast<int>(row % 2);
      row /= 2;
    } else if (row >= pictures) {
      ++out.scene;
      row -= pictures;
    }
  }
  out.first_of_scene = row == 0 && out.hand == 0;
  out.first_of_picture = index - static_cast<uint64_t>(out.hand);
  out.view = static_cast<int32_t>(row % views);
  out.frame = static_cast<int32_t>(row / views);
  return out;
}

SceneHand SceneSampler::DrawHand(const RowAddress& row,
                                 int hand,
                                 std::map<std::string, uint64_t>* rejections) const {
  // Person: shape and skin are functions of the subject, not of the scene; both hands are one's.
  const HoldOut hold_out(options_.hold_out);
  Random subject_random(options_.seed, row.scene, 0, Purpose::kShape);
  SceneHand out;
  out.subject = hold_out.Subject(subject_random.Integer(options_.subjects));
  Random shape_random(options_.seed, static_cast<uint64_t>(out.subject), 1, Purpose::kShape);
  out.shape = SampleShape(rig_, options_.shape, shape_random);
  out.skin = SubjectSkin(options_.seed, out.subject, hold_out);

  // Key poses, without parts that pass through each other.
  const int keys = NumKeys(options_);
  for (int key = 0; key < keys; ++key) {
    for (uint32_t draw = 0;; ++draw) {
      if (draw == options_.max_attempts) {
        throw DataError("scene " + std::to_string(row.scene) + ": none of " + std::to_string(draw) +
                        " poses was accepted, the last for self_collision; loosen "
                        "render.pose.max_penetration_mm or raise render.max_attempts");
      }
      Random random =
          KeyRandom(options_.seed, row.scene, static_cast<uint32_t>(hand * keys + key), draw);
      SampledPose pose = SamplePose(gestures_, options_.pose, random);
      const double deepest =
          SettlePose(rig_, out.shape, options_.pose.max_penetration_mm, &pose.angles_deg);
      if (deepest <= options_.pose.max_penetration_mm) {
        out.keys.push_back(pose);
        break;
      }
      if (row.first_of_scene) ++(*rejections)["self_collision"];
    }
  }
  return out;
}

Scene SceneSampler::Draw(const RowAddress& row, std::map<std::string, uint64_t>* rejections) const {
  Scene scene;
  scene.number = row.scene;
  scene.rows = row.two_hands ? 2 : 1;
  const bool beside =
      !row.two_hands &&
      Random(options_.seed, row.scene, 2, Purpose::kTwoHands).Chance(options_.objects.other_hand);
  for (int hand = 0; hand < (beside ? 2 : scene.rows); ++hand) {
    scene.hands.push_back(DrawHand(row, hand, rejections));
  }
  Random random(options_.seed, row.scene, 0, Purpose::kOccluder);
  if (random.Chance(options_.objects.in_hand)) {
    scene.objects_at_hand.push_back(InHand(PosesAt(scene.hands[0], 0), random));
  } else if (Random lie(options_.seed, row.scene, 0, Purpose::kSupport);
             scene.hands.size() == 1 && lie.Chance(options_.objects.beneath)) {
    LayDown(PosesAt(scene.hands[0], 0), lie, &scene);
  }
  Random dress(options_.seed, row.scene, 0, Purpose::kSleeve);
  if (!forearm_mm_.empty() && dress.Chance(options_.objects.sleeve)) {
    scene.objects_at_forearm.push_back(Sleeve(scene.hands[0].shape, dress));
  }
  if (scene.hands.size() > 1) {
    constexpr double kTurnDeg = 25, kTurnBesideDeg = 70;
    Random place(options_.seed, row.scene, 1, Purpose::kTwoHands);
    PlaceSecond(beside ? kTurnBesideDeg : kTurnDeg, &scene, place);
  }
  scene.mirrored =
      Random(options_.seed, row.scene, 0, Purpose::kHandedness).Chance(options_.left_hands);
  return scene;
}

BonePoses SceneSampler::PosesAt(const SceneHand& hand, int frame) const {
  if (hand.keys.size() == 1) {
    return ForwardKinematics(rig_, hand.shape, hand.keys[0].angles_deg);
  }
  const double at = static_cast<double>(frame) / kFramesPerKey + 1;
  const int last = static_cast<int>(hand.keys.size()) - 1;
  const int i = std::clamp(static_cast<int>(std::floor(at)), 0, last - 1);
  const auto key = [&](int k) -> const HandAngles& {
    return hand.keys[std::clamp(k, 0, last)].angles_deg;
  };
  HandAngles angles;
  for (int a = 0; a < kNumAngles; ++a) {
    angles[a] = CatmullRom(key(i - 1)[a], key(i)[a], key(i + 1)[a], key(i + 2)[a], at - i);
  }
  angles = ClampToLimits(angles);
  SettlePose(rig_, hand.shape, options_.pose.max_penetration_mm, &angles);
  return ForwardKinematics(rig_, hand.shape, angles);
}

int SceneSampler::GestureAt(const SceneHand& hand, int frame) const {
  if (hand.keys.size() == 1) return hand.keys[0].gesture;
  const int key = (frame + kFramesPerKey + kFramesPerKey / 2) / kFramesPerKey;
  return hand.keys[std::clamp(key, 0, static_cast<int>(hand.keys.size()) - 1)].gesture;
}

int SceneSampler::DrawShape(Random& random) const {
  std::vector<int> shapes;
  for (const std::string& name : options_.objects.shapes) shapes.push_back(objects_.Find(name));
  for (int s = kNumSolids; s < static_cast<int>(objects_.names().size()); ++s) shapes.push_back(s);
  return shapes[random.Integer(static_cast<int64_t>(shapes.size()))];
}

// Of some places before the palm the one with most room, filled up to the flesh.
SceneObject SceneSampler::InHand(const BonePoses& poses, Random& random) const {
  constexpr int kPlaces = 24;
  constexpr double kLeastRadiusMm = 6, kLargestRadiusMm = 45, kSinksMm = 1;
  const std::vector<FleshCapsule> capsules = Capsules(rig_, poses);
  const Joints3 joints = JointsOf(rig_, poses);
  const Vector3d knuckle = joints.row(kMiddleMcp);
  Vector3d best_a = Vector3d::Zero(), best_b = best_a;
  double room = -INFINITY;
  for (int place = 0; place < kPlaces; ++place) {
    const Vector3d centre =
        knuckle +
        Vector3d(random.Uniform(-20, 15), -random.Uniform(15, 65), random.Uniform(-35, 45));
    // Mostly across the palm, as a handle lies.
    const Vector3d axis = Vector3d(1, random.Normal(0, 0.35), random.Normal(0, 0.45)).normalized();
    const double half_mm = random.Uniform(10, 75);
    const Vector3d a = centre - half_mm * axis, b = centre + half_mm * axis;
    const double clearance = Clearance(a, b, capsules);
    if (std::min(clearance, kLargestRadiusMm) <= room) continue;
    room = std::min(clearance, kLargestRadiusMm);
    best_a = a;
    best_b = b;
  }
  const int shape = DrawShape(random);
  const double radius = std::max(kLeastRadiusMm, room + kSinksMm);
  const double length = (best_b - best_a).norm() + 2 * radius;
  Vector3d size(2 * radius, 2 * radius, length);
  if (shape == static_cast<int>(Solid::kBox)) size.head<2>() *= M_SQRT1_2;
  if (shape == static_cast<int>(Solid::kSphere) || shape == static_cast<int>(Solid::kMug)) {
    size.z() = std::min(length, 2.4 * radius);
  }
  if (shape == static_cast<int>(Solid::kTorus)) size.z() = 0.5 * radius;
  if (shape >= kNumSolids) {
    const Vector3d& sides = objects_.Proportions(shape);
    size = sides * std::min({2 * radius / sides.x(), 2 * radius / sides.y(), length / sides.z()});
  }
  const Matrix3d rotation =
      Eigen::Quaterniond::FromTwoVectors(Vector3d::UnitZ(), best_b - best_a).toRotationMatrix();
  return ObjectAt(shape, size, rotation, (best_a + best_b) / 2);
}

// A slab under the lowest of the flesh. Hands lie on their palms mostly, else on the side of the
// little finger or on their backs.
void SceneSampler::LayDown(const BonePoses& poses, Random& random, Scene* scene) const {
  constexpr double kTiltDeviation = 0.3, kSinksMm = 1.5;
  constexpr int kDraws = 16;
  const double side = random.Uniform();
  Vector3d facing(0, side < 0.7 ? 1 : side < 0.9 ? 0 : -1, 0);
  if (facing.isZero()) facing.x() = -1;
  FleshCapsule wrist;
  wrist.start_mm = wrist.end_mm = poses.origin_mm[kForearmBone];
  wrist.start_radius_mm = wrist.end_radius_mm =
      kForearmHalfThicknessMm * poses.scale[kForearmBone].y();
  std::vector<FleshCapsule> hand = Capsules(rig_, poses);
  hand.push_back(wrist);
  const std::vector<FleshCapsule> arm = WholeArm(poses);

  // The hand lies on it and the arm rises from it; where no draw lets it, the one that does best.
  Vector3d up = facing;
  double least_sunk_mm = INFINITY;
  for (int draw = 0; draw < kDraws && least_sunk_mm > kSinksMm; ++draw) {
    Vector3d drawn = facing;
    for (int i = 0; i < 3; ++i) drawn[i] += random.Normal(0, kTiltDeviation);
    drawn.normalize();
    const double sunk_mm = LowestOf(hand, drawn) - LowestOf(arm, drawn);
    if (sunk_mm >= least_sunk_mm) continue;
    least_sunk_mm = sunk_mm;
    up = drawn;
  }
  const double lowest = LowestOf(hand, up) + kSinksMm;

  const Vector3d size(random.Uniform(150, 700), random.Uniform(100, 500), random.Uniform(3, 60));
  const Matrix3d rotation =
      Eigen::Quaterniond::FromTwoVectors(Vector3d::UnitZ(), up) *
      Eigen::AngleAxisd(random.Uniform(0, 2 * M_PI), Vector3d::UnitZ()).toRotationMatrix();
  const Vector3d knuckle = JointsOf(rig_, poses).row(kMiddleMcp);
  const Vector3d below(
      random.Uniform(-0.4, 0.4) * size.x(), random.Uniform(-0.4, 0.4) * size.y(), 0);
  Vector3d centre = knuckle + rotation * below;
  centre += (lowest - size.z() / 2 - centre.dot(up)) * up;
  scene->objects_at_hand.push_back(ObjectAt(static_cast<int>(Solid::kBox), size, rotation, centre));
  scene->support = Eigen::Hyperplane<double, 3>(up, -lowest);
}

// Cloth around the forearm, in the frame of its bone (z towards the elbow), as tight as it goes
// around every part of the arm and then loosened.
SceneObject SceneSampler::Sleeve(const HandShape& shape, Random& random) const {
  constexpr double kLengthMm = 270;
  Eigen::AlignedBox3d arm;
  for (const Vector3d& x : forearm_mm_) arm.extend(x);
  const double start_mm = random.Uniform(-5, 0.45 * arm.max().z());
  const double loose = random.Uniform(1.08, 1.4);
  Eigen::AlignedBox3d box;
  for (const Vector3d& x : forearm_mm_) {
    if (x.z() >= start_mm) box.extend(x);
  }
  double tight = 0;
  for (const Vector3d& x : forearm_mm_) {
    const double along = (x.z() - start_mm) / kLengthMm;
    if (along < 0 || along > 1) continue;
    const Vector3d offset = (x - box.center()).cwiseQuotient(box.sizes());
    tight =
        std::max(tight, 2 * offset.head<2>().norm() / (kSleeveCuff + (1 - kSleeveCuff) * along));
  }
  Vector3d size = loose * tight * shape.girth * box.sizes();
  size.z() = kLengthMm;
  Vector3d centre = shape.girth * box.center();
  centre.z() = start_mm + kLengthMm / 2;
  return ObjectAt(static_cast<int>(Solid::kSleeve), size, Matrix3d::Identity(), centre);
}

SceneObject SceneSampler::BeforeHand(const Joints3& joints_in_cam, Random& random) const {
  const int shape = DrawShape(random);
  const Eigen::RowVector3d low = joints_in_cam.colwise().minCoeff();
  const Eigen::RowVector3d high = joints_in_cam.colwise().maxCoeff();
  const double extent = (high - low).head<2>().maxCoeff();
  const Vector3d target =
      joints_in_cam.row(random.Integer(kNumJoints)).transpose() +
      Vector3d(random.Normal(0, 0.25) * extent, random.Normal(0, 0.25) * extent, 0);
  const double nearness = random.Uniform(0.6, 0.85);
  const double side = nearness * extent * random.Uniform(0.15, 0.5);
  Vector3d size = side * Vector3d(1, 1, random.Uniform(0.5, 2));
  if (shape == static_cast<int>(Solid::kTorus)) size.z() = side * random.Uniform(0.1, 0.3);
  if (shape >= kNumSolids) size = 1.5 * side * objects_.Proportions(shape);
  const double z = nearness * low.z();
  return ObjectAt(shape, size, AnyRotation(random), target * (z / target.z()));
}

std::vector<FleshCapsule> SceneSampler::WholeArm(const BonePoses& poses) const {
  std::vector<FleshCapsule> capsules = Capsules(rig_, poses);
  if (forearm_.start_radius_mm == 0) return capsules;
  const Vector3d& scale = poses.scale[kForearmBone];
  const auto posed = [&](const Vector3d& x_mm) -> Vector3d {
    return poses.origin_mm[kForearmBone] + poses.rotation[kForearmBone] * x_mm.cwiseProduct(scale);
  };
  const double girth = scale.head<2>().mean();
  capsules.push_back({posed(forearm_.start_mm),
                      posed(forearm_.end_mm),
                      girth * forearm_.start_radius_mm,
                      girth * forearm_.end_radius_mm});
  return capsules;
}

// The second hand stands thumb to thumb with the first, turned a little, and is moved away until
// the two are clear of each other.
void SceneSampler::PlaceSecond(double turn_deg, Scene* scene, Random& random) const {
  constexpr double kStepMm = 4, kFurthestMm = 400;
  const std::vector<FleshCapsule> first = WholeArm(PosesAt(scene->hands[0], 0));
  const BonePoses second = PosesAt(scene->hands[1], 0);
  const double turn = turn_deg * M_PI / 180;
  Rigid3& move = scene->mirrored_from_second;
  move.rotation =
      Eigen::AngleAxisd(random.TruncatedNormal(0, turn, 2),
                        Vector3d(random.Normal(), random.Normal(), random.Normal()).normalized())
          .toRotationMatrix();
  const double across = random.Uniform(40, 110);
  move.translation = {across, random.Normal(0, 20), random.Normal(0, 30)};
  for (; move.translation.x() < kFurthestMm; move.translation.x() += kStepMm) {
    bool clear = true;
    for (const FleshCapsule& c : WholeArm(second.Moved(move))) {
      // Hand 0 lives in the frame itself, hand 1 in its mirror image.
      const Vector3d a = c.start_mm.cwiseProduct(kMirrorX), b = c.end_mm.cwiseProduct(kMirrorX);
      clear = clear && Clearance(a, b, first) > std::max(c.start_radius_mm, c.end_radius_mm);
    }
    if (clear) return;
  }
}

Rigid3 SwayAt(uint64_t seed, uint64_t scene, int frame) {
  constexpr double kTurnRad = 0.25, kShiftMm = 25;
  Random random(seed, scene, 0, Purpose::kMotion);
  std::array<double, 6> value;
  for (double& v : value) {
    const double amplitude = random.Normal(0, 1);
    const double period_frames = random.Uniform(25, 70), phase = random.Uniform(0, 2 * M_PI);
    const auto wave = [&](double t) { return std::sin(2 * M_PI * t / period_frames + phase); };
    v = 0.5 * amplitude * (wave(frame) - wave(0));
  }
  const Vector3d turn = kTurnRad * Vector3d(value[0], value[1], value[2]);
  Rigid3 sway;
  if (turn.norm() > 0) {
    sway.rotation = Eigen::AngleAxisd(turn.norm(), turn.normalized()).toRotationMatrix();
  }
  sway.translation = kShiftMm * Vector3d(value[3], value[4], value[5]);
  return sway;
}

Rigid3 Mirrored(const Rigid3& a_from_b) {
  const Eigen::DiagonalMatrix<double, 3> mirror(kMirrorX);
  return {mirror * a_from_b.rotation * mirror, mirror * a_from_b.translation};
}

SceneObject Mirrored(const SceneObject& object) {
  SceneObject out = object;
  out.size_mm[0] = -out.size_mm[0];
  // A rotation seen in the mirror: its axis keeps x and changes y and z.
  out.rotation_xyzw[1] = -out.rotation_xyzw[1];
  out.rotation_xyzw[2] = -out.rotation_xyzw[2];
  out.origin_in_cam_mm[0] = -out.origin_in_cam_mm[0];
  return out;
}

SceneObject Moved(const SceneObject& object, const Rigid3& a_from_b) {
  const auto& q = object.rotation_xyzw;
  const Matrix3d rotation =
      Eigen::Quaterniond(q[3], q[0], q[1], q[2]).normalized().toRotationMatrix();
  const auto& s = object.size_mm;
  const auto& o = object.origin_in_cam_mm;
  return ObjectAt(object.shape,
                  {s[0], s[1], s[2]},
                  a_from_b.rotation * rotation,
                  a_from_b * Vector3d(o[0], o[1], o[2]));
}

}  // namespace handforge
