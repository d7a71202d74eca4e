#include "render/tuple_renderer.h"

#include "io/assets.h"
#include "io/augment/mirror.h"
#include "io/core/error.h"
#include "io/files.h"
#include "render/camera_sampler.h"
#include "render/depth_sensor.h"
#include "render/hold_out.h"
#include "render/layers.h"
#include "render/object_shading.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include <Eigen/Geometry>

namespace handforge {
namespace {

constexpr float kWhite = 0.55f;  // signal of a white surface under mean light

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

// A lamp above or beside the first camera of a scene, turned towards its hand; there it is half as
// bright to three times as bright as the probe is on average. Relative to the hand, in that
// camera's axes.
AreaLight DrawLamp(Random& random) {
  const auto uniform = [&random](double low, double high) {
    return static_cast<float>(random.Uniform(low, high));
  };
  const float x = uniform(-1, 1), y = uniform(-1, 0.2), z = uniform(-1, 0.3);
  const Eigen::Vector3f away = Eigen::Vector3f(x, y, z).normalized();
  const float distance_mm = uniform(500, 1500);
  const Eigen::Vector3f side = away.unitOrthogonal();
  const float width_mm = uniform(60, 400), height_mm = uniform(60, 400);
  AreaLight lamp;
  lamp.centre_mm = distance_mm * away;
  lamp.half_width_mm = width_mm * side;
  lamp.half_height_mm = height_mm * away.cross(side);
  const float irradiance = static_cast<float>(M_PI) * uniform(0.5, 3);
  const float warm = uniform(-0.1, 0.25);
  lamp.radiance = irradiance * distance_mm * distance_mm / (4 * width_mm * height_mm) *
                  Eigen::Vector3f(1 + warm, 1, 1 - warm);
  return lamp;
}

// The same lamp in a camera that is turned otherwise, around a hand that stands at `hand_in_cam`.
AreaLight LampFrom(const AreaLight& lamp,
                   const Eigen::Vector3d& hand_in_cam,
                   const Eigen::Matrix3f& first_from_this) {
  const Eigen::Matrix3f turn = first_from_this.transpose();
  return {hand_in_cam.cast<float>() + turn * lamp.centre_mm,
          turn * lamp.half_width_mm,
          turn * lamp.half_height_mm,
          lamp.radiance};
}

// Nothing in a still.
Rigid3 Sway(const RenderOptions& options, uint64_t scene, int frame) {
  return options.sequence_frames > 1 ? SwayAt(options.seed, scene, frame) : Rigid3();
}

// 21 joints that stand for several hands or moments: wrist and tips of all of them first.
Joints3 Representatives(const std::vector<Joints3>& seen) {
  if (seen.size() == 1) return seen[0];
  constexpr std::array<int, kNumJoints> kOrder = {
      kWrist,     kThumbTip, kMiddleTip, kIndexTip,  kLittleTip, kRingTip,   kLittleMcp,
      kIndexMcp,  kThumbMcp, kMiddlePip, kIndexPip,  kLittlePip, kRingPip,   kThumbIp,
      kMiddleMcp, kRingMcp,  kThumbCmc,  kMiddleDip, kIndexDip,  kLittleDip, kRingDip};
  Joints3 out;
  for (int j = 0; j < kNumJoints; ++j) {
    const auto n = static_cast<int>(seen.size());
    out.row(j) = seen[j % n].row(kOrder[j / n]);
  }
  return out;
}

// A camera that is nearer to a surface is in the arm, or as good as in it.
constexpr double kLeastDistanceMm = 50;
constexpr double kMostFromWithin = 0.01;

double NearestMm(const ImageU16& depth) {
  uint16_t nearest = std::numeric_limits<uint16_t>::max();
  for (const uint16_t steps : depth.pixels) {
    if (steps > 0) nearest = std::min(nearest, steps);
  }
  return nearest * kDepthUnitMm;
}

// Whether a camera stands under what the hand lies on, or hardly above.
bool SeenFromBelow(const Scene& scene, const Rigid3& cam_from_hand) {
  constexpr double kLeastSine = 0.17;
  if (!scene.support) return false;
  const Eigen::Vector3d camera_in_hand = cam_from_hand.Inverse().translation;
  return scene.support->signedDistance(camera_in_hand) < kLeastSine * camera_in_hand.norm();
}

// Copies the pixels that show `part`.
void AddPixels(const ImageF32& from, const HandScene& scene, uint8_t part, ImageF32* to) {
  const PrimaryHits& hits = scene.all_hits();
  for (size_t i = 0; i < hits.triangle.size(); ++i) {
    if (hits.triangle[i] == PrimaryHits::kMiss) continue;
    if (scene.PartAt(scene.Locate(hits.triangle[i])) != part) continue;
    std::copy_n(&from.pixels[3 * i], 3, &to->pixels[3 * i]);
  }
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
  world.environments = LoadEnvironments(
      static_cast<int>(options.light.lights),
      [&hold_out](const std::string& name) { return hold_out.AllowsProbe(name); },
      &world.skipped_environments);
  const auto& layers = options.layers;
  if (std::find(layers.begin(), layers.end(), "correspondence") != layers.end()) {
    RequireNumberedTriangles(world.rig, options.rig);
  }
  if (!options.light.photographs.empty()) {
    world.photographs =
        PhotographFolder::Load(options.light.photographs, &world.skipped_photographs);
  }
  world.skipped_objects = world.objects.AddFiles(options.objects.files);
  if (options.objects.shapes.empty() && !options.objects.files.empty() &&
      world.skipped_objects.size() == options.objects.files.size()) {
    throw DataError("render.objects.files: no file can be used; the last: " +
                    world.skipped_objects.back());
  }
  world.inputs_text = world.photographs.sha256() + world.rig_text + world.rig.sha256 +
                      ReadText(FindResource(options.pose.gestures));
  for (const std::string& sha256 : world.objects.sha256()) world.inputs_text += sha256;
  for (const Environment& environment : world.environments) {
    world.inputs_text += environment.name() + environment.sha256() + "\n";
  }
  return world;
}

void RenderLabels(HandScene* scene, Tuple* tuple) {
  scene->SetPose(tuple->rig);
  scene->SetSurroundings(*tuple);
  scene->Trace(tuple->camera);
  tuple->depth = scene->Depth();
  tuple->mask = scene->Mask();
  tuple->bbox_px = scene->HandBox();
  tuple->visible = scene->JointVisibility(tuple->joints_in_cam);
  tuple->present |= kHasDepth | kHasMask | kHasJoints3 | kHasJoints2 | kHasRig;
}

TupleRenderer::TupleRenderer(const RenderWorld& world)
    : world_(world),
      sampler_(world.options, world.rig, world.gestures, world.objects),
      gathering_shader_(world.rig),
      path_shader_(world.rig) {
  for (int hand = 0; hand < (world.options.ShowsTwoHands() ? 2 : 1); ++hand) {
    scenes_.push_back(std::make_unique<HandScene>(world.rig, world.objects));
  }
}

Tuple TupleRenderer::Render(uint64_t index, std::map<std::string, uint64_t>* rejections) {
  if (second_ && second_->index == index) {
    Tuple tuple = std::move(*second_);
    second_.reset();
    return tuple;
  }
  second_.reset();
  const RowAddress row = AddressOf(index, world_.options);
  const Scene scene = sampler_.Draw(row, rejections);
  std::vector<Tuple> tuples;
  const char* fault = nullptr;
  for (uint32_t attempt = 0; attempt < world_.options.max_attempts; ++attempt) {
    fault = TryRender(scene, row, attempt, &tuples);
    if (fault == nullptr) {
      if (tuples.size() > 1 && row.hand == 0) second_ = std::move(tuples[1]);
      return std::move(tuples[row.hand]);
    }
    if (row.hand == 0) ++(*rejections)[fault];
  }
  throw DataError(
      "tuple " + std::to_string(index) + ": none of " +
      std::to_string(world_.options.max_attempts) + " views was accepted, the last for " + fault +
      "; raise render.max_attempts, render.camera.smallest_fill (the hand has to fill 2 "
      "% of the picture) or nearest_mm, or lower render.objects.before_hand");
}

TupleRenderer::View TupleRenderer::DrawView(const Scene& scene,
                                            const RowAddress& row,
                                            uint32_t attempt) const {
  const RenderOptions& options = world_.options;
  const uint64_t hands = row.two_hands ? 2 : 1;
  View view;
  view.index = row.first_of_picture -
               hands * static_cast<uint64_t>(row.frame) * static_cast<uint64_t>(options.views);
  view.attempt = attempt;

  // The camera is aimed at all that it will see.
  std::vector<Joints3> seen;
  const int frames = static_cast<int>(options.sequence_frames), shown = std::min(frames, 4);
  for (int i = 0; i < shown; ++i) {
    const int frame = shown == 1 ? 0 : i * (frames - 1) / (shown - 1);
    const Rigid3 sway = Sway(options, row.scene, frame);
    seen.push_back(sway.Apply(JointsOf(world_.rig, sampler_.PosesAt(scene.hands[0], frame))));
    if (scene.rows == 1) continue;
    const Joints3 second =
        (Mirrored(sway) * scene.mirrored_from_second)
            .Apply(JointsOf(world_.rig, sampler_.PosesAt(scene.hands[1], frame)));
    seen.push_back(second);
    seen.back().col(0) *= -1;
  }
  const auto camera = [&](uint64_t at, uint32_t try_number) {
    Random random(options.seed, at, try_number, Purpose::kCamera);
    return SampleCamera(
        Representatives(seen), static_cast<int>(options.image_px), options.camera, random);
  };
  view.camera = camera(view.index, attempt);
  view.camera.camera = view.camera.camera.RoundedToSingle();
  const uint64_t first = view.index - hands * static_cast<uint64_t>(row.view);
  view.first_from_this =
      camera(first, 0).cam_from_hand.rotation * view.camera.cam_from_hand.rotation.transpose();

  Random object_random(options.seed, view.index, attempt + 1, Purpose::kOccluder);
  const size_t at_hand = scene.objects_at_hand.size() + scene.objects_at_forearm.size();
  if (object_random.Chance(options.objects.before_hand) && at_hand < kMaxObjects) {
    const Joints3 joints = view.camera.cam_from_hand.Apply(seen[0]);
    view.objects_before_hand.push_back(sampler_.BeforeHand(joints, object_random));
  }
  return view;
}

Tuple TupleRenderer::RecordAt(const Scene& scene, const View& view, int frame, int hand) const {
  const Rigid3 cam_from_scene =
      view.camera.cam_from_hand * Sway(world_.options, scene.number, frame);
  std::vector<RigPose> rigs = {
      ToRigPose(sampler_.PosesAt(scene.hands[0], frame).Moved(cam_from_scene))};
  if (scene.hands.size() > 1) {
    const Rigid3 mirrored = Mirrored(cam_from_scene) * scene.mirrored_from_second;
    rigs.push_back(ToRigPose(sampler_.PosesAt(scene.hands[1], frame).Moved(mirrored)));
  }
  std::vector<SceneObject> objects = view.objects_before_hand;
  for (const SceneObject& object : scene.objects_at_hand) {
    objects.push_back(Moved(object, cam_from_scene));
  }
  const BonePoses first = ToBonePoses(rigs[0]);
  const Rigid3 cam_from_forearm{first.rotation[kForearmBone], first.origin_mm[kForearmBone]};
  for (const SceneObject& object : scene.objects_at_forearm) {
    objects.push_back(Moved(object, cam_from_forearm));
  }

  Tuple t;
  t.camera = view.camera.camera;
  t.rig = rigs[hand];
  for (size_t i = 0; i < objects.size(); ++i) {
    t.objects[i] = hand == 0 ? objects[i] : Mirrored(objects[i]);
  }
  if (rigs.size() > 1) {
    t.other_hand = OtherHand::kOppositeSide;
    t.other_rig = rigs[1 - hand];
  }
  if (hand == 1) t.camera.cx = t.camera.width_px - 1 - t.camera.cx;
  t.joints_in_cam = JointsOf(world_.rig, ToBonePoses(t.rig));
  t.joints_px = t.camera.Project(t.joints_in_cam);
  return t;
}

void TupleRenderer::AddLayers(const Scene& scene, const View& view, int hand, Tuple* tuple) {
  const auto& layers = world_.options.layers;
  PreviousFrame previous;
  const bool moves = world_.options.sequence_frames > 1;
  if (moves && std::find(layers.begin(), layers.end(), "previous_2d") != layers.end()) {
    const Tuple before = RecordAt(scene, view, tuple->frame - 1, hand);
    PoseSurface(world_.rig, ToBonePoses(before.rig), &previous.surface_in_cam);
    for (Surrounding& s : SurroundingsOf(world_.rig, world_.objects, before)) {
      previous.surroundings.push_back(std::move(s.mesh));
    }
  }
  RenderLayers(*scenes_[hand], layers, moves ? &previous : nullptr, tuple);
}

ImageF32 TupleRenderer::GatheredPicture(const SceneMaterials& materials,
                                        const Lighting& lighting,
                                        const Backdrop& backdrop) {
  const HandScene& all = *scenes_[0];
  ImageF32 picture = PaintBackdrop(backdrop,
                                   *lighting.environment,
                                   lighting.environment_from_cam,
                                   all.camera(),
                                   static_cast<int>(world_.options.rgb_px));
  // Hands and objects show in different pixels.
  ImageF32 shaded =
      gathering_shader_.Shade(all, materials.hand.skin, materials.hand.bend, lighting);
  if (materials.two_hands) {
    Lighting mirrored = lighting;
    mirrored.environment_from_cam.col(0) *= -1;
    ImageF32 second = gathering_shader_.Shade(
        *scenes_[1], materials.other_hand.skin, materials.other_hand.bend, mirrored);
    MirrorImage(&second);
    AddPixels(second, all, kPartOtherHand, &shaded);
  }
  if (!all.surroundings().empty()) {
    const ObjectLighting objects{
        lighting.environment, lighting.environment_from_cam, materials.paint};
    AddPixels(ShadeObjects(all, objects), all, kPartObject, &shaded);
  }
  Composite(shaded, all.all_hits(), kWhite, &picture);
  return picture;
}

ImageF32 TupleRenderer::PathTracedPicture(const SceneMaterials& materials,
                                          const SceneLights& lights,
                                          uint64_t key,
                                          const Lighting& lighting,
                                          Backdrop backdrop) {
  const LightOptions& light = world_.options.light;
  PathShaderOptions options;
  options.samples = static_cast<int>(light.samples);
  options.bounces = static_cast<int>(light.bounces);
  options.denoise = light.denoise;
  const int side_px = static_cast<int>(world_.options.rgb_px);
  const HandScene& all = *scenes_[0];
  const ShadedLayer layer = path_shader_.Shade(all, materials, lights, options, side_px, key);

  // The light meter: somewhat less than white where the light is dim, more where it is bright.
  constexpr float kCorrected = 0.8f;
  const float gain = kWhite * std::pow(layer.mean_light, -kCorrected);
  if (backdrop.kind == Backdrop::Kind::kProbe) backdrop.gain *= gain;
  ImageF32 picture = PaintBackdrop(
      backdrop, *lighting.environment, lighting.environment_from_cam, all.camera(), side_px);
  Composite(layer, gain, &picture);
  return picture;
}

ImageU8 TupleRenderer::TakePicture(const Scene& scene,
                                   const View& view,
                                   const RowAddress& row,
                                   const std::vector<Tuple>& tuples) {
  const RenderOptions& options = world_.options;
  // Light and background belong to the scene, noise to the picture.
  const uint64_t hands = scenes_.size() > 1 && row.two_hands ? 2 : 1;
  const uint64_t first = view.index - hands * static_cast<uint64_t>(row.view);
  const bool still = options.views == 1 && options.sequence_frames == 1;
  const uint32_t attempt = still ? view.attempt : 0;
  Random light_random(options.seed, first, attempt, Purpose::kLight);
  Random backdrop_random(options.seed, first, attempt, Purpose::kBackground);
  Lighting lighting = DrawLighting(world_, light_random);
  const Eigen::Matrix3f first_from_this =
      still ? Eigen::Matrix3f::Identity() : view.first_from_this.cast<float>().eval();
  lighting.environment_from_cam *= first_from_this;
  Backdrop backdrop =
      DrawBackdrop({options.light.plain_backdrop, options.light.photograph_backdrop},
                   world_.photographs,
                   backdrop_random);
  backdrop.brightest = kSaturatedSignal / tuples[0].photo.exposure;

  SceneMaterials materials;
  materials.hand = {scene.hands[0].skin, BendOf(tuples[0].rig)};
  materials.two_hands = tuples.size() > 1;
  if (materials.two_hands) materials.other_hand = {scene.hands[1].skin, BendOf(tuples[1].rig)};
  Random paint(options.seed, first, 0, Purpose::kObjectPaint);
  for (int i = 0; i < kMaxObjects; ++i) materials.paint.push_back(DrawPaint(paint));

  ImageF32 picture;
  if (options.light.shader == "path") {
    SceneLights lights{&lighting.environment->probe(), lighting.environment_from_cam, {}};
    if (light_random.Chance(options.light.lamp)) {
      lights.lamps.push_back(
          LampFrom(DrawLamp(light_random), view.camera.cam_from_hand.translation, first_from_this));
    }
    const uint64_t key =
        Random(options.seed, row.first_of_picture, view.attempt, Purpose::kPaths).NextU64();
    picture = PathTracedPicture(materials, lights, key, lighting, backdrop);
  } else {
    picture = GatheredPicture(materials, lighting, backdrop);
  }
  Random noise_random(options.seed, row.first_of_picture, view.attempt, Purpose::kPhotoNoise);
  return TakePhoto(picture, tuples[0].photo, noise_random);
}

const char* TupleRenderer::TryRender(const Scene& scene,
                                     const RowAddress& row,
                                     uint32_t attempt,
                                     std::vector<Tuple>* tuples) {
  const RenderOptions& options = world_.options;
  const HoldOut hold_out(options.hold_out);
  const View view = DrawView(scene, row, attempt);
  if (SeenFromBelow(scene, view.camera.cam_from_hand)) return "hand_hidden";
  Random photo_random(options.seed, view.index, attempt, Purpose::kPhoto);
  const float tone = MeanLuminance(scene.hands[0].skin);
  const PhotoSettings photo = DrawPhoto(options.photo, tone, photo_random);

  // Records, and the labels that follow from them.
  tuples->clear();
  for (int hand = 0; hand < static_cast<int>(scene.hands.size()); ++hand) {
    const SceneHand& drawn = scene.hands[hand];
    Tuple t = RecordAt(scene, view, row.frame, hand);
    t.seed = options.seed;
    t.index = row.first_of_picture + static_cast<uint64_t>(hand);
    t.attempt = attempt;
    t.image_id = static_cast<int64_t>(row.first_of_picture);
    t.view_id = row.view;
    t.frame = row.frame;
    if (options.views > 1 || options.sequence_frames > 1) {
      t.sequence_id = static_cast<int64_t>(row.scene);
    }
    t.gesture = sampler_.GestureAt(drawn, row.frame);
    t.subject = drawn.subject;
    t.split = hold_out.SplitOf(drawn.subject, options.seed, options.validation);
    t.source = Source::kRendered;
    t.photo = photo;
    RenderLabels(scenes_[hand].get(), &t);
    if (hand < scene.rows) {
      if (scenes_[hand]->HandShare() < HandScene::kLeastHandShare) return "hand_hidden";
      if (NearestMm(t.depth) < kLeastDistanceMm ||
          scenes_[hand]->ShareFromWithin() > kMostFromWithin) {
        return "camera_too_near";
      }
      AddLayers(scene, view, hand, &t);
    }
    tuples->push_back(std::move(t));
  }

  const ImageU8 picture = TakePicture(scene, view, row, *tuples);
  tuples->resize(static_cast<size_t>(scene.rows));
  for (Tuple& t : *tuples) {
    const bool second = t.index != row.first_of_picture;
    t.rgb = picture;
    if (second) MirrorImage(&t.rgb);  // from the mirrored frame in which it is a right hand
    t.present |= kHasRgb;
    if (scene.mirrored != second) MirrorTuple(&t);
    if (options.depth_sensor != "off") {
      Random sensor_random(options.seed, row.first_of_picture, attempt, Purpose::kSensor);
      t.depth_sensor = SimulateDepthSensor(
          t.depth, t.camera, DepthSensorNamed(options.depth_sensor), sensor_random);
    }
  }
  return nullptr;
}

}  // namespace handforge
