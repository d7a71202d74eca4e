#include "synth/tuple_assembler.h"

#include "render/tuple_renderer.h"
#include "synth/skin_tone.h"

#include <algorithm>
#include <cmath>

namespace handforge {

DecodedImage ImageOfRow(const DecodedBatch& batch, int row, int rgb_px) {
  DecodedImage image{ImageU8(rgb_px, rgb_px, 3), ImageU8(rgb_px, rgb_px)};
  const size_t pixels = static_cast<size_t>(rgb_px) * rgb_px;
  const uint8_t* rgba = batch.rgba.data() + 4 * pixels * row;
  for (size_t i = 0; i < pixels; ++i) {
    std::copy_n(rgba + 4 * i, 3, image.rgb.pixels.begin() + static_cast<long>(3 * i));
    image.alpha.pixels[i] = rgba[4 * i + 3];
  }
  return image;
}

float SilhouetteIou(const ImageU8& alpha, const ImageU8& mask) {
  const int cell = mask.width / alpha.width;
  if (cell < 1) return 0;
  int both = 0, either = 0;
  for (int y = 0; y < alpha.height; ++y) {
    for (int x = 0; x < alpha.width; ++x) {
      int hand = 0;
      for (int dy = 0; dy < cell; ++dy) {
        for (int dx = 0; dx < cell; ++dx) hand += mask.at(x * cell + dx, y * cell + dy) != 0;
      }
      const bool traced = 2 * hand > cell * cell, decoded = alpha.at(x, y) > 127;
      both += traced && decoded;
      either += traced || decoded;
    }
  }
  return either == 0 ? 1 : static_cast<float>(both) / static_cast<float>(either);
}

TupleAssembler::TupleAssembler(const SynthWorld& world)
    : world_(world), camera_(world.Camera()), scene_(world.rig) {
  if (world.options.rgb_rendered) shader_ = std::make_unique<HandShader>(world.rig);
}

std::string TupleAssembler::Assemble(const PlacedHand& hand,
                                     const DecodedImage& image,
                                     const DrawIdentity& identity,
                                     Tuple* tuple) {
  const SynthOptions& options = world_.options;
  Tuple t;
  t.seed = options.seed;
  t.source = Source::kDecoded;
  t.camera = camera_;
  t.rig = ToRigPose(hand.in_cam);
  t.joints_in_cam = JointsOf(world_.rig, ToBonePoses(t.rig));
  t.joints_px = t.camera.Project(t.joints_in_cam);
  t.decoded_joints_in_cam = hand.decoded_in_cam;
  t.decoded_joints_px = hand.decoded_px;

  // Depth, mask, visibility; how well the decoders agree with them.
  RenderLabels(&scene_, &t);
  if (scene_.HandShare() < options.plausibility.hand_share) return "hand_hidden";
  const auto rms = [](double squared) {
    return static_cast<float>(std::sqrt(squared / kNumJoints));
  };
  t.quality_residual_px = rms((t.decoded_joints_px - t.joints_px).squaredNorm());
  t.quality_fit_mm = rms((t.decoded_joints_in_cam - t.joints_in_cam).squaredNorm());
  t.quality_silhouette_iou = SilhouetteIou(image.alpha, t.mask);
  if (t.quality_silhouette_iou < options.plausibility.silhouette_iou) return "silhouette";

  AddPictures(image, identity, &t);
  if (options.small_px > 0) AddSmall(&t);
  *tuple = std::move(t);
  return "";
}

void TupleAssembler::AddPictures(const DecodedImage& image,
                                 const DrawIdentity& identity,
                                 Tuple* t) {
  const uint64_t seed = world_.options.seed;
  t->alpha = image.alpha;
  t->rgb = PutOnBackdrop(world_, image.rgb, image.alpha, identity.For(seed, Purpose::kBackground));
  t->present |= kHasRgb | kHasAlpha;
  if (shader_ == nullptr) return;
  t->rgb_rendered = RenderWithToneOf(image.rgb,
                                     image.alpha,
                                     world_.environments,
                                     t->rig,
                                     scene_,
                                     identity.For(seed, Purpose::kSkin),
                                     identity.For(seed, Purpose::kLight),
                                     shader_.get());
}

void TupleAssembler::AddSmall(Tuple* t) {
  const auto size_px = static_cast<int>(world_.options.small_px);
  scene_.Trace(camera_.Resized(size_px, size_px));
  t->depth_small = scene_.Depth();
  t->mask_small = scene_.Mask();
  t->rgb_small = MeanOfBlocks(t->rgb, t->rgb.width / size_px);
}

}  // namespace handforge
