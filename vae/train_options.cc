#include "io/core/error.h"
#include "vae/train.h"

#include <algorithm>
#include <cmath>

namespace handforge {
namespace {

void CheckTurns(const TrainOptions& options) {
  if (options.turns_weight == 0) return;
  bool paints = false;
  bool says_joints = false;
  for (const Pass& pass : ParsePasses(options.pairs)) {
    paints = paints || (pass.from == Modality::kRgb && pass.to == std::vector{Modality::kRgb});
    says_joints = says_joints || pass.Decodes(Modality::kJoints3);
  }
  if (!paints || !says_joints) {
    throw UsageError("turns_weight = " + std::to_string(options.turns_weight) +
                     " needs the pair rgb->rgb and one that says 3d; add them to pairs");
  }
  if (options.image_batch % 2 != 0) {
    throw UsageError("image_batch = " + std::to_string(options.image_batch) +
                     ": turns_weight makes pairs of looks; use an even number");
  }
}

// `what` is the field with its value and a verb.
void RequireMirrored(const ModelOptions& model, const std::string& what) {
  if (model.MirrorsLeftHands()) return;
  throw UsageError(what + " right hands only; it needs model.side_input = 0, not " +
                   std::to_string(model.side_input));
}

void CheckLimits(const TrainOptions& options) {
  if (options.limits_weight == 0) return;
  const std::vector<Pass> passes = ParsePasses(options.pairs);
  if (std::none_of(passes.begin(), passes.end(), [](const Pass& pass) {
        return pass.Decodes(Modality::kJoints3);
      })) {
    throw UsageError("limits_weight = " + std::to_string(options.limits_weight) +
                     " needs a pair that says 3d; add one to pairs");
  }
  RequireMirrored(options.model,
                  "limits_weight = " + std::to_string(options.limits_weight) + " knows");
}

// What only pairs to pictures can use.
void CheckPictures(const TrainOptions& options) {
  bool paints = false;
  for (const Pass& pass : ParsePasses(options.pairs)) {
    paints = paints || pass.Decodes(Modality::kRgb);
  }
  if (options.own_masks && !paints) {
    throw UsageError("own_masks = true needs a pair to rgb; add one to pairs");
  }
  if (options.model.appearance_dim > 0 && !paints) {
    throw UsageError("model.appearance_dim = " + std::to_string(options.model.appearance_dim) +
                     " needs a pair to rgb, which alone shows appearance; add one to pairs");
  }
}

void CheckDecoded(const TrainOptions& options) {
  if (options.decoded_share == 0) return;
  bool reads = false;
  bool paints = false;
  bool hears = false;
  for (const Pass& pass : ParsePasses(options.pairs)) {
    reads = reads || pass.ReadsJoints();
    paints = paints || pass.Decodes(Modality::kRgb);
    hears = hears || pass.from == Modality::kJoints3;
  }
  if (!reads || !paints || !hears) {
    throw UsageError("decoded_share = " + std::to_string(options.decoded_share) +
                     " needs rgb->3d+2d, a pair to rgb and one from 3d; add them to pairs");
  }
  RequireMirrored(options.model,
                  "decoded_share = " + std::to_string(options.decoded_share) + " decodes");
}

void CheckProcesses(const TrainOptions& options) {
  const int64_t count = options.processes;
  if (options.process >= count) {
    throw UsageError("process = " + std::to_string(options.process) + ": with processes = " +
                     std::to_string(count) + " it is one of 0 .. " + std::to_string(count - 1));
  }
  if (count == 1) return;
  if (options.rendezvous.empty()) {
    throw UsageError("rendezvous: empty; " + std::to_string(count) +
                     " processes need HOST:PORT of the first");
  }
  const int64_t looks = options.turns_weight > 0 ? 2 : 1;
  if (options.pose_batch % count != 0 || options.image_batch % (looks * count) != 0) {
    throw UsageError("pose_batch = " + std::to_string(options.pose_batch) +
                     ", image_batch = " + std::to_string(options.image_batch) +
                     ": not to be parted among " + std::to_string(count) + " processes" +
                     (looks > 1 ? ", in pairs of looks" : "") + "; use multiples");
  }
  const int64_t left = std::llround(options.left_share * static_cast<double>(options.image_batch));
  if (options.model.side_head != 0 && left % count != 0) {
    throw UsageError("left_share = " + std::to_string(options.left_share) + " of image_batch = " +
                     std::to_string(options.image_batch) + " gives " + std::to_string(left) +
                     " rows, not to be parted among " + std::to_string(count) + " processes");
  }
}

// Left hands are what it learns from.
void CheckSideHead(const TrainOptions& options) {
  const double left = options.left_share * static_cast<double>(options.image_batch);
  if (options.model.side_head == 0 || std::llround(left) > 0) return;
  throw UsageError("left_share = " + std::to_string(options.left_share) +
                   " of image_batch = " + std::to_string(options.image_batch) +
                   " gives no left hand, and model.side_head = 1 would learn nothing");
}

}  // namespace

void TrainOptions::Visit(Fields& fields) {
  fields.Field("data", data, {}, "dataset folders");
  fields.Field(
      "labelled_share", labelled_share, 0, 1, "share of the training rows that keep their labels");
  fields.Field("keep_unlabelled", keep_unlabelled, "keep the pictures and depth of the others");
  fields.Field(
      "teachers", teachers, {}, "models that label the pictures without joint labels, together");
  fields.Field("out", out, {}, "folder of the model, the checkpoint and the logs");
  fields.Field("seed", seed, "seed of weights, order, noise and augmentation");
  fields.Field("start", start, {}, "models to start from: FILE, or NETWORK=FILE for one network");
  fields.Field("fixed", fixed, {}, "networks that are not trained");
  fields.Field(
      "memory_gb",
      memory_gb,
      0,
      1e6,
      "most pictures in memory, GB, the others stay in the shards; 0 = half of what is free");
  fields.Field("threads", threads, 0, 1024, "intra-op threads, 0 = one per core");
  fields.Field("device", device, {"cpu", "cuda", "auto"}, "where the networks run");
  fields.Field("processes", processes, 1, 4096, "processes that train together");
  fields.Field("process", process, 0, 4095, "which of them this is, 0 = the first");
  fields.Field("rendezvous", rendezvous, {}, "HOST:PORT where the first one listens");
  fields.Nested("model", model, "sizes of the networks");
  fields.Field(
      "pairs", pairs, {}, "FROM->TO+TO*WEIGHT of rgb, 2d, 3d, depth; weight = steps per round");
  fields.Field("steps", steps, 1, int64_t{1} << 40, "steps of all pairs together");
  fields.Field("max_seconds", max_seconds, 0, 1e9, "wall budget, 0 = none");
  fields.Field("pose_batch", pose_batch, 2, 65536, "rows of a step without images");
  fields.Field("image_batch", image_batch, 2, 65536, "rows of a step with images");
  fields.Field("learning_rate", learning_rate, 1e-9, 1, "peak learning rate of Adam");
  fields.Field("warmup_steps", warmup_steps, 0, int64_t{1} << 40, "steps up to the peak");
  fields.Field("final_lr_fraction", final_lr_fraction, 0, 1, "last learning rate / peak");
  fields.Field("average_decay", average_decay, 0, 0.999999, "running average of the weights");
  fields.Field("max_gradient_norm", max_gradient_norm, 0, 1e9, "longest gradient, 0 = any");
  fields.Field("beta", beta, 0, 1e3, "weight of the KL term");
  fields.Field("beta_warmup_steps",
               beta_warmup_steps,
               0,
               int64_t{1} << 40,
               "steps over which the KL weight rises to beta");
  fields.Field("unlabelled_share",
               unlabelled_share,
               -1,
               1,
               "unlabelled images in each rgb->rgb batch, below 0 = as they come");
  fields.Field("bones_weight", bones_weight, 0, 1e6, "weight of the 3D bone vectors' loss");
  fields.Field("joints3_weight", joints3_weight, 0, 1e6, "weight of the 3D loss");
  fields.Field("joints2_weight", joints2_weight, 0, 1e6, "weight of the 2D loss");
  fields.Field("colour_weight", colour_weight, 0, 1e6, "weight of the colour loss");
  fields.Field("alpha_weight", alpha_weight, 0, 1e6, "weight of the alpha loss");
  fields.Field("background_weight",
               background_weight,
               0,
               1,
               "weight of a background pixel in the colour loss");
  fields.Field("detail_weight", detail_weight, 0, 1e6, "weight of the picture's detail");
  fields.Field("depth_weight", depth_weight, 0, 1e6, "weight of the depth loss");
  fields.Field("side_weight", side_weight, 0, 1e6, "weight of the side head's loss");
  fields.Field("places_weight", places_weight, 0, 1e6, "weight of the encoders' joint maps");
  fields.Field("left_share", left_share, 0, 1, "left hands beside the rows of a step from images");
  fields.Field("own_masks", own_masks, "pictures without mask are weighed by the decoded alpha");
  fields.Field("turns_weight",
               turns_weight,
               0,
               1e6,
               "weight of the disagreement between two looks at a picture of rgb->rgb");
  fields.Field("limits_weight", limits_weight, 0, 1e6, "weight of impossible bones and angles");
  fields.Field("decoded_share",
               decoded_share,
               0,
               1,
               "pictures of rgb->3d+2d that the RGB decoder paints of the labels");
  fields.Field("joints_loss", joints_loss, {"squared", "distance"}, "error of joints");
  fields.Field("precision", precision, {"float32", "bfloat16"}, "of the convolutions");
  fields.Field("store", store, {"float32", "float16"}, "weights of the finished model");
  fields.Nested("augment", augment, "augmentation of training samples");
  fields.Field("patience",
               patience,
               0,
               1000000,
               "evaluations without gain that end training, with the best weights");
  fields.Field("eval_every", eval_every, 1, int64_t{1} << 40, "steps between evaluations");
  fields.Field("eval_samples",
               eval_samples,
               0,
               int64_t{1} << 40,
               "held-out samples per evaluation, 0 = all");
  fields.Field(
      "checkpoint_every", checkpoint_every, 1, int64_t{1} << 40, "steps between checkpoints");
  fields.Field("log_every", log_every, 1, int64_t{1} << 40, "steps between log entries");
}

void TrainOptions::Check() const {
  TrainOptions copy = *this;
  CheckFields([&copy](Fields& fields) { copy.Visit(fields); });
  model.Check();
  ParsePairs(pairs);
  CheckTurns(*this);
  CheckLimits(*this);
  CheckDecoded(*this);
  CheckProcesses(*this);
  if (!teachers.empty() && (model.side_input != 0 || model.metric_scale != 0)) {
    throw UsageError("teachers: they need model.side_input = 0 and model.metric_scale = 0");
  }
  CheckSideHead(*this);
  CheckPictures(*this);
  if (data.empty()) throw UsageError("data: empty; name at least one dataset folder");
  if (out.empty()) throw UsageError("out: empty; name the folder of the model");
}

std::string TrainOptions::Text() const {
  TrainOptions copy = *this;
  return ConfigText([&copy](Fields& fields) { copy.Visit(fields); },
                    {"data",
                     "out",
                     "memory_gb",
                     "threads",
                     "device",
                     "processes",
                     "process",
                     "rendezvous",
                     "max_seconds"});
}

}  // namespace handforge
