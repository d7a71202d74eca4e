#pragma once

#include "io/core/skeleton.h"
#include "vae/conv_blocks.h"
#include "vae/joint_maps.h"
#include "vae/modality.h"
#include "vae/model_options.h"

#include <array>
#include <map>
#include <memory>
#include <vector>

#include <torch/torch.h>

namespace handforge {

/// Mean and log-variance of q(z | x), each float {N, latent_dim}.
struct Posterior {
  torch::Tensor mean;
  torch::Tensor logvar;     // clamped to kMinLogVar .. kMaxLogVar
  torch::Tensor side = {};  // {N} logit of "a left hand"; undefined without side head
  // {N, 21, 3} where the encoder's joint maps saw the joints (vae/joint_maps.h); undefined without.
  torch::Tensor places = {};
};
constexpr double kMinLogVar = -12;
constexpr double kMaxLogVar = 6;

class Encoder : public torch::nn::Module {
 public:
  /// The pose part of q(z | x), {N, PoseDim}; x as of `Batch::input`, sides {N, 2} as of
  /// `Batch::sides` where image encoders are told (ModelOptions::side_input), else undefined.
  virtual Posterior Encode(const torch::Tensor& x, const torch::Tensor& sides = {}) = 0;
  // Convolutions in bfloat16 from now on; weights, joints and losses stay float.
  virtual void UseBfloat16() {}
};

/// Joints that an RGB decoder is shown beside the code; undefined = what the joint decoders say of
/// the code.
struct ShownJoints {
  torch::Tensor joints2 = {};  // {N, 42}
  torch::Tensor joints3 = {};  // {N, 63}
  bool defined() const { return joints2.defined() && joints3.defined(); }
};

class Decoder : public torch::nn::Module {
 public:
  /// z float {N, latent_dim}, of which decoders of anything but RGB read the first PoseDim. Joints:
  /// {N, 42} or {N, 63} in the units of vae/targets.h. RGB: logits {N, 4, px, px} of the colours
  /// and of alpha. Depth: {N, 1, px, px} relative depth.
  virtual torch::Tensor Decode(const torch::Tensor& z, const ShownJoints& shown = {}) = 0;
  virtual void UseBfloat16() {}
};

// Perceptron over joints: `mlp_encoder_layers` hidden ReLU layers.
class JointEncoder : public Encoder {
 public:
  JointEncoder(Modality modality, const ModelOptions& options);
  Posterior Encode(const torch::Tensor& x, const torch::Tensor& sides = {}) override;

 private:
  double scale_;
  torch::nn::Sequential layers_{nullptr};
};

// Perceptron over the code: `mlp_decoder_layers` hidden ReLU layers.
class JointDecoder : public Decoder {
 public:
  JointDecoder(Modality modality, const ModelOptions& options);
  torch::Tensor Decode(const torch::Tensor& z, const ShownJoints& shown = {}) override;

 private:
  double scale_;
  int64_t pose_dim_;
  torch::nn::Sequential layers_{nullptr};
};

// Small residual network over an image of RGB or depth: a stem (see
// ModelOptions::rgb_encoder_stride), stages that halve the image down to 4x4, then one linear layer
// over all of it (no pooling: where a finger is matters). With `joint_map_width` joints are looked
// for in the stages' images, and what was found goes with these 4x4 through a small perceptron.
class ImageEncoder : public Encoder {
 public:
  // Requires IsImage(modality).
  ImageEncoder(Modality modality, const ModelOptions& options);
  Posterior Encode(const torch::Tensor& x, const torch::Tensor& sides = {}) override;
  void UseBfloat16() override { bfloat16_ = true; }

 private:
  void AddStem(int64_t width, const ModelOptions& options);

