#include "synth/synth_options.h"

// Only option structs: this file links without the renderer, so that every build reads a whole
// recipe.

namespace handforge {

void PlausibilityOptions::Visit(Fields& fields) {
  fields.Field(
      "joint_limit_slack_deg", joint_limit_slack_deg, 0, 180, "angle outside its anatomical range");
  fields.Field("off_hinge_deg", off_hinge_deg, 0, 180, "bending of a hinge joint across its axis");
  fields.Field(
      "shortest_bone", shortest_bone, 0, 1, "finger bone against the rig's, relative to the palm");
  fields.Field(
      "longest_bone", longest_bone, 1, 10, "finger bone against the rig's, relative to the palm");
  fields.Field("penetration_mm", penetration_mm, 0, 100, "depth of parts inside each other");
  fields.Field("fit_mm", fit_mm, 0, 1000, "RMS of the decoded joints from the nearest hand");
  fields.Field("residual_px", residual_px, 0, 1000, "RMS of decoded 2D against projected 3D");
  fields.Field(
      "silhouette_iou", silhouette_iou, 0, 1, "smallest overlap of decoded and traced silhouette");
  fields.Field("joints_in_frame",
               joints_in_frame,
               0,
               kNumJoints,
               "smallest number of joints in the picture");
  fields.Field("furthest_mm", furthest_mm, 100, 6000, "greatest z of a joint");
  fields.Field("hand_share", hand_share, 0, 1, "smallest share of the picture that shows the hand");
}

void SynthOptions::Visit(Fields& fields) {
  fields.Field("out", out, {}, "dataset folder to write");
  fields.Field("count", count, 1, int64_t{1} << 40, "tuples to write");
  fields.Field("seed", seed, "seed of every random number");
  fields.Field("threads", threads, 0, 1024, "worker threads, 0 = all that this process may use");
  fields.Field("tuples_per_shard", tuples_per_shard, 1, 100000, "tuples in a shard");
  fields.Field(
      "model", model, {}, "model file; empty = the repository's, or else the quick start's");
  fields.Field("latent", latent, {"prior", "gaussian", "kernel"}, "where latent codes come from");
  fields.Field("temperature", temperature, 0, 10, "scale of the latent distribution's deviations");
  fields.Field("image_px", image_px, 32, 2048, "side of depth and mask");
  fields.Field("rig", rig, {}, "rig specification");
  fields.Nested("plausibility", plausibility, "what is rejected and drawn again");
  fields.Section(
      "nearest_hand",
      [this](Fields& f) {
        f.Field("proportion_play",
                nearest.proportion_play,
                0,
                1,
                "departure of bones from the rig's proportions");
        f.Field("max_penetration_mm",
                nearest.max_penetration_mm,
                0,
                100,
                "parts deeper inside each other move apart");
        f.Field("steps", nearest.steps, 0, 100, "Gauss-Newton steps on the joint angles");
      },
      "the hand that becomes the label");
  fields.Field("left_hands", left_hands, 0, 1, "share of left hands");
  fields.Field("backdrop", backdrop, {"plain", "decoded"}, "what is behind the decoded hand");
  fields.Field("wrist_deg", wrist_deg, 0, 40, "deviation of wrist flexion");
  fields.Field("deflate_level", deflate_level, 0, 9, "compression of the images");
  fields.Field("max_attempts", max_attempts, 1, 100000, "draws per tuple before giving up");
}

}  // namespace handforge
