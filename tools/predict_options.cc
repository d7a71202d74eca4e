#include "tools/predict_options.h"

namespace handforge {

PredictorOptions PredictOptions::OfPredictor() const {
  PredictorOptions of_predictor;
  of_predictor.handedness = handedness;
  of_predictor.bone_mm = bone_mm;
  of_predictor.turns = turns;
  of_predictor.upright_views = static_cast<int>(upright_views);
  of_predictor.crop_sizes = static_cast<int>(crop_sizes);
  of_predictor.refinements = static_cast<int>(refinements);
  of_predictor.draws = static_cast<int>(draws);
  of_predictor.posture_prior = posture_prior;
  of_predictor.opposite_pairs = opposite_pairs;
  of_predictor.seed = seed;
  return of_predictor;
}

void PredictOptions::Visit(Fields& fields) {
  fields.Field("images", images, {}, "picture, or folder of pictures");
  fields.Field("boxes", boxes, {}, "JSON file of boxes, {\"name\": [x, y, width, height]}");
  fields.Field("out", out, {}, "folder for predictions.json and overlays");
  fields.Field("model", model, {}, "model file; empty = the default model");
  fields.Field("handedness", handedness, {"auto", "left", "right"}, "side of the hands");
  fields.Field("bone_mm", bone_mm, 0, 200, "bone from middle MCP to PIP, mm; 0 = a mean hand");
  fields.Field("depth_scale_mm", depth_scale_mm, 1e-4, 1000, "mm of a step of depth pictures");
  fields.Field("turns", turns, "look first at the four quarter turns and average");
  fields.Field("upright_views",
               upright_views,
               0,
               64,
               "then at so many views of it turned upright, and average; 0 = none");
  fields.Field("crop_sizes", crop_sizes, 1, 9, "sizes of the crop that the averaged views are of");
  fields.Field("refinements", refinements, 0, 8, "times the crop is made anew around the hand");
  fields.Field("draws", draws, 1, 1024, "draws from the posterior per look, for the confidence");
  fields.Field("posture_prior",
               posture_prior,
               "tell sides also by how hands are turned in upright photographs of people");
  fields.Field("opposite_pairs",
               opposite_pairs,
               0,
               1,
               "probability that two hands of a picture are a left and a right one");
  fields.Field("seed", seed, "seed of those draws");
  fields.Field("threads", threads, 0, 4096, "pictures at once, 0 = one per core");
  fields.Field("overlay", overlay, "draw the skeleton over each picture");
  fields.Field("mesh", mesh, "and the nearest rigged hand beside it");
  fields.Field("rig", rig, {}, "rig of that hand");
}

}  // namespace handforge
