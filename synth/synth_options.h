#pragma once

#include "io/augment/augmentation_options.h"
#include "synth/develop.h"
#include "synth/nearest_hand.h"
#include "synth/plausibility.h"

#include <cstdint>
#include <string>
#include <vector>

namespace handforge {

// Which poses are wanted; what differs is drawn again ("condition").
struct ConditionOptions {
  // Near one of these gestures (configs/poses/gestures.yaml): RMS difference of the angles,
  // degrees.
  std::vector<std::string> gestures;
  double within_deg = 18;
  // Angles within windows, degrees: "index_pip_flexion 60 90" (names: io/core/joint_limits.h).
  std::vector<std::string> pose;
};

// Coverage-seeking: of `tries` codes for each tuple, one whose pose is new.
struct CoverageOptions {
  int64_t tries = 4;
  // New: RMS distance to every planned pose of at least this, wrist and knuckles aligned, hands
  // scaled to 90 mm from wrist to middle MCP. Where no code is new enough, the newest is taken.
  double nearest_mm = 12;
};

// The `synth:` section of a recipe.
struct SynthOptions {
  std::string out = "out/synth";
  int64_t count = 1000;
  uint64_t seed = 1;
  int64_t threads = 0;  // 0 = all that this process may use
  int64_t tuples_per_shard = 512;
  // "" = the model of the repository, or else the one the quick start trained.
  std::string model;
  // Of the model's convolutions: float32; bfloat16, twice as fast where the CPU multiplies it; or
  // auto, which is either by the CPU. Machines of a cluster that must give the same bits are of the
  // same kind, or this names one.
  std::string precision = "auto";
  // Where latent codes come from: the prior; the aggregate posterior as Gaussian, Gaussian mixture
  // or kernel density; a path between two of its members; coverage; a file of codes.
  std::string latent = "kernel";
  int64_t mixture_components = 24;
  double temperature = 1;  // of the latent distribution
  // Datasets whose tuples stand for the model's stored posteriors: their neighbourhoods and paths.
  std::vector<std::string> parents;
  std::string latents;  // of latent "file": safetensors with array z {>= CodesFor, latent_dim}
  ConditionOptions condition;
  std::string gestures = "configs/poses/gestures.yaml";
  CoverageOptions coverage;
  // Above 1: tuples come in sequences of so many frames that move from one pose to another.
  int64_t frames = 1;
  // Above 1: each pose is seen from so many sides (needs an encoder of 3D joints).
  int64_t views = 1;
  int64_t image_px = 256;  // depth, mask
  std::string rig = "configs/rigs/generic-hand.yaml";
  PlausibilityOptions plausibility;
  NearestHandOptions nearest;
  // The two joint decoders disagree by some pixels. The label is the hand nearest to the 3D joints
  // moved this share of the way, across the line of sight, to where the 2D joints lie: 0 = the 3D
  // decoder alone is heard, 1 = the 3D decoder says depth only.
  double pixel_share = 0.5;
  double left_hands = 0.5;
  // The decoded hand's colours, but with backdrop "decoded".
  DevelopOptions develop;
  // Behind the decoded hand: "plain" puts it on one colour, drawn per tuple, by its decoded alpha;
  // "probes" on a view of a light probe, "photos" on a cut of a picture of the folder `photos`;
  // "decoded" keeps all that the decoder painted, the hand too.
  std::string backdrop = "plain";
  std::string photos;
  // Column rgb_rendered: the label rendered with skin of the decoded hand's tone.
  bool rgb_rendered = false;
  // Above 0: depth, mask and rgb also at this side (depth_small, mask_small, rgb_small).
  int64_t small_px = 0;
  // Columns quality_cycle_*: what the encoders make of the decoded modalities.
  bool cycle = false;
  // Deviation of the wrist's flexion, degrees (the networks say nothing of the forearm).
  double wrist_deg = 15;
  // Every tuple augmented before it is written, as `handforge augment` does to a finished dataset.
  bool augment = false;
  AugmentationOptions augmentation;  // its sections stand in `augment:` beside `enabled`
  int64_t deflate_level = 4;
  int64_t max_attempts = 200;  // per tuple

  void Visit(Fields& fields);
  // Relations between fields. Throws UsageError.
  void Check() const;
};

// Latent codes that so many tuples need: sequences are drawn whole, by their first and last frame.
uint64_t CodesFor(const SynthOptions& options, uint64_t tuples);

}  // namespace handforge
