#include "vae/networks.h"

#include "io/core/error.h"
#include "io/core/random.h"
#include "io/core/skeleton.h"

#include <cmath>

namespace handforge {
namespace {

namespace nn = torch::nn;
using torch::Tensor;

constexpr int64_t kDecoderStart = 8;  // px of the decoder's first image
constexpr int64_t kEncoderEnd = 4;    // px of the encoder's last image
constexpr int64_t kMaxWidening = 8;
constexpr int64_t kMinDecoderWidth = 16;
constexpr int64_t kSubPixels = 4;
constexpr int64_t kRgba = 4;
// Crop coordinates spread about 0.35 around the centre, joints in bone lengths about 1; networks
// work on numbers of unit spread.
constexpr double kJoints2Scale = 1 / 0.35;
constexpr double kJoints3Scale = 1;
// Colours in [0, 1] to about unit spread.
constexpr double kRgbCentre = 0.45;
constexpr double kRgbScale = 4;

double ScaleOf(Modality modality) {
  return modality == Modality::kJoints2 ? kJoints2Scale : kJoints3Scale;
}

nn::Sequential Perceptron(int64_t in, int64_t width, int64_t hidden_layers, int64_t out) {
  nn::Sequential layers;
  for (int64_t i = 0; i < hidden_layers; ++i) {
    layers->push_back("hidden" + std::to_string(i), nn::Linear(i == 0 ? in : width, width));
    layers->push_back("relu" + std::to_string(i), nn::ReLU());
  }
  layers->push_back("head", nn::Linear(hidden_layers == 0 ? in : width, out));
  return layers;
}

nn::Conv2d Conv3x3(int64_t in, int64_t out) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, 3).padding(1));
}

Posterior SplitPosterior(const Tensor& head) {
  const std::vector<Tensor> halves = head.chunk(2, 1);
  return {halves[0], halves[1].clamp(kMinLogVar, kMaxLogVar)};
}

// Zero biases, unit norms, He-normal weights (heads at half the gain, so that first codes are
// small). Numbers are drawn in order within (module, parameter).
void Initialise(torch::nn::Module* module, uint64_t seed, uint64_t module_id) {
  torch::NoGradGuard no_grad;
  uint32_t index = 0;
  for (auto& item : module->named_parameters()) {
    Tensor& parameter = item.value();
    Random random(seed, module_id, index++, Purpose::kInit);
    if (parameter.dim() < 2) {
      const bool norm_weight = item.key().find("norm.weight") != std::string::npos;
      parameter.fill_(norm_weight ? 1.0 : 0.0);
      continue;
    }
    const int64_t fan_in = parameter.numel() / parameter.size(0);
    const bool head = item.key().find("head") != std::string::npos;
    const double deviation = std::sqrt(2.0 / static_cast<double>(fan_in)) * (head ? 0.5 : 1.0);
    float* values = parameter.data_ptr<float>();
    for (int64_t i = 0; i < parameter.numel(); ++i) {
      values[i] = static_cast<float>(random.Normal(0, deviation));
    }
  }
}

std::shared_ptr<Encoder> MakeEncoder(Modality modality, const ModelOptions& options) {
  if (modality == Modality::kRgb) return std::make_shared<RgbEncoder>(options);
  return std::make_shared<JointEncoder>(modality, options);
}

std::shared_ptr<Decoder> MakeDecoder(Modality modality, const ModelOptions& options) {
  if (modality == Modality::kRgb) return std::make_shared<RgbDecoder>(options);
  return std::make_shared<JointDecoder>(modality, options);
}

}  // namespace

ConvNormImpl::ConvNormImpl(int64_t in, int64_t out, int64_t kernel, int64_t stride) {
  const auto options =
      nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false);
  conv = register_module("conv", nn::Conv2d(options));
  norm_ = register_module("norm", nn::BatchNorm2d(out));
}

Tensor ConvNormImpl::forward(const Tensor& x) {
  if (!folded_weight_.defined()) return norm_->forward(conv->forward(x));
  return at::conv2d(x,
                    folded_weight_,
                    folded_bias_,
                    conv->options.stride(),
                    at::IntArrayRef({folded_weight_.size(2) / 2, folded_weight_.size(3) / 2}));
}

void ConvNormImpl::Fold() {
  torch::NoGradGuard no_grad;
  const Tensor gain = norm_->weight / (norm_->running_var + norm_->options.eps()).sqrt();
  folded_weight_ = conv->weight * gain.view({-1, 1, 1, 1});
  folded_bias_ = norm_->bias - norm_->running_mean * gain;
}

