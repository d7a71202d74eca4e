#include "render/tuple_renderer.h"

#include "io/assets.h"
#include "io/augment/mirror.h"
#include "io/core/error.h"
#include "io/files.h"
#include "render/camera_sampler.h"
#include "render/collision.h"
#include "render/hold_out.h"
#include "render/kinematics.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Geometry>

namespace handforge {
namespace {

Lighting DrawLighting(const RenderWorld& world, Random& random) {
  const LightOptions& options = world.options.light;
  Lighting lighting;
  lighting.environment =
      &world.environments[random.Integer(static_cast<int64_t>(world.environments.size()))];
  const double heading = random.Uniform(0, 2 * M_PI);
  const double tilt = random.Uniform(-1, 1) * options.tilt_deg * M_PI / 180;
  const double lean = random.Uniform(-1, 1) * options.tilt_deg * M_PI / 180;
  // Camera y points down, the probe's y up.
  const Eigen::Matrix3d upright = Eigen::Vector3d(1, -1, -1).asDiagonal();
  lighting.environment_from_cam =
      (Eigen::AngleAxisd(heading, Eigen::Vector3d::UnitY()).toRotationMatrix() * upright *
       Eigen::AngleAxisd(tilt, Eigen::Vector3d::UnitX()).toRotationMatrix() *
       Eigen::AngleAxisd(lean, Eigen::Vector3d::UnitZ()).toRotationMatrix())
          .cast<float>();
  return lighting;
}

// Throws UsageError where the hold-out leaves nothing.
std::vector<Gesture> AllowedGestures(std::vector<Gesture> gestures, const RenderOptions& options) {
  const HoldOut hold_out(options.hold_out);
  std::vector<Gesture> allowed;
  for (Gesture& g : gestures) {
    if (hold_out.AllowsGesture(g.name)) allowed.push_back(std::move(g));
  }
  if (allowed.empty()) {
    throw UsageError("render.hold_out leaves no gesture of " + options.pose.gestures +
                     " for part " + options.hold_out.part);
  }
  return allowed;
}

}  // namespace

RenderWorld RenderWorld::Load(const RenderOptions& options) {
  options.Check();
  RenderWorld world;
  world.options = options;
  world.gestures = AllowedGestures(LoadGestures(FindResource(options.pose.gestures)), options);
  RigSpec spec = RigSpec::Load(FindResource(options.rig));
  world.rig = LoadRig(spec);
  world.rig_text = spec.Text();
  const HoldOut hold_out(options.hold_out);
  for (const auto& file : HdriFiles()) {
    if (!hold_out.AllowsProbe(file.stem().string())) continue;
    try {
      world.environments.push_back(Environment::Load(file, static_cast<int>(options.light.lights)));
    } catch (const DataError& e) {
      world.skipped_environments.push_back(e.what());
    }
  }
  if (world.environments.empty()) {
    throw EnvironmentError("no usable light probe (hdri/*.exr) of part " + options.hold_out.part +
                           " in " + AssetFolder().string() + "; run tools/setup.sh");
  }
  if (!options.light.photographs.empty()) {
    world.photographs =
        PhotographFolder::Load(options.light.photographs, &world.skipped_photographs);
  }
  world.inputs_text = world.photographs.sha256() + world.rig_text + world.rig.sha256 +
                      ReadText(FindResource(options.pose.gestures));
  for (const Environment& environment : world.environments)
    world.inputs_text += environment.name() + "\n";
  return world;
}

void RenderLabels(HandScene* scene, Tuple* tuple) {
  scene->SetPose(tuple->rig);
  scene->Trace(tuple->camera);
  tuple->depth = scene->Depth();
  tuple->mask = scene->Mask();
  tuple->bbox_px = scene->HandBox();
  tuple->visible = scene->JointVisibility(tuple->joints_in_cam);
  tuple->present |= kHasDepth | kHasMask | kHasJoints3 | kHasJoints2 | kHasRig;
}

TupleRenderer::TupleRenderer(const RenderWorld& world)
    : world_(world), scene_(world.rig), shader_(world.rig) {}

Tuple TupleRenderer::Render(uint64_t index, std::map<std::string, uint64_t>* rejections) {
  Tuple tuple;
  std::string reason;
  for (uint32_t attempt = 0; attempt < world_.options.max_attempts; ++attempt) {
    if (TryRender(index, attempt, &tuple, &reason)) return tuple;
    ++(*rejections)[reason];
  }
  throw DataError("tuple " + std::to_string(index) + ": none of " +
                  std::to_string(world_.options.max_attempts) +
                  " draws was accepted, the last for " + reason +
                  "; loosen render.pose.max_penetration_mm or raise render.max_attempts");
}

ImageU8 TupleRenderer::TakePicture(const Tuple& tuple, const SkinAppearance& skin) {
  const LightOptions& options = world_.options.light;
  const auto random = [&tuple](Purpose purpose) {
    return Random(tuple.seed, tuple.index, tuple.attempt, purpose);
  };
  Random light_random = random(Purpose::kLight), backdrop_random = random(Purpose::kBackground),
         noise_random = random(Purpose::kPhotoNoise);
  const Lighting lighting = DrawLighting(world_, light_random);
  const Backdrop backdrop = DrawBackdrop(
      {options.plain_backdrop, options.photograph_backdrop}, world_.photographs, backdrop_random);
  ImageF32 picture = PaintBackdrop(backdrop,
                                   *lighting.environment,
                                   lighting.environment_from_cam,
                                   tuple.camera,
                                   static_cast<int>(world_.options.rgb_px));
  constexpr float kWhite = 0.55f;  // signal of a white surface under mean light
  Composite(
      shader_.Shade(scene_, skin, BendOf(tuple.rig), lighting), scene_.hits(), kWhite, &picture);
  return TakePhoto(picture, tuple.photo, noise_random);
}

bool TupleRenderer::TryRender(uint64_t index, uint32_t attempt, Tuple* tuple, std::string* reason) {
  const RenderOptions& options = world_.options;
  const auto random = [&](Purpose purpose) {
    return Random(options.seed, index, attempt, purpose);
  };

  // Person: shape and skin are functions of the subject, not of the tuple.
  Random subject_random(options.seed, index, 0, Purpose::kShape);
  const HoldOut hold_out(options.hold_out);
  const int64_t subject = hold_out.Subject(subject_random.Integer(options.subjects));
  Random shape_random(options.seed, static_cast<uint64_t>(subject), 1, Purpose::kShape);
  const HandShape shape = SampleShape(world_.rig, shape_random);
  const SkinAppearance skin = SubjectSkin(options.seed, subject, hold_out);

  // Pose, without parts that pass through each other.
  Random pose_random = random(Purpose::kPose);
  SampledPose pose = SamplePose(world_.gestures, options.pose, pose_random);
  SettlePose(world_.rig, shape, options.pose.max_penetration_mm, &pose.angles_deg);
  const BonePoses in_hand = ForwardKinematics(world_.rig, shape, pose.angles_deg);
  if (SelfPenetrationMm(world_.rig, in_hand) > options.pose.max_penetration_mm) {
    *reason = "self_collision";
    return false;
  }

  // Camera, and the record from which all labels follow.
  Random camera_random = random(Purpose::kCamera);
  const SampledCamera view = SampleCamera(JointsOf(world_.rig, in_hand),
                                          static_cast<int>(options.image_px),
                                          options.camera,
                                          camera_random);
  Tuple t;
  t.seed = options.seed;
  t.index = index;
  t.attempt = attempt;
  t.image_id = static_cast<int64_t>(index);
  t.gesture = pose.gesture;
  t.subject = subject;
  t.split = hold_out.SplitOf(subject, options.seed, options.validation);
  t.source = Source::kRendered;
  t.camera = view.camera.RoundedToSingle();
  t.rig = ToRigPose(in_hand.Moved(view.cam_from_hand));
  t.joints_in_cam = JointsOf(world_.rig, ToBonePoses(t.rig));
  t.joints_px = t.camera.Project(t.joints_in_cam);
  RenderLabels(&scene_, &t);
  if (scene_.HandShare() < HandScene::kLeastHandShare) {
    *reason = "hand_hidden";
    return false;
  }

  Random photo_random = random(Purpose::kPhoto);
  t.photo = DrawPhoto(options.photo, photo_random);
  t.rgb = TakePicture(t, skin);
  t.present |= kHasRgb;

  if (random(Purpose::kHandedness).Chance(options.left_hands)) MirrorTuple(&t);
  *tuple = std::move(t);
  return true;
}

}  // namespace handforge
