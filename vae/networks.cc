#include "vae/networks.h"

#include "io/core/error.h"
#include "io/core/random.h"
#include "io/core/skeleton.h"
#include "vae/shared_statistics.h"

#include <cmath>

#include <ATen/autocast_mode.h>

namespace handforge {
namespace {

namespace nn = torch::nn;
using torch::Tensor;

constexpr int64_t kDecoderStart = 8;  // px of the decoder's first image
constexpr int64_t kEncoderEnd = 4;    // px of the encoder's last image
constexpr int64_t kMaxWidening = 8;
constexpr int64_t kFoundWidth = 256;
constexpr int64_t kMinDecoderWidth = 16;
constexpr int64_t kSubPixels = 4;
constexpr int64_t kRgba = 4;
constexpr int64_t kBonesAt = 32;       // px at which the decoder is shown the bones
constexpr double kMaxExponent = 40;    // of float numbers whose sum of 20 stays finite
constexpr int64_t kBonesWidth = 48;    // channels behind the convolution that sees them
constexpr int64_t kAppearanceIn = 32;  // px
constexpr int64_t kAppearanceWidth = 16;
constexpr int64_t kSides = 2;  // left, right
constexpr int kDetailLevels = 4;
// Module ids of the weights' random numbers; encoders and decoders have Modality's.
constexpr uint64_t kFirstDecoderId = 3;
constexpr uint64_t kDepthEncoderId = 6;
constexpr uint64_t kDepthDecoderId = 7;
constexpr uint64_t kAppearanceId = 8;
// Crop coordinates spread about 0.35 around the centre, joints in bone lengths about 1; networks
// work on numbers of unit spread.
constexpr double kJoints2Scale = 1 / 0.35;
constexpr double kJoints3Scale = 1;
// Colours in [0, 1] to about unit spread.
constexpr double kRgbCentre = 0.45;
constexpr double kRgbScale = 4;

uint64_t EncoderId(Modality modality) {
  return modality == Modality::kDepth ? kDepthEncoderId : static_cast<uint64_t>(modality);
}

uint64_t DecoderId(Modality modality) {
  return modality == Modality::kDepth ? kDepthDecoderId
                                      : kFirstDecoderId + static_cast<uint64_t>(modality);
}

// While it lives, LibTorch runs what gains from it in bfloat16, on the CPU.
class Bfloat16Scope {
 public:
  explicit Bfloat16Scope(bool on) : on_(on && !at::autocast::is_cpu_enabled()) {
    if (!on_) return;
    at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
    at::autocast::set_cpu_enabled(true);
  }
  ~Bfloat16Scope() {
    if (!on_) return;
    at::autocast::clear_cache();
    at::autocast::set_cpu_enabled(false);
  }
  Bfloat16Scope(const Bfloat16Scope&) = delete;
  Bfloat16Scope& operator=(const Bfloat16Scope&) = delete;