ResidualBlockImpl::ResidualBlockImpl(int64_t in, int64_t out, int64_t stride) {
  first_ = register_module("first", ConvNorm(in, out, 3, stride));
  second_ = register_module("second", ConvNorm(out, out, 3, 1));
  if (in != out || stride != 1) {
    shortcut_ = register_module("shortcut", ConvNorm(in, out, 1, stride));
  }
}

Tensor ResidualBlockImpl::forward(const Tensor& x) {
  const Tensor shortcut = shortcut_.is_empty() ? x : shortcut_->forward(x);
  return at::relu(second_->forward(at::relu(first_->forward(x))) + shortcut);
}

JointEncoder::JointEncoder(Modality modality, const ModelOptions& options)
    : scale_(ScaleOf(modality)) {
  layers_ = register_module("layers",
                            Perceptron(InputSize(modality, 0),
                                       options.mlp_width,
                                       options.mlp_encoder_layers,
                                       2 * options.latent_dim));
}

Posterior JointEncoder::Encode(const Tensor& x) {
  return SplitPosterior(layers_->forward(x * scale_));
}

JointDecoder::JointDecoder(Modality modality, const ModelOptions& options)
    : scale_(ScaleOf(modality)) {
  layers_ = register_module("layers",
                            Perceptron(options.latent_dim,
                                       options.mlp_width,
                                       options.mlp_decoder_layers,
                                       InputSize(modality, 0)));
}

Tensor JointDecoder::Decode(const Tensor& z) { return layers_->forward(z) / scale_; }

RgbEncoder::RgbEncoder(const ModelOptions& options) {
  const int64_t width = options.rgb_encoder_width;
  stages_ = register_module("stages", nn::Sequential());
  stages_->push_back("stem", ConvNorm(3, width, 5, options.rgb_encoder_stride));
  stages_->push_back("relu", nn::ReLU());
  int64_t channels = width;
  int stage = 0;
  for (int64_t px = options.rgb_px / options.rgb_encoder_stride; px > kEncoderEnd;
       px /= 2, ++stage) {
    const int64_t out = std::min(2 * channels, kMaxWidening * width);
    for (int64_t block = 0; block < options.rgb_encoder_blocks; ++block) {
      stages_->push_back("stage" + std::to_string(stage) + "block" + std::to_string(block),
                         ResidualBlock(channels, out, block == 0 ? 2 : 1));
      channels = out;
    }
  }
  // The last stage works at the final resolution.
  stages_->push_back("last", ResidualBlock(channels, channels, 1));
  head_ = register_module("head",
                          nn::Linear(channels * kEncoderEnd * kEncoderEnd, 2 * options.latent_dim));
}

Posterior RgbEncoder::Encode(const Tensor& x) {
  const Tensor features = stages_->forward((x - kRgbCentre) * kRgbScale);
  return SplitPosterior(head_->forward(features.flatten(1)));
}

RgbDecoder::RgbDecoder(const ModelOptions& options) : width_(options.rgb_decoder_width) {
  const int64_t first_image = width_ * kDecoderStart * kDecoderStart;
  stem_ = register_module(
      "stem",
      Perceptron(options.latent_dim, options.mlp_width, options.rgb_decoder_layers, first_image));
  stem_conv_ = register_module("stem_conv", Conv3x3(width_, width_));
  int64_t channels = width_;
  for (int64_t px = 2 * kDecoderStart; px < options.rgb_px; px *= 2) {
    const int64_t out = std::max(channels / 2, kMinDecoderWidth);
    stages_.push_back(register_module("stage" + std::to_string(stages_.size()),
                                      Conv3x3(channels, kSubPixels * out)));
    channels = out;
  }
  head_ = register_module("head", Conv3x3(channels, kSubPixels * kRgba));
}

Tensor RgbDecoder::Decode(const Tensor& z) {
  Tensor x = at::relu(stem_->forward(z)).view({-1, width_, kDecoderStart, kDecoderStart});
  x = at::relu(stem_conv_->forward(x));
  for (nn::Conv2d& stage : stages_) x = at::pixel_shuffle(at::relu(stage->forward(x)), 2);
  return at::pixel_shuffle(head_->forward(x), 2);
}

void RgbDecoder::EqualiseSubPixels() {
  torch::NoGradGuard no_grad;
  const auto equalise = [](nn::Conv2d& conv) {
    Tensor& weight = conv->weight;
    for (int64_t k = 1; k < kSubPixels; ++k) {
      using torch::indexing::None;
      using torch::indexing::Slice;
      weight.index_put_({Slice(k, None, kSubPixels)}, weight.index({Slice(0, None, kSubPixels)}));
    }
  };
  for (nn::Conv2d& stage : stages_) equalise(stage);
  equalise(head_);
}

std::string EncoderName(Modality modality) {
  return std::string("encoder.") + ModalityName(modality);
}

