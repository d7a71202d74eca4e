#pragma once

#include "io/core/metrics.h"
#include "vae/hand_vae.h"
#include "vae/samples.h"

#include <cstdint>
#include <string>
#include <vector>

namespace handforge {

// One measured number of one encoder->decoder pair over a set of samples, beside what predicting
// the training mean would score.
struct PairScore {
  std::string pair;      // "rgb->3d"
  std::string measure;   // "epe_mm", "epe_root_mm", "epe_px", "colour_error", "alpha_iou",
                         // "depth_mm"
  std::string protocol;  // root, scale rule, joint count ... (io/core/metrics.h)
  double value = 0;
  double baseline = 0;
  int64_t samples = 0;
};

struct EvaluationOptions {
  std::vector<Pair> pairs;
  // At most this many samples, evenly spaced; 0 = all.
  int64_t limit = 0;
  // Grid of the 2D error, pixels.
  int image_px = 256;
  // By which 3D is compared; not kAbsolute, a decoded hand has no place in the camera's frame.
  std::vector<Protocol> protocols = {Protocol::kSpurr2018, Protocol::kRoot};
  // Views of a picture turned upright whose joints are averaged (vae/upright_look.h); 0 = joints of
  // the picture as it is.
  int upright_views = 1;
  // Batches encoded and decoded at once; changes no number.
  int threads = 1;
  // Whether reports hold the poses themselves, 1 kB each.
  bool keep_poses = false;
};

// 3D under one protocol, beside the training mean pose under the same.
struct PoseComparison {
  std::string protocol;  // line of io/core/metrics.h and which joints count
  PoseReport model;
  PoseReport mean_pose;
};

// A predicted and a true pose: palm-centred millimetres in the axes of the crop's camera, the hand
// on the side that it is. Of models without metric_scale the prediction has the true bone's length.
struct ComparedPose {
  int64_t sample = 0;
  Joints3 predicted_mm;
  Joints3 true_mm;
};

// All that is measured of one pair.
struct PairReport {
  Pair pair;
  int64_t samples = 0;
  std::vector<PoseComparison> poses;   // ->3d: one per protocol
  std::vector<PairScore> scores;       // of every modality, one number each
  std::vector<ComparedPose> compared;  // ->3d where `keep_poses`, in the order of the samples
};

// Encodes by the posterior mean, decodes, compares; joints from pictures by LookUpright:
//   ->3d   mean distance in mm, prediction x true reference bone length (models with metric_scale:
//          as they say). epe_mm: protocol spurr2018, visible joints; epe_root_mm (epe_scale_mm,
//          epe_pa_mm): the other protocols, all joints. Baseline: the training mean pose
//   ->2d   epe_px: mean distance on a grid of image_px; baseline: the training mean
//   ->rgb  colour_error: mean absolute error of 0..255 inside the mask; alpha_iou: overlap of the
//          masks cut at a half; baselines: the training mean image
//   ->depth depth_mm: mean absolute error of relative depth; baseline: a plane at the median
// Pairs from 3d to 2d, rgb and depth are compared in the canonical framing (vae/augment.h). Pairs
// the model or the samples lack are left out.
std::vector<PairReport> EvaluatePairs(const HandVae& vae,
                                      const SampleSet& samples,
                                      const EvaluationOptions& options);
// The scores alone, all pairs in a row.
std::vector<PairScore> EvaluateModel(const HandVae& vae,
                                     const SampleSet& samples,
                                     const EvaluationOptions& options);

// One line for people: "2d->3d  EPE 11.2 mm (mean pose 44.9), root palm, ..., 600 samples".
std::string FormatScore(const PairScore& score);

}  // namespace handforge
