#include "io/core/error.h"
#include "vae/train.h"

#include <algorithm>

namespace handforge {

void TrainOptions::Visit(Fields& fields) {
  fields.Field("data", data, {}, "dataset folders");
  fields.Field("out", out, {}, "folder of the model, the checkpoint and the logs");
  fields.Field("seed", seed, "seed of weights, order, noise and augmentation");
  fields.Field("start", start, {}, "model file whose weights training starts from");
  fields.Field("threads", threads, 0, 1024, "intra-op threads, 0 = one per core");
  fields.Field("device", device, {"cpu", "cuda", "auto"}, "where the networks run");
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
  fields.Field("joints_loss", joints_loss, {"squared", "distance"}, "error of joints");
  fields.Field("precision", precision, {"float32", "bfloat16"}, "of the convolutions");
  fields.Field("store", store, {"float32", "float16"}, "weights of the finished model");
  fields.Nested("augment", augment, "augmentation of training samples");
  fields.Field("patience", patience, 0, 1000000, "evaluations without gain that end training");
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
  if (data.empty()) throw UsageError("data: empty; name at least one dataset folder");
  if (out.empty()) throw UsageError("out: empty; name the folder of the model");
}

std::string TrainOptions::Text() const {
  TrainOptions copy = *this;
  return ConfigText([&copy](Fields& fields) { copy.Visit(fields); },
                    {"data", "out", "threads", "device", "max_seconds"});
}

}  // namespace handforge