std::string DecoderName(Modality modality) {
  return std::string("decoder.") + ModalityName(modality);
}

HandNetworks HandNetworks::Create(const ModelOptions& options,
                                  const ModalitySet& has_encoder,
                                  const ModalitySet& has_decoder,
                                  Initialisation initialisation,
                                  uint64_t seed) {
  HandNetworks networks;
  networks.options = options;
  for (const Modality modality : kModalities) {
    const size_t m = static_cast<size_t>(modality);
    if (has_encoder[m]) {
      networks.encoders[m] = MakeEncoder(modality, options);
      if (initialisation == Initialisation::kSeeded)
        Initialise(networks.encoders[m].get(), seed, m);
    }
    if (has_decoder[m]) {
      networks.decoders[m] = MakeDecoder(modality, options);
      if (initialisation == Initialisation::kSeeded)
        Initialise(networks.decoders[m].get(), seed, kNumModalities + m);
    }
  }
  const auto rgb = std::dynamic_pointer_cast<RgbDecoder>(networks.decoders[0]);
  if (rgb && initialisation == Initialisation::kSeeded) rgb->EqualiseSubPixels();
  return networks;
}

void HandNetworks::SetTraining(bool training) {
  for (const auto& encoder : encoders) {
    if (encoder) encoder->train(training);
  }
  for (const auto& decoder : decoders) {
    if (decoder) decoder->train(training);
  }
}

void HandNetworks::Fold() {
  const auto fold = [](torch::nn::Module& module) {
    if (auto* conv_norm = module.as<ConvNormImpl>()) conv_norm->Fold();
  };
  for (const auto& encoder : encoders) {
    if (encoder) encoder->apply(fold);
  }
  for (const auto& decoder : decoders) {
    if (decoder) decoder->apply(fold);
  }
}

void HandNetworks::To(const torch::Device& device) {
  for (const auto& encoder : encoders) {
    if (encoder) encoder->to(device);
  }
  for (const auto& decoder : decoders) {
    if (decoder) decoder->to(device);
  }
}

torch::Device ChooseDevice(const std::string& name) {
  if (name == "cpu") return torch::kCPU;
  if (name != "cuda" && name != "auto") {
    throw UsageError("device = " + name + "; expected cpu, cuda or auto");
  }
  if (torch::cuda::is_available()) return torch::kCUDA;
  if (name == "auto") return torch::kCPU;
  throw EnvironmentError(
      "device = cuda: this LibTorch finds no CUDA device (built without CUDA, or no driver); use "
      "--device cpu, or build against a LibTorch with CUDA");
}

Tensor KlDivergence(const Posterior& posterior) {
  const Tensor terms = posterior.mean.square() + posterior.logvar.exp() - posterior.logvar - 1;
  return 0.5 * terms.sum(1).mean();
}

Tensor BoneVectors(const Tensor& joints3) {
  std::vector<int64_t> parents;
  std::vector<int64_t> children;
  for (const auto& edge : Edges()) {
    parents.push_back(edge[0]);
    children.push_back(edge[1]);
  }
  const auto options = torch::TensorOptions().dtype(at::kLong);
  const Tensor joints = joints3.view({-1, kNumJoints, 3});
  const auto pick = [&](const std::vector<int64_t>& indices) {
    return joints.index_select(1, torch::tensor(indices, options).to(joints3.device()));
  };
  return pick(children) - pick(parents);
}

Tensor Reparameterise(const Posterior& posterior, const Tensor& noise) {
  return posterior.mean + noise * (0.5 * posterior.logvar).exp();
}

ImageLoss ComputeImageLoss(const Tensor& logits,
                           const Tensor& target,
                           const Tensor& has_alpha,
                           double background_weight) {
  constexpr double kTiny = 1e-6;  // a batch without a valid pixel has loss 0
  const Tensor alpha = target.slice(1, 3, 4);
  const Tensor valid = target.slice(1, 4, 5);
  const Tensor labelled = has_alpha.view({-1, 1, 1, 1});

  // Images without a mask weigh all their pixels alike.
  const Tensor foreground = alpha * labelled + (1 - labelled);
  const Tensor weight = valid * (background_weight + (1 - background_weight) * foreground);
  const Tensor colours = logits.slice(1, 0, 3).sigmoid();
  const Tensor error = (colours - target.slice(1, 0, 3)).abs() * weight;
  ImageLoss loss;
  loss.colour = error.sum() / (3 * weight.sum() + kTiny);

  const Tensor mask = valid * labelled;
  const Tensor entropy = at::binary_cross_entropy_with_logits(
      logits.slice(1, 3, 4), alpha, {}, {}, at::Reduction::None);
  loss.alpha = (entropy * mask).sum() / (mask.sum() + kTiny);
  return loss;
}

}  // namespace handforge