  bool depth_;
  bool told_;  // the side of the hand
  bool bfloat16_ = false;
  torch::nn::Sequential stages_{nullptr};
  JointMaps maps_{nullptr};
  torch::nn::Sequential found_{nullptr};
  torch::nn::Linear head_{nullptr};
  torch::nn::Linear side_{nullptr};
};

// Skin and light of an image, the appearance part of its code. Sees it at 32 x 32 and averages over
// the place: it is to know little of the pose.
class AppearanceEncoder : public torch::nn::Module {
 public:
  explicit AppearanceEncoder(const ModelOptions& options);
  /// x {N, 3, px, px} in [0, 1] -> {N, appearance_dim}.
  Posterior Encode(const torch::Tensor& x);

 private:
  torch::nn::Sequential layers_{nullptr};
  torch::nn::Linear head_{nullptr};
};

// A perceptron to 8x8, then 3x3 convolutions with sub-pixel upsampling (Shi et al. 2016), which
// cost a third of the transposed convolutions of the same size on a CPU. No batch normalisation:
// codes of different encoders have different statistics, and a running mean of both fits neither.
//
// With `joints2` and `joints3` what these say of the same code is drawn, bone by bone, and shown to
// the convolutions that work at 32x32: picture and joints agree. No gradient flows into them, and
// this module does not own them (they are stepped and stored with their own pairs). Training shows
// the labels in their place where a pass has them: fingers drawn a few pixels beside those of the
// picture would teach blurred ones.
class ImageDecoder : public Decoder {
 public:
  // Requires IsImage(modality). Joint decoders may be null.
  ImageDecoder(Modality modality,
               const ModelOptions& options,
               std::shared_ptr<Decoder> joints2,
               std::shared_ptr<Decoder> joints3);
  torch::Tensor Decode(const torch::Tensor& z, const ShownJoints& shown = {}) override;
  void UseBfloat16() override { bfloat16_ = true; }
  // Gives the four sub-pixels of each convolution equal weights, so that training starts from
  // smooth images (Aitken et al. 2017).
  void EqualiseSubPixels();

 private:
  // {N, kBonePlanes, rows, columns}; undefined where the decoder is shown none.
  torch::Tensor Bones(const torch::Tensor& z, const ShownJoints& shown);
  torch::Tensor WithBones(const torch::Tensor& x, const torch::Tensor& bones);
  // The convolution that sees `channels` and the bones; returns its channels.
  int64_t AddBonesConv(int64_t channels);

  torch::nn::Sequential stem_{nullptr};
  torch::nn::Conv2d stem_conv_{nullptr};
  std::vector<torch::nn::Conv2d> stages_;
  torch::nn::Conv2d bones_conv_{nullptr};
  torch::nn::Conv2d fine_{nullptr};
  torch::nn::Conv2d head_{nullptr};
  int64_t width_;
  int64_t code_dim_;
  bool bfloat16_ = false;
  std::shared_ptr<Decoder> joints2_;
  std::shared_ptr<Decoder> joints3_;
};

/// The bones of joints2 {N, 42} in [-1, 1] and joints3 {N, 63} in bone lengths as planes
/// {N, 41, px, px}: 20 soft lines c = exp(-d^2 / 2 s^2) of the distance d to each bone, s =
/// kBoneDeviations times the size of a bone length in the picture; the 20 shares of each bone in
/// what is seen, c times the softmax over the bones of -(z + kBesideBone (1 - c)) / kBehindBone, z
/// the depth of the bone's nearest point; and the depth seen, the sum of shares times z.
torch::Tensor DrawBones(const torch::Tensor& joints2, const torch::Tensor& joints3, int64_t px);
constexpr int64_t kBonePlanes = 2 * kNumEdges + 1;
// From the palm to the tip, in bone lengths (45 mm): about a finger's half width.
constexpr std::array<double, 4> kBoneDeviations = {0.20, 0.17, 0.155, 0.14};
constexpr double kBesideBone = 3;    // bone lengths that a bone seems farther away beside its line
constexpr double kBehindBone = 0.2;  // bone lengths in which one bone hides another

enum class Initialisation { kNone, kSeeded };

// The encoders and decoders that a list of pairs needs; the others are null.
struct HandNetworks {
  ModelOptions options;
  std::array<std::shared_ptr<Encoder>, kNumModalities> encoders;
  std::array<std::shared_ptr<Decoder>, kNumModalities> decoders;
  // Where there are appearance_dim, an RGB encoder and an RGB decoder.
  std::shared_ptr<AppearanceEncoder> appearance;

