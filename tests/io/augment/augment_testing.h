#pragma once

#include "io/core/random.h"
#include "io/core/tuple.h"
#include "io/hand_box.h"
#include "tests/io/core/random_geometry.h"

#include <cmath>

namespace handforge {

// A tuple whose columns agree: random joints 400 to 700 mm away and their projection, a sphere of
// radius 70 mm among them as the hand's mask and depth, a picture of smooth waves and noise. Every
// modality is present.
inline Tuple ConsistentTuple(uint64_t seed, uint64_t index, int image_px = 64, int rgb_px = 32) {
  Random random(seed, index, 0, Purpose::kTest);
  Tuple t;
  t.seed = seed;
  t.index = index;
  t.present = kHasRgb | kHasDepth | kHasMask | kHasJoints3 | kHasJoints2 | kHasAlpha | kHasRig;
  t.handedness = random.Chance(0.5) ? Handedness::kRight : Handedness::kLeft;
  t.camera = PinholeCamera::Centred(image_px, random.Uniform(1.8, 3) * image_px);
  t.camera.cx += random.Uniform(-2, 2);
  t.camera = t.camera.RoundedToSingle();
  const Eigen::Vector3d centre(0, 0, random.Uniform(400, 700));
  t.joints_in_cam = RandomJoints3(random, 25).rowwise() + centre.transpose();
  t.joints_px = t.camera.Project(t.joints_in_cam);
  t.decoded_joints_in_cam = t.joints_in_cam + RandomJoints3(random, 3);
  t.decoded_joints_px = t.camera.Project(t.decoded_joints_in_cam);
  t.visible.fill(kVisible);
  for (int b = 0; b < kNumBones; ++b) {
    const Eigen::Vector3d origin = RandomVector(random, 30) + centre;
    const Eigen::Quaterniond q(RandomRotation(random));
    for (int i = 0; i < 3; ++i) t.rig.origin_in_cam_mm[b][i] = static_cast<float>(origin[i]);
    for (int i = 0; i < 4; ++i) t.rig.rotation_xyzw[b][i] = static_cast<float>(q.coeffs()[i]);
  }
  t.mask = ImageU8(image_px, image_px);
  t.depth = ImageU16(image_px, image_px);
  for (int y = 0; y < image_px; ++y) {
    for (int x = 0; x < image_px; ++x) {
      const Eigen::Vector3d ray = t.camera.Ray({x, y});
      // |s ray - centre| = 70.
      const double a = ray.squaredNorm(), b = ray.dot(centre), c = centre.squaredNorm() - 70 * 70;
      if (b * b < a * c) continue;
      t.depth.at(x, y) =
          static_cast<uint16_t>(std::lround(10 * (b - std::sqrt(b * b - a * c)) / a));
      t.mask.at(x, y) = static_cast<uint8_t>(kPartPalm + (x / 8 + y / 8) % 16);
    }
  }
  t.bbox_px = BoxOfHand(t.mask);
  t.rgb = ImageU8(rgb_px, rgb_px, 3);
  for (uint8_t& byte : t.rgb.pixels) byte = static_cast<uint8_t>(random.Integer(256));
  t.alpha = ImageU8(rgb_px, rgb_px);
  for (uint8_t& byte : t.alpha.pixels) byte = static_cast<uint8_t>(random.Integer(256));
  return t;
}

}  // namespace handforge
