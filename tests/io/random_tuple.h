#pragma once

#include "io/core/random.h"
#include "io/core/tuple.h"
#include "io/shard.h"

#include <cmath>

namespace handforge {

// A tuple whose every field holds something different: half-smooth, half-random pictures, labels
// that are exact in single precision.
inline Tuple RandomTuple(uint64_t index, const TupleLayout& layout) {
  Random random(7, index, 0, Purpose::kTest);
  const auto single = [&](double low, double high) {
    return static_cast<float>(random.Uniform(low, high));
  };
  const auto fill = [&](auto* image, double high) {
    size_t position = 0;
    for (auto& pixel : image->pixels) {
      const double smooth = high * (position++ % 97) / 97.0;
      pixel = static_cast<std::decay_t<decltype(pixel)>>(
          random.Chance(0.5) ? smooth : random.Uniform(0, high));
    }
  };
  Tuple tuple;
  tuple.seed = random.NextU64();
  tuple.index = index;
  tuple.attempt = random.NextU32();
  tuple.image_id = static_cast<int64_t>(random.NextU64());
  tuple.view_id = -static_cast<int32_t>(random.Integer(1000));
  tuple.sequence_id = static_cast<int64_t>(random.NextU64());
  tuple.frame = static_cast<int32_t>(random.Integer(1000));
  tuple.gesture = static_cast<int32_t>(random.Integer(40)) - 1;
  tuple.subject = static_cast<int64_t>(random.Integer(1000)) - 1;
  tuple.handedness = random.Chance(0.5) ? Handedness::kLeft : Handedness::kRight;
  tuple.camera = PinholeCamera::Centred(layout.image_px, single(100, 900));
  tuple.camera.fy = single(100, 900);
  for (int j = 0; j < kNumJoints; ++j) {
    for (int c = 0; c < 3; ++c) tuple.joints_in_cam(j, c) = single(-500, 500);
    for (int c = 0; c < 2; ++c) tuple.joints_px(j, c) = single(-10, 300);
    for (int c = 0; c < 3; ++c) tuple.decoded_joints_in_cam(j, c) = single(-500, 500);
    for (int c = 0; c < 2; ++c) tuple.decoded_joints_px(j, c) = single(-10, 300);
    tuple.visible[j] = static_cast<uint8_t>(random.Integer(6));
  }
  tuple.visible[3] = kVisibilityUnknown;
  for (float& value : tuple.bbox_px) value = single(0, 256);
  for (int b = 0; b < kNumBones; ++b) {
    for (float& value : tuple.rig.origin_in_cam_mm[b]) value = single(-500, 500);
    for (float& value : tuple.rig.rotation_xyzw[b]) value = single(-1, 1);
    for (float& value : tuple.rig.scale[b]) value = single(0.5, 1.5);
  }
  if (layout.photo) {
    tuple.photo = {single(0, 2),
                   single(0, 2),
                   single(0, 2),
                   single(0, 2),
                   single(0, 1),
                   single(0, 1),
                   single(0, 95)};
  }
  tuple.rgb = ImageU8(layout.rgb_px, layout.rgb_px, 3);
  tuple.depth = ImageU16(layout.image_px, layout.image_px);
  tuple.mask = ImageU8(layout.image_px, layout.image_px);
  fill(&tuple.rgb, 255);
  fill(&tuple.depth, 65535);
  fill(&tuple.mask, 18);
  const int px = layout.image_px;
  if (layout.Has("objects")) {
    for (SceneObject& object : tuple.objects) {
      object.shape = static_cast<int32_t>(random.Integer(7)) - 1;
      for (float& value : object.size_mm) value = single(-100, 100);
      for (float& value : object.rotation_xyzw) value = single(-1, 1);
      for (float& value : object.origin_in_cam_mm) value = single(-500, 500);
    }
  }
  if (layout.Has("other_hand")) {
    tuple.other_hand = static_cast<OtherHand>(random.Integer(3));
    for (int b = 0; b < kNumBones; ++b) {
      for (float& value : tuple.other_rig.origin_in_cam_mm[b]) value = single(-500, 500);
      for (float& value : tuple.other_rig.rotation_xyzw[b]) value = single(-1, 1);
      for (float& value : tuple.other_rig.scale[b]) value = single(0.5, 1.5);
    }
  }
  const auto picture = [&](const char* column, auto* image, int channels, double high) {
    if (!layout.Has(column)) return;
    *image = std::decay_t<decltype(*image)>(px, px, channels);
    fill(image, high);
  };
  picture("depth_sensor", &tuple.depth_sensor, 1, 65535);
  picture("instance", &tuple.instance, 1, 6);
  picture("normals", &tuple.normals, 3, 255);
  picture("correspondence", &tuple.correspondence, 3, 65535);
  picture("previous_2d", &tuple.previous_px, 2, 256);
  if (layout.Has("visible_fraction")) {
    for (float& value : tuple.visible_fraction) value = single(0, 1);
  }
  if (layout.Has("crop")) {
    for (float& value : tuple.crop_from_cam) value = single(-1, 1);
    for (float& value : tuple.picture_K) value = single(0, 600);
  }
  if (layout.lineage) {
    tuple.latent_method = static_cast<uint8_t>(random.Integer(8));
    for (int64_t& parent : tuple.parents) parent = random.Integer(1000) - 1;
    tuple.quality_cycle_rgb_mm = single(0, 50);
    tuple.quality_cycle_2d_mm = single(0, 50);
  }
  if (layout.rgb_rendered) {
    tuple.rgb_rendered = ImageU8(layout.rgb_px, layout.rgb_px, 3);
    fill(&tuple.rgb_rendered, 255);
  }
  if (layout.small_px > 0) {
    tuple.rgb_small = ImageU8(layout.small_px, layout.small_px, 3);
    tuple.depth_small = ImageU16(layout.small_px, layout.small_px);
    tuple.mask_small = ImageU8(layout.small_px, layout.small_px);
    fill(&tuple.rgb_small, 255);
    fill(&tuple.depth_small, 65535);
    fill(&tuple.mask_small, 18);
  }
  tuple.present = random.NextU32();
  tuple.labelled = random.Chance(0.5);
  tuple.split = static_cast<Split>(random.Integer(3));
  tuple.source = static_cast<Source>(random.Integer(4));
  if (layout.decoded) {
    tuple.alpha = ImageU8(layout.rgb_px, layout.rgb_px);
    fill(&tuple.alpha, 255);
    tuple.quality_residual_px = single(0, 10);
    tuple.quality_fit_mm = single(0, 10);
    tuple.quality_silhouette_iou = single(0, 1);
  } else {
    tuple.decoded_joints_in_cam.setZero();
    tuple.decoded_joints_px.setZero();
  }
  for (int i = 0; i < layout.latent_dim; ++i) tuple.z.push_back(single(-3, 3));
  return tuple;
}

}  // namespace handforge
