#include "synth/synth_options.h"

#include "io/core/error.h"

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
  fields.Field("cycle_mm", cycle_mm, 0, 1000, "greatest cycle score, with cycle: true; 0 = any");
}

void SynthOptions::Visit(Fields& fields) {
  fields.Field("out", out, {}, "dataset folder to write");
  fields.Field("count", count, 1, int64_t{1} << 40, "tuples to write");
  fields.Field("seed", seed, "seed of every random number");
  fields.Field("threads", threads, 0, 1024, "worker threads, 0 = all that this process may use");
  fields.Field("tuples_per_shard", tuples_per_shard, 1, 100000, "tuples in a shard");
  fields.Field(
      "model", model, {}, "model file; empty = the repository's, or else the quick start's");
  fields.Field("precision",
               precision,
               {"auto", "float32", "bfloat16"},
               "of the model's convolutions; auto = bfloat16 where the CPU multiplies it");
  fields.Field("latent",
               latent,
               {"prior", "gaussian", "mixture", "kernel", "path", "coverage", "file"},
               "where latent codes come from");
  fields.Field("mixture_components", mixture_components, 1, 1000, "Gaussians of latent: mixture");
  fields.Field("temperature", temperature, 0, 10, "scale of the latent distribution's deviations");
  fields.Field("parents", parents, {}, "datasets whose tuples stand for the model's posteriors");
  fields.Field("latents", latents, {}, "safetensors with array z, for latent: file");
  fields.Section(
      "condition",
      [this](Fields& f) {
        f.Field("gestures", condition.gestures, {}, "wanted gestures; empty = any");
        f.Field("within_deg", condition.within_deg, 0, 180, "RMS of the angles from a gesture's");
        f.Field("pose", condition.pose, {}, "wanted angles: 'index_pip_flexion 60 90'");
      },
      "which poses are wanted");
  fields.Field("gestures", gestures, {}, "gesture file");
  fields.Section(
      "coverage",
      [this](Fields& f) {
        f.Field("tries", coverage.tries, 1, 64, "codes tried for each tuple");
        f.Field("nearest_mm", coverage.nearest_mm, 0, 100, "distance that makes a pose new");
      },
      "latent: coverage");
  fields.Field("frames", frames, 1, 100000, "frames of a sequence; 1 = single poses");
  fields.Field("views", views, 1, 1000, "views of each pose");
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
        f.Field("pixel_share", pixel_share, 0, 1, "how far it follows the decoded 2D joints");
      },
      "the hand that becomes the label");
  fields.Field("left_hands", left_hands, 0, 1, "share of left hands");
  fields.Section(
      "develop",
      [this](Fields& f) {
        f.Field("saturation", develop.saturation, 0, 10, "factor of the hand's colours");
        f.Field("clarity", develop.clarity, 0, 10, "added share of the hand's shading");
      },
      "what decoded pictures lack");
  fields.Field("backdrop",
               backdrop,
               {"plain", "probes", "photos", "decoded"},
               "what is behind the decoded hand");
  fields.Field("photos", photos, {}, "folder of pictures, for backdrop: photos");
  fields.Field("rgb_rendered", rgb_rendered, "also render rgb, skin tone as decoded");
  fields.Field("small_px", small_px, 0, 2048, "side of a second, smaller resolution; 0 = none");
  fields.Field("cycle", cycle, "re-encode what was decoded: quality_cycle_*");
  fields.Field("wrist_deg", wrist_deg, 0, 40, "deviation of wrist flexion");
  fields.Section(
      "augment",
      [this](Fields& f) {
        f.Field("enabled", augment, "augment every tuple before it is written");
        augmentation.Visit(f);
      },
      "camera moves, blobs, colours, noise: as `handforge augment`");
  fields.Field("deflate_level", deflate_level, 0, 9, "compression of the images");
  fields.Field("max_attempts", max_attempts, 1, 100000, "draws per tuple before giving up");
}

uint64_t CodesFor(const SynthOptions& options, uint64_t tuples) {
  const auto frames = static_cast<uint64_t>(options.frames);
  return (tuples + frames - 1) / frames * frames;
}

void SynthOptions::Check() const {
  const auto fail = [](const std::string& what) { throw UsageError("synth: " + what); };
  if (frames > 1 && views > 1) fail("frames and views cannot both be above 1");
  if (backdrop == "photos" && photos.empty()) fail("backdrop photos needs photos: FOLDER");
  if (small_px > 0 && (small_px >= image_px || image_px % small_px != 0)) {
    fail("small_px " + std::to_string(small_px) + " must divide image_px " +
         std::to_string(image_px) + " and be smaller");
  }
  if (augment && (frames > 1 || views > 1) && augmentation.geometry.MovesCameras()) {
    fail(
        "augment.enabled moves every picture's camera by itself, which tears frames and views "
        "apart; set augment.geometry.flip and augment.geometry.move to 0");
  }
  if (augment && (rgb_rendered || small_px > 0)) {
    fail(
        "augment.enabled does not go with rgb_rendered or small_px, which are made from what it "
        "changes");
  }
  if (plausibility.cycle_mm > 0 && !cycle) fail("plausibility.cycle_mm needs cycle: true");
}

}  // namespace handforge
