#include "render/render_options.h"

#include "io/core/error.h"

namespace handforge {

void LightOptions::Visit(Fields& fields) {
  fields.Field("lights", lights, 8, 1024, "distant lights that stand for a light probe");
  fields.Field("darkest", darkest, 0.05, 10, "smallest exposure");
  fields.Field("brightest", brightest, 0.05, 10, "largest exposure");
  fields.Field("tilt_deg", tilt_deg, 0, 180, "largest tilt of the world against the picture");
  fields.Field("plain_backdrop", plain_backdrop, 0, 1, "share of plain backgrounds");
}

void RenderOptions::Visit(Fields& fields) {
  fields.Field("out", out, {}, "dataset folder to write");
  fields.Field("count", count, 1, int64_t{1} << 40, "tuples to write");
  fields.Field("seed", seed, "seed of every random number");
  fields.Field("threads", threads, 0, 1024, "worker threads, 0 = all that this process may use");
  fields.Field("tuples_per_shard", tuples_per_shard, 1, 100000, "tuples in a shard");
  fields.Field("image_px", image_px, 32, 2048, "side of depth and mask");
  fields.Field("rgb_px", rgb_px, 16, 2048, "side of rgb; divides image_px");
  fields.Field("rig", rig, {}, "rig specification");
  fields.Nested("pose", pose, "pose prior");
  fields.Nested("camera", camera, "camera distribution");
  fields.Nested("light", light, "light and background");
  fields.Field("subjects", subjects, 1, int64_t{1} << 40, "persons: one hand shape and skin each");
  fields.Field("validation", validation, 0, 1, "share of persons in the validation split");
  fields.Field("left_hands", left_hands, 0, 1, "share of left hands");
  fields.Field("deflate_level", deflate_level, 0, 9, "compression of the images");
  fields.Field("max_attempts", max_attempts, 1, 100000, "draws per tuple before giving up");
}

void RenderOptions::Check() const {
  camera.Check();
  if (image_px % rgb_px != 0) {
    throw UsageError("render.rgb_px " + std::to_string(rgb_px) + " must divide render.image_px " +
                     std::to_string(image_px));
  }
  if (light.brightest < light.darkest) {
    throw UsageError("render.light.brightest " + std::to_string(light.brightest) +
                     " must not be below darkest " + std::to_string(light.darkest));
  }
}

}  // namespace handforge
