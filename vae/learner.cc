#include "vae/learner.h"

#include "vae/flat_adam.h"
#include "vae/module_io.h"
#include "vae/networks.h"

#include <cmath>
#include <map>
#include <thread>

#include <torch/torch.h>

namespace handforge {
namespace {

using torch::Tensor;

// 2D errors are weighed in units of this share of half the crop, the spread of crop coordinates.
constexpr double kJoints2Spread = 0.35;

int ThreadsOf(const TrainOptions& options) {
  if (options.threads > 0) return static_cast<int>(options.threads);
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

HandNetworks MakeNetworks(const TrainOptions& options) {
  ModalitySet encoders = {};
  ModalitySet decoders = {};
  for (const Pair& pair : ParsePairs(options.pairs)) {
    encoders[static_cast<size_t>(pair.from)] = true;
    decoders[static_cast<size_t>(pair.to)] = true;
  }
  return HandNetworks::Create(
      options.model, encoders, decoders, Initialisation::kSeeded, options.seed);
}

}  // namespace

bool StepLosses::Finite() const { return std::isfinite(loss) && std::isfinite(gradient_norm); }

struct Learner::Impl {
  TrainOptions options;
  torch::Device device;
  HandNetworks networks;
  std::map<std::string, FlatAdam> optimisers;  // by module name

  explicit Impl(const TrainOptions& train_options)
      : options(train_options),
        device(ChooseDevice(train_options.device)),
        networks(MakeNetworks(train_options)) {
    at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/true);
    at::globalContext().setBenchmarkCuDNN(false);
    networks.To(device);
    networks.SetTraining(true);
    AdamOptions adam;
    adam.max_gradient_norm = options.max_gradient_norm;
    for (const Modality modality : kModalities) {
      const size_t m = static_cast<size_t>(modality);
      if (networks.encoders[m]) {
        optimisers.emplace(EncoderName(modality), FlatAdam(networks.encoders[m], adam));
      }
      if (networks.decoders[m]) {
        optimisers.emplace(DecoderName(modality), FlatAdam(networks.decoders[m], adam));
      }
    }
  }

  Tensor ToDevice(const std::vector<float>& values, at::IntArrayRef shape) const {
    return torch::from_blob(const_cast<float*>(values.data()), shape, at::kFloat).to(device);
  }

  // Rows of a modality as a tensor; images have `planes` planes.
  Tensor Rows(const std::vector<float>& values, Modality modality, int rows, int planes) const {
    const int64_t px = options.model.rgb_px;
    if (modality == Modality::kRgb) return ToDevice(values, {rows, planes, px, px});
    return ToDevice(values, {rows, InputSize(modality, 0)});
  }

  // Fills the reconstruction terms and returns their weighted sum.
  Tensor Reconstruction(const Batch& batch, const Tensor& said, StepLosses* losses) const {
    const Modality to = batch.pair.to;
    const Tensor target = Rows(batch.target, to, batch.rows, kImagePlanes);
    if (to == Modality::kRgb) {
      const ImageLoss image = ComputeImageLoss(
          said, target, ToDevice(batch.has_alpha, {batch.rows}), options.background_weight);
      losses->reconstruction = image.colour.item<double>();
      losses->alpha = image.alpha.item<double>();
      return options.colour_weight * image.colour + options.alpha_weight * image.alpha;
    }
    const bool flat = to == Modality::kJoints2;
    const double unit = flat ? 1 / (kJoints2Spread * kJoints2Spread) : 1;
    const Tensor error = unit * at::mse_loss(said, target);
    losses->reconstruction = error.item<double>();
    if (flat) return options.joints2_weight * error;
    const Tensor bones = at::mse_loss(BoneVectors(said), BoneVectors(target));
    return options.joints3_weight * (error + options.bones_weight * bones);
  }
};

Learner::Learner(const TrainOptions& options) {
  at::set_num_threads(ThreadsOf(options));
  impl_ = std::make_unique<Impl>(options);
}

Learner::~Learner() = default;

void Learner::UseTrainingThreads() { at::set_num_threads(ThreadsOf(impl_->options)); }

StepLosses Learner::Step(const Batch& batch, double learning_rate) {
  Encoder& encoder = *impl_->networks.encoders[static_cast<size_t>(batch.pair.from)];
  Decoder& decoder = *impl_->networks.decoders[static_cast<size_t>(batch.pair.to)];
  FlatAdam& encoder_adam = impl_->optimisers.at(EncoderName(batch.pair.from));
  FlatAdam& decoder_adam = impl_->optimisers.at(DecoderName(batch.pair.to));

  // Forward.
  StepLosses losses;
  const Posterior posterior =
      encoder.Encode(impl_->Rows(batch.input, batch.pair.from, batch.rows, 3));
  const Tensor noise = impl_->ToDevice(batch.noise, {batch.rows, impl_->options.model.latent_dim});
  const Tensor said = decoder.Decode(Reparameterise(posterior, noise));
  const Tensor kl = KlDivergence(posterior);
  const Tensor loss = impl_->Reconstruction(batch, said, &losses) + impl_->options.beta * kl;
  losses.kl = kl.item<double>();
  losses.loss = loss.item<double>();
  if (!std::isfinite(losses.loss)) return losses;

  // Backward and step.
  encoder_adam.ZeroGradient();
  decoder_adam.ZeroGradient();
  loss.backward();
  const double encoder_norm = encoder_adam.GradientNorm();
  const double decoder_norm = decoder_adam.GradientNorm();
  losses.gradient_norm = std::hypot(encoder_norm, decoder_norm);
  if (!losses.Finite()) return losses;
  encoder_adam.Step(learning_rate, encoder_norm);
  decoder_adam.Step(learning_rate, decoder_norm);
  return losses;
}

void Learner::AddNetworks(TensorFile* file) const { handforge::AddNetworks(impl_->networks, file); }

void Learner::AddOptimisers(TensorFile* file) const {
  for (const auto& [name, adam] : impl_->optimisers) adam.Save("adam." + name, file);
}

void Learner::Restore(const TensorFile& file) {
  ReadNetworks(file, &impl_->networks);
  for (auto& [name, adam] : impl_->optimisers) adam.Load("adam." + name, file);
}

}  // namespace handforge
