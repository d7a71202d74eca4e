#pragma once

#include "io/config.h"
#include "vae/augment.h"
#include "vae/evaluate.h"
#include "vae/model_options.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace handforge {

// Section `train` of a recipe. The defaults are the quick recipe: about five minutes on two CPU
// cores for some 6,000 rendered tuples of 64 px.
struct TrainOptions {
  // Dataset folders; all are used, split by their own `split` column: training on train, measuring
  // on validation and test.
  std::vector<std::string> data;
  // Share of the training rows that keep their labels, chosen by `seed`; of the others the picture
  // and its depth are kept, which train only the pairs of these two, or nothing. For
  // semi-supervised curves.
  double labelled_share = 1;
  bool keep_unlabelled = true;
  // Models that label the pictures without joint labels, by their mean (vae/teacher.h); these then
  // train every pair.
  std::vector<std::string> teachers;
  // Folder of model.safetensors, checkpoint.safetensors and the logs.
  std::string out;
  uint64_t seed = 1;
  // Whose weights are the first ones: "FILE", a model of the same sizes and pairs, or for one
  // network "NETWORK=FILE" ("decoder.rgb=model.safetensors"); later entries win. Networks that none
  // names start fresh.
  std::vector<std::string> start;
  // Networks ("encoder.rgb", "decoder.3d", "encoder.appearance") that are used but not stepped.
  std::vector<std::string> fixed;
  // Pictures kept in memory, at most, in GB (10^9 bytes); where the data have more, those of a
  // batch are read from the shards when it is made. The bits are the same. 0 = any number; the
  // command then takes half of the memory that is free.
  double memory_gb = 0;
  // Intra-op threads; 0 = one per core. Bits of the result depend on it.
  int64_t threads = 0;
  // "cpu", "cuda" or "auto".
  std::string device = "cpu";
  // Processes that train together, on one machine or several, each on its part of every batch
  // (vae/process_group.h): how many, which one this is (0 is the first: it measures, writes logs,
  // checkpoints and the model), and HOST:PORT where the first one listens. All are started with the
  // same other options and see the same data and `out`.
  int64_t processes = 1;
  int64_t process = 0;
  std::string rendezvous;

  ModelOptions model;

  // Encoder->decoder pairs with their weight, the number of steps in each round of the schedule:
  // "3d->3d*8"; "rgb->3d+2d" steps two decoders on one pass of the encoder. Joint steps cost a
  // fraction of picture steps (vae/MODEL.md), so the quick recipe takes many.
  std::vector<std::string> pairs = {"3d->3d*10",
                                    "2d->3d*6",
                                    "3d->2d*2",
                                    "2d->2d*2",
                                    "rgb->3d*5",
                                    "rgb->2d*1",
                                    "rgb->rgb*1",
                                    "3d->rgb*6"};
  // Steps of all pairs together. The run is reproducible because steps, not time, end it.
  int64_t steps = 24000;
  // Wall budget in seconds, 0 = none. Where an evaluation finds that the steps will not fit, their
  // number is lowered so that the learning rate still comes down, and follows the machine's pace
  // from then on (never above `steps`); the run says so, and is then not reproducible.
  double max_seconds = 0;
  // Rows of a step without images and with them.
  int64_t pose_batch = 128;
  int64_t image_batch = 32;

  // Peak learning rate of Adam, reached after `warmup_steps` steps, then a cosine down to
  // `final_lr_fraction` of it.
  double learning_rate = 2e-3;
  int64_t warmup_steps = 200;
  double final_lr_fraction = 0.01;
  // Of a running average of the weights, which is what is measured and stored in the end; 0 = the
  // weights themselves.
  double average_decay = 0;
  // Longest gradient of one module; 0 = any.
  double max_gradient_norm = 1;
  // Weight of the KL term (summed over the code) against the mean squared error of unit-spread
  // joints. As a likelihood: 63 numbers with deviation s give beta = 2 s^2 / 63, so 1e-4 says
  // s = 0.056 bone lengths, some 2.5 mm.
  double beta = 1e-4;
  // Steps over which the KL term's weight rises linearly from 0 to beta (Bowman et al. 2016): codes
  // first learn to say something; 0 = none.
  int64_t beta_warmup_steps = 0;
  // Share of each rgb->rgb batch that is images without joint labels, exact up to rounding: that
  // pair is all they train, which is the semi-supervision of Spurr et al. 2018. Below 0 = labelled
  // and unlabelled images as they come.
  double unlabelled_share = -1;
  // Weight of the mean squared error of the 20 bone vectors beside that of the 3D joints: errors
  // that all joints of a finger share are cheap, bones of a wrong length are not.
  double bones_weight = 2;
  // Weights of the reconstruction losses: 3D (bones included) and 2D mean squared error (2D in
  // units of 0.35 of half the crop, its spread), colour mean absolute error, alpha cross-entropy.
  double joints3_weight = 1;
  double joints2_weight = 1;
  double colour_weight = 1;
  double alpha_weight = 0.5;
  // Weight of a background pixel in the colour loss, 0 .. 1; the hand's is 1. A background cannot
  // be known from a pose, and decoded hands are cut out by their alpha.
  double background_weight = 0.1;
  // Weights of the picture's detail (ComputeImageLoss), of relative depth, and of the side head.
  double detail_weight = 0;
  double depth_weight = 1;
  double side_weight = 0.1;
  // Weight of where the image encoders' joint maps say the joints are, against the 2D and 3D labels
  // of the same picture; models with joint_map_width only, passes to both 2D and 3D.
  double places_weight = 1;
  // Left hands shown to the side head, as a share of the rows of a step from an image; models with
  // a side head only.
  double left_share = 0.125;
  // Where a picture has no mask, its pixels weigh in the colour loss as much as the decoder's own
  // alpha says that they are hand: a picture's background cannot be known from a code.
  bool own_masks = false;
  // Weight of the mean distance between the 3D joints said of two looks at the same picture, turned
  // and lit differently, once both are turned back; passes rgb->rgb, whose batches are then pairs
  // of looks. It needs no label: equivariance as in PeCLR (Spurr et al. 2021). 0 = none.
  double turns_weight = 0;
  // Weight of impossible hands among the 3D joints said: bones longer or shorter than those of the
  // training data, joints bent beyond their range (vae/hand_limits.h; Spurr et al. 2020). Also of
  // what is said of the pictures of rgb->rgb, which need no label for it. Needs side_input = 0.
  // 0 = none.
  double limits_weight = 0;
  // Share of the rows of passes that read joints (Pass::ReadsJoints, such as rgb->3d+2d) whose
  // picture is what the RGB decoder paints of their labels, over another background: the encoder
  // learns to read decoded pictures (cycle consistency after Zhu et al. 2017; the picture itself
  // gets no gradient). Needs a 3D encoder, an RGB decoder and side_input = 0.
  double decoded_share = 0;
  // "squared": mean squared error of joints; "distance": mean Euclidean distance, which is what is
  // measured, and which cares less for hopeless samples and more for good ones.
  std::string joints_loss = "squared";
  // "float32" or "bfloat16": of the convolutions; the latter is twice as fast on CPUs with
  // AVX512-BF16 and gains nothing on others.
  std::string precision = "float32";
  // Weights of the finished model: "float32" or "float16", half the size. All that is measured is
  // measured with what is stored.
  std::string store = "float32";

