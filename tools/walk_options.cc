#include "tools/walk_options.h"

namespace handforge {

void WalkOptions::Visit(Fields& fields) {
  fields.Field("images", images, {}, "pictures whose hands are waypoints; empty = samples");
  fields.Field("handedness", handedness, {"auto", "left", "right"}, "side of those hands");
  fields.Field("samples", samples, 2, 10000, "waypoints that are samples");
  fields.Field("latent", latent, {"prior", "gaussian", "kernel"}, "where samples come from");
  fields.Field("temperature", temperature, 0, 10, "scales their deviations");
  fields.Field("seed", seed, "seed of the samples");
  fields.Field("out", out, {}, "folder for walk.png and walk.mp4");
  fields.Field("model", model, {}, "model file; empty = the default model");
  fields.Field("frames_per_leg", frames_per_leg, 1, 10000, "frames from waypoint to waypoint");
  fields.Field("frames_per_second", frames_per_second, 1, 240, "of the video");
  fields.Field("strip_columns", strip_columns, 2, 100, "pictures in a row of the strip");
  fields.Field("cell_px", cell_px, 32, 1024, "side of a picture, even");
  fields.Field("rig", rig, {}, "rig specification of the mesh");
  fields.Field("threads", threads, 0, 4096, "frames at once, 0 = one per core");
}

}  // namespace handforge
