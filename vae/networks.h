#pragma once

#include "vae/modality.h"
#include "vae/model_options.h"

#include <array>
#include <vector>

#include <torch/torch.h>

namespace handforge {

// Convolution and batch normalisation, folded into one convolution for inference.
class ConvNormImpl : public torch::nn::Module {
 public:
  ConvNormImpl(int64_t in, int64_t out, int64_t kernel, int64_t stride);

  torch::Tensor forward(const torch::Tensor& x);
  // Merges the running statistics into the weights. The module no longer trains.
  void Fold();

  torch::nn::Conv2d conv{nullptr};

 private:
  torch::nn::BatchNorm2d norm_{nullptr};
  torch::Tensor folded_weight_;
  torch::Tensor folded_bias_;
};
TORCH_MODULE(ConvNorm);

// Two 3x3 convolutions and a shortcut (He et al. 2016, basic block).
class ResidualBlockImpl : public torch::nn::Module {
 public:
  ResidualBlockImpl(int64_t in, int64_t out, int64_t stride);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  ConvNorm first_{nullptr};
  ConvNorm second_{nullptr};
  ConvNorm shortcut_{nullptr};  // where the shape changes
};
TORCH_MODULE(ResidualBlock);

/// Mean and log-variance of q(z | x), each float {N, latent_dim}.
struct Posterior {
  torch::Tensor mean;
  torch::Tensor logvar;  // clamped to kMinLogVar .. kMaxLogVar
};
constexpr double kMinLogVar = -12;
constexpr double kMaxLogVar = 6;

class Encoder : public torch::nn::Module {
 public:
  /// x as of `Batch::input`.
  virtual Posterior Encode(const torch::Tensor& x) = 0;
};

class Decoder : public torch::nn::Module {
 public:
  /// z float {N, latent_dim}. Joints: {N, 42} or {N, 63} in the units of vae/targets.h. RGB: logits
  /// {N, 4, px, px} of the colours and of alpha.
  virtual torch::Tensor Decode(const torch::Tensor& z) = 0;
};

// Perceptron over joints: `mlp_encoder_layers` hidden ReLU layers.
class JointEncoder : public Encoder {
 public:
  JointEncoder(Modality modality, const ModelOptions& options);
  Posterior Encode(const torch::Tensor& x) override;

 private:
  double scale_;
  torch::nn::Sequential layers_{nullptr};
};

// Perceptron over the code: `mlp_decoder_layers` hidden ReLU layers.
class JointDecoder : public Decoder {
 public:
  JointDecoder(Modality modality, const ModelOptions& options);
  torch::Tensor Decode(const torch::Tensor& z) override;

 private:
  double scale_;
  torch::nn::Sequential layers_{nullptr};
};

// Small residual network: a stem of stride 2 or 4, stages that halve the image down to 4x4, then
// one linear layer over all of it (no pooling: where a finger is matters).
class RgbEncoder : public Encoder {
 public:
  explicit RgbEncoder(const ModelOptions& options);
  Posterior Encode(const torch::Tensor& x) override;

 private:
  torch::nn::Sequential stages_{nullptr};
  torch::nn::Linear head_{nullptr};
};

// A perceptron to 8x8, then 3x3 convolutions with sub-pixel upsampling (Shi et al. 2016), which
// cost a third of the transposed convolutions of the same size on a CPU. No batch normalisation:
// codes of different encoders have different statistics, and a running mean of both fits neither.
class RgbDecoder : public Decoder {
 public:
  explicit RgbDecoder(const ModelOptions& options);
  torch::Tensor Decode(const torch::Tensor& z) override;
  // Gives the four sub-pixels of each convolution equal weights, so that training starts from
  // smooth images (Aitken et al. 2017).
  void EqualiseSubPixels();

 private:
  torch::nn::Sequential stem_{nullptr};
  torch::nn::Conv2d stem_conv_{nullptr};
  std::vector<torch::nn::Conv2d> stages_;
  torch::nn::Conv2d head_{nullptr};
  int64_t width_;
};

enum class Initialisation { kNone, kSeeded };

// The encoders and decoders that a list of pairs needs; the others are null.
struct HandNetworks {
  ModelOptions options;
  std::array<std::shared_ptr<Encoder>, kNumModalities> encoders;
  std::array<std::shared_ptr<Decoder>, kNumModalities> decoders;

  // `kSeeded` weights are He-normal, a pure function of (seed, module,
  // parameter); with `kNone` they are whatever LibTorch makes them, to be overwritten.
  static HandNetworks Create(const ModelOptions& options,
                             const ModalitySet& has_encoder,
                             const ModalitySet& has_decoder,
                             Initialisation initialisation,
                             uint64_t seed);
  void SetTraining(bool training);
  void Fold();
  void To(const torch::Device& device);
};
// "encoder.rgb", "decoder.3d"
std::string EncoderName(Modality modality);
std::string DecoderName(Modality modality);

// "cpu", "cuda" or "auto". Throws EnvironmentError for cuda where there is none.
torch::Device ChooseDevice(const std::string& name);

/// KL(q || N(0, I)) summed over the dimensions, mean over the batch: a scalar.
torch::Tensor KlDivergence(const Posterior& posterior);
/// Vectors {N, 20, 3} of the bones (io/core/skeleton.h) of joints {N, 63}.
torch::Tensor BoneVectors(const torch::Tensor& joints3);
/// z = mean + noise * exp(logvar / 2).
torch::Tensor Reparameterise(const Posterior& posterior, const torch::Tensor& noise);

struct ImageLoss {
  torch::Tensor colour;  // scalar
  torch::Tensor alpha;   // scalar
};
/// Colour: mean absolute error over pixels that are valid, background pixels weighted by
/// `background_weight`. Alpha: mean binary cross-entropy over valid pixels of labelled images.
///   logits {N, 4, H, W}; target {N, 5, H, W} as of `Batch::target`; has_alpha {N}
ImageLoss ComputeImageLoss(const torch::Tensor& logits,
                           const torch::Tensor& target,
                           const torch::Tensor& has_alpha,
                           double background_weight);

}  // namespace handforge