 private:
  bool on_;
};

// Pixels of one image next to each other in memory, which convolutions on a CPU prefer.
Tensor ChannelsLast(const Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }

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

// 1 / s^2 {N, 1, 1, 20} of each bone's deviation s in half crops. How large a bone length is in the
// picture is told by how widely the joints spread there and across the camera's axes.
Tensor BonePrecision(const Tensor& joints2, const Tensor& joints3) {
  constexpr double kTiny = 1e-4;
  const auto spread = [](const Tensor& joints, int64_t coordinates) {
    const Tensor xy = joints.view({-1, kNumJoints, coordinates}).narrow(2, 0, 2);
    return (xy - xy.mean(1, true)).square().sum({1, 2}) + kTiny;
  };
  const Tensor bone2 = (spread(joints2, 2) / spread(joints3, 3)).view({-1, 1, 1, 1});
  std::vector<double> deviations2;
  for (int edge = 0; edge < kNumEdges; ++edge) {
    const double deviation = kBoneDeviations[static_cast<size_t>(edge) % kBoneDeviations.size()];
    deviations2.push_back(deviation * deviation);
  }
  return 1 / (bone2 * torch::tensor(deviations2, joints2.options()).view({1, 1, 1, -1}));
}

std::shared_ptr<Encoder> MakeEncoder(Modality modality, const ModelOptions& options) {
  if (IsImage(modality)) return std::make_shared<ImageEncoder>(modality, options);
  return std::make_shared<JointEncoder>(modality, options);
}

}  // namespace

JointEncoder::JointEncoder(Modality modality, const ModelOptions& options)
    : scale_(ScaleOf(modality)) {
  layers_ = register_module("layers",
                            Perceptron(InputSize(modality, 0),
                                       options.mlp_width,
                                       options.mlp_encoder_layers,
                                       2 * options.PoseDim()));
}

Posterior JointEncoder::Encode(const Tensor& x, const Tensor&) {
  return SplitPosterior(layers_->forward(x * scale_));
}

JointDecoder::JointDecoder(Modality modality, const ModelOptions& options)
    : scale_(ScaleOf(modality)), pose_dim_(options.PoseDim()) {
  layers_ = register_module("layers",
                            Perceptron(options.PoseDim(),
                                       options.mlp_width,
                                       options.mlp_decoder_layers,
                                       InputSize(modality, 0)));
}

Tensor JointDecoder::Decode(const Tensor& z, const ShownJoints&) {
  return layers_->forward(z.narrow(1, 0, pose_dim_)) / scale_;
}

ImageEncoder::ImageEncoder(Modality modality, const ModelOptions& options)
    : depth_(modality == Modality::kDepth), told_(options.TellsSide()) {
  const int64_t width = depth_ ? options.depth_encoder_width : options.rgb_encoder_width;
  const int64_t blocks = depth_ ? options.depth_encoder_blocks : options.rgb_encoder_blocks;
  stages_ = register_module("stages", nn::Sequential());
  AddStem(width, options);
  const int64_t stem_stride = options.rgb_encoder_stride == 0 ? 4 : options.rgb_encoder_stride;
  int64_t channels = width;
  int stage = 0;
  for (int64_t px = options.rgb_px / stem_stride; px > kEncoderEnd; px /= 2, ++stage) {
    const int64_t out = std::min(2 * channels, kMaxWidening * width);
    for (int64_t block = 0; block < blocks; ++block) {
      stages_->push_back("stage" + std::to_string(stage) + "block" + std::to_string(block),
                         ResidualBlock(channels, out, block == 0 ? 2 : 1));
      channels = out;
    }
  }
  // The last stage works at the final resolution.
  stages_->push_back("last", ResidualBlock(channels, channels, 1));
  const int64_t features = channels * kEncoderEnd * kEncoderEnd;
  int64_t found = features;
  if (options.joint_map_width > 0) {
    const auto channels_at = [&](int64_t px) {
      return std::min(width * options.rgb_px / (stem_stride * px), kMaxWidening * width);
    };
    maps_ = register_module("maps",
                            JointMaps(channels_at(kJointMapPx),
                                      channels_at(kJointMapPx / 2),
                                      channels,
                                      options.joint_map_width));
    const int64_t seen = features + kNumJoints * (3 + options.joint_map_width);
    found_ = register_module("found",
                             nn::Sequential(nn::Linear(seen, kFoundWidth),
                                            nn::ReLU(),
                                            nn::Linear(kFoundWidth, kFoundWidth),
                                            nn::ReLU()));
    found = kFoundWidth;
  }
  head_ =
      register_module("head", nn::Linear(told_ ? found + kSides : found, 2 * options.PoseDim()));
  if (options.side_head != 0) side_ = register_module("side_head", nn::Linear(features, 1));
}

void ImageEncoder::AddStem(int64_t width, const ModelOptions& options) {
  const int64_t planes = depth_ ? 1 : 3;
  if (options.rgb_encoder_stride > 0) {
    stages_->push_back("stem", ConvNorm(planes, width, 5, options.rgb_encoder_stride));
    stages_->push_back("relu", nn::ReLU());
    return;
  }
  stages_->push_back("stem", ConvNorm(planes, width / 2, 3, 2));
  stages_->push_back("relu", nn::ReLU());
  stages_->push_back("stem2", ConvNorm(width / 2, width, 3, 2));
  stages_->push_back("relu2", nn::ReLU());
  stages_->push_back("stem3", ResidualBlock(width, width, 1));
}

Posterior ImageEncoder::Encode(const Tensor& x, const Tensor& sides) {
  const Tensor centred = depth_ ? x : (x - kRgbCentre) * kRgbScale;
  JointSight sight;
  Tensor features;
  {
    const Bfloat16Scope scope(bfloat16_);
    features = ChannelsLast(centred);
    Tensor at16;
    Tensor at8;
    for (nn::AnyModule& stage : *stages_) {
      features = stage.forward(features);
      if (features.size(2) == kJointMapPx) at16 = features;
      if (features.size(2) == kJointMapPx / 2) at8 = features;
    }
    if (!maps_.is_empty()) sight = maps_->Look(at16, at8, features);
  }
  features = features.to(x.scalar_type()).flatten(1);
  Tensor seen = features;
  if (!maps_.is_empty()) {
    seen = found_->forward(at::cat({features, sight.places.flatten(1), sight.features}, 1));
  }
  if (told_) seen = at::cat({seen, sides}, 1);
  Posterior posterior = SplitPosterior(head_->forward(seen));
  posterior.places = sight.places;
  if (!side_.is_empty()) posterior.side = side_->forward(features).squeeze(1);
  return posterior;
}

AppearanceEncoder::AppearanceEncoder(const ModelOptions& options) {
  const int64_t width = kAppearanceWidth;
  layers_ = register_module("layers",
                            nn::Sequential(ConvNorm(3, width, 3, 2),
                                           nn::ReLU(),
                                           ConvNorm(width, 2 * width, 3, 2),
                                           nn::ReLU(),
                                           ConvNorm(2 * width, 4 * width, 3, 2),
                                           nn::ReLU()));
  head_ = register_module("head", nn::Linear(4 * width, 2 * options.appearance_dim));
}

Posterior AppearanceEncoder::Encode(const Tensor& x) {
  const Tensor small = at::adaptive_avg_pool2d(x, {kAppearanceIn, kAppearanceIn});
  const Tensor features = layers_->forward((small - kRgbCentre) * kRgbScale);
  return SplitPosterior(head_->forward(features.mean({2, 3})));
}

ImageDecoder::ImageDecoder(Modality modality,
                           const ModelOptions& options,
                           std::shared_ptr<Decoder> joints2,
                           std::shared_ptr<Decoder> joints3)
    : width_(modality == Modality::kRgb ? options.rgb_decoder_width : options.depth_decoder_width),
      code_dim_(modality == Modality::kRgb ? options.latent_dim : options.PoseDim()) {
  if (modality == Modality::kRgb && joints2 && joints3 && options.rgb_decoder_bones != 0) {
    joints2_ = std::move(joints2);
    joints3_ = std::move(joints3);
  }
  const int64_t first_image = width_ * kDecoderStart * kDecoderStart;
  stem_ = register_module(
      "stem", Perceptron(code_dim_, options.mlp_width, options.rgb_decoder_layers, first_image));
  stem_conv_ = register_module("stem_conv", Conv3x3(width_, width_));
  int64_t channels = width_;
  int64_t px = kDecoderStart;
  for (; 2 * px < options.rgb_px; px *= 2) {
    if (joints2_ && px == kBonesAt) channels = AddBonesConv(channels);
    const int64_t out = std::max(channels / 2, kMinDecoderWidth);
    stages_.push_back(register_module("stage" + std::to_string(stages_.size()),
                                      Conv3x3(channels, kSubPixels * out)));
    channels = out;
  }
  if (joints2_ && px == kBonesAt) channels = AddBonesConv(channels);
  if (joints2_) fine_ = register_module("fine", Conv3x3(channels, channels));
  const int64_t planes = modality == Modality::kRgb ? kRgba : 1;
  head_ = register_module("head", Conv3x3(channels, kSubPixels * planes));
}

int64_t ImageDecoder::AddBonesConv(int64_t channels) {
  bones_conv_ = register_module("bones_conv", Conv3x3(channels + kBonePlanes, kBonesWidth));
  return kBonesWidth;
}

Tensor ImageDecoder::Decode(const Tensor& z, const ShownJoints& shown) {
  Tensor x = at::relu(stem_->forward(z.narrow(1, 0, code_dim_)));
  x = ChannelsLast(x.view({-1, width_, kDecoderStart, kDecoderStart}));
  const Tensor bones = Bones(z, shown);  // in float: half a pixel would be lost in bfloat16
  {
    const Bfloat16Scope scope(bfloat16_);
    x = at::relu(stem_conv_->forward(x));
    for (nn::Conv2d& stage : stages_) {
      x = at::pixel_shuffle(at::relu(stage->forward(WithBones(x, bones))), 2);
    }
    x = WithBones(x, bones);
    if (!fine_.is_empty()) x = at::relu(fine_->forward(x));
    x = at::pixel_shuffle(head_->forward(x), 2);
  }
  return x.to(z.scalar_type());
}

Tensor ImageDecoder::Bones(const Tensor& z, const ShownJoints& shown) {
  if (!joints2_) return {};
  torch::NoGradGuard no_grad;
  return shown.defined() ? DrawBones(shown.joints2, shown.joints3, kBonesAt)
                         : DrawBones(joints2_->Decode(z), joints3_->Decode(z), kBonesAt);
}

Tensor ImageDecoder::WithBones(const Tensor& x, const Tensor& bones) {
  if (!bones.defined() || x.size(2) != kBonesAt) return x;
  // Both are channels-last, and the result is: a concatenation of channels that is one of rows.
  const Tensor both =
      at::cat({x.permute({0, 2, 3, 1}), bones.to(x.scalar_type()).permute({0, 2, 3, 1})}, 3);
  return at::relu(bones_conv_->forward(both.permute({0, 3, 1, 2})));
}

Tensor DrawBones(const Tensor& joints2, const Tensor& joints3, int64_t px) {
  constexpr double kTiny = 1e-6;
  // Bones are the last dimension, as convolutions want their channels: {N, rows, columns, 20}.
  const auto per_bone = [](const Tensor& vectors, int64_t axis) {
    return vectors.select(2, axis).contiguous().view({-1, 1, 1, kNumEdges});
  };
  const auto ends = [](const Tensor& joints, int64_t coordinates) {
    return joints.view({-1, kNumJoints, coordinates}).slice(1, 1, kNumJoints);
  };
  // Pixel centres across [-1, 1].
  const Tensor centres = (2 * at::arange(px, joints2.options()) + 1) / static_cast<double>(px) - 1;
  const Tensor vectors = BoneVectors(joints2);
  const Tensor along_x = per_bone(vectors, 0);
  const Tensor along_y = per_bone(vectors, 1);
  const Tensor starts = ends(joints2, 2) - vectors;
  const Tensor from_x = centres.view({1, 1, px, 1}) - per_bone(starts, 0);
  const Tensor from_y = centres.view({1, px, 1, 1}) - per_bone(starts, 1);
  const Tensor per_length2 = 1 / (along_x.square() + along_y.square() + kTiny);
  const Tensor t =
      (from_x * (along_x * per_length2) + from_y * (along_y * per_length2)).clamp_(0, 1);
  const Tensor distance2 = (from_x - t * along_x).square_().add_((from_y - t * along_y).square_());
  const Tensor lines = distance2.mul_(-0.5 * BonePrecision(joints2, joints3)).exp_();

  const Tensor z_along = per_bone(BoneVectors(joints3), 2);
  const Tensor z = (t * z_along).add_(per_bone(ends(joints3, 3), 2) - z_along);
  Tensor shares =
      (z - kBesideBone * lines).mul_(-1 / kBehindBone).clamp_(-kMaxExponent, kMaxExponent).exp_();
  shares = shares.div_(shares.sum(3, true)).mul_(lines);
  return at::cat({lines, shares, (shares * z).sum(3, true)}, 3).permute({0, 3, 1, 2});
}

void ImageDecoder::EqualiseSubPixels() {
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
  const bool seeded = initialisation == Initialisation::kSeeded;
  const auto decoder_of = [&networks](Modality modality) -> std::shared_ptr<Decoder>& {
    return networks.decoders[static_cast<size_t>(modality)];
  };
  for (const Modality modality : kModalities) {
    const size_t m = static_cast<size_t>(modality);
    if (has_encoder[m]) {
      networks.encoders[m] = MakeEncoder(modality, options);
      if (seeded) Initialise(networks.encoders[m].get(), seed, EncoderId(modality));
    }
    if (has_decoder[m] && !IsImage(modality)) {
      networks.decoders[m] = std::make_shared<JointDecoder>(modality, options);
      if (seeded) Initialise(networks.decoders[m].get(), seed, DecoderId(modality));
    }
  }
  // After the joint decoders, which they look at.
  for (const Modality modality : {Modality::kRgb, Modality::kDepth}) {
    if (!has_decoder[static_cast<size_t>(modality)]) continue;
    const auto decoder = std::make_shared<ImageDecoder>(
        modality, options, decoder_of(Modality::kJoints2), decoder_of(Modality::kJoints3));
    if (seeded) {
      Initialise(decoder.get(), seed, DecoderId(modality));
      decoder->EqualiseSubPixels();
    }
    decoder_of(modality) = decoder;
  }
  const size_t rgb = static_cast<size_t>(Modality::kRgb);
  if (options.appearance_dim > 0 && has_encoder[rgb] && has_decoder[rgb]) {
    networks.appearance = std::make_shared<AppearanceEncoder>(options);
    if (seeded) Initialise(networks.appearance.get(), seed, kAppearanceId);
  }
  return networks;
}

Posterior HandNetworks::Encode(Modality modality,
                               const Tensor& x,
                               const Tensor& image,
                               const Tensor& sides) const {
  Posterior posterior = encoders[static_cast<size_t>(modality)]->Encode(x, sides);
  if (options.appearance_dim == 0) return posterior;
  const Tensor prior = at::zeros({x.size(0), options.appearance_dim}, posterior.mean.options());
  Posterior skin{prior, prior};
  if (image.defined() && appearance) skin = appearance->Encode(image);
  posterior.mean = at::cat({posterior.mean, skin.mean}, 1);
  posterior.logvar = at::cat({posterior.logvar, skin.logvar}, 1);
  return posterior;
}

std::map<std::string, std::shared_ptr<torch::nn::Module>> HandNetworks::Modules() const {
  std::map<std::string, std::shared_ptr<torch::nn::Module>> modules;
  for (const Modality modality : kModalities) {
    const size_t m = static_cast<size_t>(modality);
    if (encoders[m]) modules[EncoderName(modality)] = encoders[m];
    if (decoders[m]) modules[DecoderName(modality)] = decoders[m];
  }
  if (appearance) modules[kAppearanceName] = appearance;
  return modules;
}

void HandNetworks::SetTraining(bool training) {
  for (const auto& [name, module] : Modules()) module->train(training);
}

void HandNetworks::Fold() {
  for (const auto& [name, network] : Modules()) {
    network->apply([](torch::nn::Module& module) {
      if (auto* conv_norm = module.as<ConvNormImpl>()) conv_norm->Fold();
    });
  }
}

void HandNetworks::To(const torch::Device& device) {
  for (const auto& [name, module] : Modules()) module->to(device);
}

void HandNetworks::UseBfloat16() {
  for (const auto& encoder : encoders) {
    if (encoder) encoder->UseBfloat16();
  }
  for (const auto& decoder : decoders) {
    if (decoder) decoder->UseBfloat16();
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

bool ChoosesBfloat16(const std::string& precision) {
  if (precision == "float32" || precision == "bfloat16") return precision == "bfloat16";
  if (precision != "auto") {
    throw UsageError("precision = " + precision + "; expected float32, bfloat16 or auto");
  }
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

Tensor KlDivergence(const Posterior& posterior) {
  const Tensor terms = posterior.mean.square() + posterior.logvar.exp() - posterior.logvar - 1;
  return 0.5 * terms.sum(1).mean();
}

Tensor BoneVectors(const Tensor& joints) {
  std::vector<int64_t> parents;
  std::vector<int64_t> children;
  for (const auto& edge : Edges()) {
    parents.push_back(edge[0]);
    children.push_back(edge[1]);
  }
  const auto options = torch::TensorOptions().dtype(at::kLong);
  const Tensor points = joints.view({-1, kNumJoints, joints.size(1) / kNumJoints});
  const auto pick = [&](const std::vector<int64_t>& indices) {
    return points.index_select(1, torch::tensor(indices, options).to(joints.device()));
  };
  return pick(children) - pick(parents);
}

Tensor MeanDistance(const Tensor& a, const Tensor& b) {
  constexpr double kTiny = 1e-6;
  return ((a - b).square().sum(-1) + kTiny).sqrt().mean();
}

Tensor Reparameterise(const Posterior& posterior, const Tensor& noise) {
  return posterior.mean + noise * (0.5 * posterior.logvar).exp();
}

namespace {

constexpr double kTiny = 1e-6;  // a batch without a valid pixel has loss 0

// What a loss is divided by.
Tensor TotalWeight(const Tensor& weights) {
  const Tensor sum = weights.detach().sum();
  ProcessGroup* const group = SharedStatisticsScope::Current();
  return group == nullptr ? sum : SumAcross(sum, group) / group->count();
}

}  // namespace

ImageLoss ComputeImageLoss(const Tensor& logits,
                           const Tensor& target,
                           const Tensor& has_alpha,
                           const Tensor& has_mask,
                           double background_weight) {
  const Tensor alpha = target.slice(1, 3, 4);
  const Tensor valid = target.slice(1, 4, 5);

  // Images without a mask weigh all their pixels alike.
  const Tensor masked = has_mask.view({-1, 1, 1, 1});
  const Tensor foreground = alpha * masked + (1 - masked);
  const Tensor weight = valid * (background_weight + (1 - background_weight) * foreground);
  const Tensor colours = logits.slice(1, 0, 3).sigmoid();
  const Tensor error = (colours - target.slice(1, 0, 3)).abs() * weight;
  ImageLoss loss;
  loss.colour = error.sum() / (3 * TotalWeight(weight) + kTiny);

  const Tensor mask = valid * has_alpha.view({-1, 1, 1, 1});
  const Tensor entropy = at::binary_cross_entropy_with_logits(
      logits.slice(1, 3, 4), alpha, {}, {}, at::Reduction::None);
  loss.alpha = (entropy * mask).sum() / (TotalWeight(mask) + kTiny);

  Tensor inside = valid * foreground;
  Tensor rest = (colours - target.slice(1, 0, 3)) * inside;
  loss.detail = at::zeros({}, logits.options());
  for (int level = 0; level < kDetailLevels && rest.size(2) > 1; ++level) {
    if (level > 0) {
      rest = at::avg_pool2d(rest, 2);
      inside = at::avg_pool2d(inside, 2);
    }
    const Tensor across = rest.diff(1, 3).abs().sum();
    const Tensor down = rest.diff(1, 2).abs().sum();
    loss.detail = loss.detail + (across + down) / (6 * TotalWeight(inside) + kTiny) / kDetailLevels;
  }
  return loss;
}

Tensor ComputeDepthLoss(const Tensor& said, const Tensor& target, double background_weight) {
  const Tensor truth = target.slice(1, 0, 1);
  const Tensor foreground = (truth < 1).to(said.scalar_type());
  const Tensor weight =
      target.slice(1, 1, 2) * (background_weight + (1 - background_weight) * foreground);
  return ((said - truth).abs() * weight).sum() / (TotalWeight(weight) + kTiny);
}

}  // namespace handforge