  /// q(z | x) of the whole code: its appearance part is that of `image` {N, 3, px, px}, or the
  /// prior where `image` is undefined or there is no appearance encoder.
  Posterior Encode(Modality modality,
                   const torch::Tensor& x,
                   const torch::Tensor& image,
                   const torch::Tensor& sides = {}) const;

  // `kSeeded` weights are He-normal, a pure function of (seed, module,
  // parameter); with `kNone` they are whatever LibTorch makes them, to be overwritten.
  static HandNetworks Create(const ModelOptions& options,
                             const ModalitySet& has_encoder,
                             const ModalitySet& has_decoder,
                             Initialisation initialisation,
                             uint64_t seed);
  // All there are by EncoderName, DecoderName and kAppearanceName.
  std::map<std::string, std::shared_ptr<torch::nn::Module>> Modules() const;
  void SetTraining(bool training);
  void Fold();
  void To(const torch::Device& device);
  void UseBfloat16();
};
constexpr const char* kAppearanceName = "encoder.appearance";
// "encoder.rgb", "decoder.3d"
std::string EncoderName(Modality modality);
std::string DecoderName(Modality modality);

// "cpu", "cuda" or "auto". Throws EnvironmentError for cuda where there is none.
torch::Device ChooseDevice(const std::string& name);
// "float32", "bfloat16" or "auto": whether convolutions are to run in bfloat16, which with "auto"
// they do where the CPU multiplies it (AVX512-BF16). Throws UsageError for another name.
bool ChoosesBfloat16(const std::string& precision);

/// KL(q || N(0, I)) summed over the dimensions, mean over the batch: a scalar.
torch::Tensor KlDivergence(const Posterior& posterior);
/// Vectors {N, 20, C} of the bones (io/core/skeleton.h) of joints {N, 21 C}.
torch::Tensor BoneVectors(const torch::Tensor& joints);
/// Mean length of the rows of a - b, {N, C}-vectors of the last dimension; smooth at 0.
torch::Tensor MeanDistance(const torch::Tensor& a, const torch::Tensor& b);
/// z = mean + noise * exp(logvar / 2).
torch::Tensor Reparameterise(const Posterior& posterior, const torch::Tensor& noise);

struct ImageLoss {
  torch::Tensor colour;  // scalar
  torch::Tensor alpha;   // scalar
  torch::Tensor detail;  // scalar
};
/// Colour: mean absolute error over pixels that are valid, background pixels of images with a mask
/// weighted by `background_weight`. Alpha: mean binary cross-entropy over valid pixels of labelled
/// images. Detail: mean absolute differences of neighbouring pixels of the colour error inside the
/// mask, at full size and thrice halved: blurred edges cost more than a wrong shade. Within a
/// SharedStatisticsScope the weights that these are divided by are the means over the processes, so
/// that the mean of their losses is that of one large batch.
///   logits {N, 4, H, W}; target {N, 5, H, W} as of `Batch::target`; has_alpha {N} 1 where alpha is
///   a label; has_mask {N} 1 where alpha may weigh colours
ImageLoss ComputeImageLoss(const torch::Tensor& logits,
                           const torch::Tensor& target,
                           const torch::Tensor& has_alpha,
                           const torch::Tensor& has_mask,
                           double background_weight);
/// Mean absolute error of relative depth over valid pixels, background weighted likewise.
///   said {N, 1, H, W}; target {N, 2, H, W} as of `Batch::targets`
torch::Tensor ComputeDepthLoss(const torch::Tensor& said,
                               const torch::Tensor& target,
                               double background_weight);

}  // namespace handforge