  AugmentOptions augment;

  // Training ends early after so many evaluations without a lower mean 3D error, and the model is
  // that of the lowest; 0 = never.
  int64_t patience = 0;
  int64_t eval_every = 2000;
  // Held-out samples per evaluation during training; 0 = all. The last evaluation uses all.
  int64_t eval_samples = 256;
  int64_t checkpoint_every = 2000;
  int64_t log_every = 200;

  void Visit(Fields& fields);
  // Throws UsageError naming field, value and what is wrong: ranges, pairs, empty data or out.
  void Check() const;
  // Equal text means equal training: all but out, threads, device, processes, budget.
  std::string Text() const;
};

// What happens while training, for progress and logs.
struct TrainEvent {
  enum class Kind { kMessage, kStep, kEvaluation, kCheckpoint };
  Kind kind = Kind::kMessage;
  std::string text;               // kMessage
  int64_t step = 0;               // steps done
  int64_t steps = 0;              // of so many
  double seconds = 0;             // trained, earlier sessions included
  std::string pair;               // kStep
  double loss = 0;                // kStep
  std::vector<PairScore> scores;  // kEvaluation: held-out samples
};
using TrainListener = std::function<void(const TrainEvent&)>;

struct TrainResult {
  std::filesystem::path model;
  std::string model_sha256;
  int64_t steps = 0;
  bool shortened = false;  // the wall budget lowered the number of steps
  double seconds = 0;
  int64_t train_samples = 0;
  int64_t labelled_samples = 0;  // of these, with joints, of the data or by teachers
  int64_t held_out_samples = 0;
  std::vector<PairScore> scores;  // all held-out samples, the finished model
};

std::filesystem::path ModelPath(const std::filesystem::path& out);       // model.safetensors
std::filesystem::path CheckpointPath(const std::filesystem::path& out);  // checkpoint.safetensors
std::filesystem::path BestPath(const std::filesystem::path& out);        // best.safetensors
std::filesystem::path BadBatchPath(const std::filesystem::path& out);    // bad_batch.safetensors

// Trains the networks by Algorithm 1 of Spurr et al. 2018: for each pair in turn, encode, draw
// z = mean + noise * deviation, decode, step that encoder and that decoder on reconstruction +
// beta * KL. Writes into `options.out`:
//   model.safetensors       the finished model (vae/model_file.h), at the end
//   checkpoint.safetensors  all that is needed to go on, every checkpoint_every steps
//   best.safetensors        where `patience` is set, the weights of the lowest 3D error measured so
//                           far, which an early stop gives the model
//   train_log.csv           step,pair,loss,reconstruction,alpha,kl,gradient_norm,learning_rate,
//                           seconds: per pair the means since the last entry
//   validation_log.csv      step,pair,measure,value,baseline,samples,protocol
// With `resume` goes on from the checkpoint there, with the same bits (same threads, CPU) as a run
// that was never stopped, logs cut back to it; without a checkpoint it starts from the beginning.
// Without `resume` a folder that holds a checkpoint or a model is refused, with UsageError; one
// that another process trains in, always, with EnvironmentError.
//
// SIGINT and SIGTERM (io/interrupt.h) write a checkpoint and throw Interrupted. A loss that is not
// finite throws DataError naming step and pair; the last checkpoint stays, the batch is kept as
// bad_batch.safetensors. Throws UsageError where a checkpoint belongs to other options (naming the
// first difference), DataError where it belongs to other data.
//
// With `processes` > 1 gradients and the moments of batch normalisation are those of the whole
// batch; only losses that are themselves a quotient over a batch (colours, alpha, depth by their
// weights) become the mean of the parts' quotients. Results of processes but the first have no
// scores.
TrainResult Train(const TrainOptions& options, bool resume, const TrainListener& listener = {});

}  // namespace handforge
