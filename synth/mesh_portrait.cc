#include "synth/mesh_portrait.h"

#include "render/photo.h"
#include "synth/translation.h"

#include <cmath>
#include <utility>

namespace handforge {
namespace {

constexpr int kStudioLights = 48;
constexpr uint64_t kSkinSeed = 4;
constexpr float kBackground = 0.05F;  // linear
constexpr float kGain = 0.7F;         // signal of a white surface under mean light
constexpr int kOversampling = 2;

// A bright sky that falls off towards a dim floor, brighter on one side so that forms show.
Environment Studio() {
  ImageF32 probe(64, 32, 3);
  for (int y = 0; y < probe.height; ++y) {
    for (int x = 0; x < probe.width; ++x) {
      const float up = 1 - static_cast<float>(y) / static_cast<float>(probe.height);
      const float side = std::abs(2 * static_cast<float>(x) / static_cast<float>(probe.width) - 1);
      for (int c = 0; c < 3; ++c) probe.at(x, y, c) = 0.15F + up * (0.5F + 2 * side * side);
    }
  }
  return Environment::FromImage(std::move(probe), "studio", kStudioLights);
}

SkinAppearance OneSkin() {
  Random random(kSkinSeed, 0, 0, Purpose::kSkin);
  return SampleSkin(random);
}

// The probe's y points up, the camera's down.
Lighting StudioLight(const Environment& studio) {
  Lighting lighting;
  lighting.environment = &studio;
  lighting.environment_from_cam = Eigen::Vector3f(1, -1, -1).asDiagonal();
  return lighting;
}

}  // namespace

MeshPortrait::MeshPortrait(const Rig& rig)
    : rig_(rig), scene_(rig), shader_(rig), studio_(Studio()), skin_(OneSkin()) {}

ImageU8 MeshPortrait::Draw(const Joints3& joints_mm,
                           const Joints2& joints_px,
                           const PinholeCamera& camera) {
  const NearestHand hand = FindNearestHand(rig_, joints_mm, 0, 0, NearestHandOptions());
  const Placement placement = SolveTranslation(JointsOf(rig_, hand.poses), joints_px, camera);
  // A hand that cannot be placed is put out of the picture.
  const Eigen::Vector3d translation_mm =
      placement.in_front ? placement.translation_mm : Eigen::Vector3d(0, 0, -1e4);
  const RigPose pose = ToRigPose(hand.poses.Moved({Eigen::Matrix3d::Identity(), translation_mm}));
  scene_.SetPose(pose);
  scene_.Trace(camera.Resized(kOversampling * camera.width_px, kOversampling * camera.height_px));

  ImageF32 picture(camera.width_px, camera.height_px, 3, kBackground);
  Composite(shader_.Shade(scene_, skin_, BendOf(pose), StudioLight(studio_)),
            scene_.hits(),
            kGain,
            &picture);
  Random unused(0, 0, 0, Purpose::kPhotoNoise);  // the camera has no noise
  return TakePhoto(picture, PhotoSettings(), unused);
}

}  // namespace handforge
