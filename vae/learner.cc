#include "vae/learner.h"

#include "io/core/error.h"
#include "vae/flat_adam.h"
#include "vae/hand_limits.h"
#include "vae/module_io.h"
#include "vae/networks.h"
#include "vae/self_supervision.h"
#include "vae/shared_statistics.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
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
  std::optional<BoneRanges> bones;             // where limits_weight > 0
  ProcessGroup* group = nullptr;

  explicit Impl(const TrainOptions& train_options)
      : options(train_options),
        device(ChooseDevice(train_options.device)),
        networks(MakeNetworks(train_options)) {
    at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/true);
    at::globalContext().setBenchmarkCuDNN(false);
    networks.To(device);
    networks.SetTraining(true);
    if (options.precision == "bfloat16") networks.UseBfloat16();
    AdamOptions adam;
    adam.max_gradient_norm = options.max_gradient_norm;
    adam.average_decay = options.average_decay;
    for (const auto& [name, module] : networks.Modules()) {
      if (IsFixed(name)) {
        module->eval();
        for (Tensor& parameter : module->parameters()) parameter.set_requires_grad(false);
      } else {
        optimisers.emplace(name, FlatAdam(module, adam));
      }
    }
    CheckAllFixedAreThere();
  }

  bool IsFixed(const std::string& name) const {
    return std::find(options.fixed.begin(), options.fixed.end(), name) != options.fixed.end();
  }

  void CheckAllFixedAreThere() {
    const std::map<std::string, std::shared_ptr<torch::nn::Module>> modules = networks.Modules();
    for (const std::string& name : options.fixed) {
      if (modules.count(name) == 0) throw UsageError("fixed: " + UnknownNetwork(name, networks));
    }
    for (const Pass& pass : ParsePasses(options.pairs)) {
      if (OptimisersOf(pass).empty()) {
        throw UsageError("fixed: leaves nothing for the pair " + pass.Name() + " to train");
      }
    }
  }

  Tensor ToDevice(const std::vector<float>& values, at::IntArrayRef shape) const {
    return torch::from_blob(const_cast<float*>(values.data()), shape, at::kFloat).to(device);
  }

  // Rows of a modality as a tensor; images have `planes` planes.
  Tensor Rows(const std::vector<float>& values, Modality modality, int rows, int planes) const {
    const int64_t px = options.model.rgb_px;
    if (IsImage(modality)) return ToDevice(values, {rows, planes, px, px});
    return ToDevice(values, {rows, InputSize(modality, 0)});
  }

  // Where skin and light are to be seen; undefined where the pass decodes no picture.
  Tensor AppearanceImage(const Batch& batch, const Tensor& input) const {
    if (!networks.appearance || !batch.pass.Decodes(Modality::kRgb)) return {};
    if (batch.pass.from == Modality::kRgb) return input;
    return Rows(batch.appearance, Modality::kRgb, batch.rows + batch.left_rows, 3);
  }

  // Squared errors or distances of joints {N, 21 C} or bones, both of unit spread.
  Tensor JointError(const Tensor& said, const Tensor& truth, int64_t coordinates) const {
    if (options.joints_loss == "squared") return at::mse_loss(said, truth);
    return MeanDistance(said.reshape({-1, coordinates}), truth.reshape({-1, coordinates}));
  }

  // The labels of joints, where the pass has both.
  ShownJoints LabelledJoints(const Batch& batch) const {
    const auto labels = [&](Modality modality) {
      const std::vector<float>& values = batch.targets[static_cast<size_t>(modality)];
      return values.empty() ? Tensor() : Rows(values, modality, batch.rows, 0);
    };
    return {labels(Modality::kJoints2), labels(Modality::kJoints3)};
  }

  // Fills the reconstruction terms and returns their weighted sum.
  Tensor Reconstruction(const Batch& batch,
                        Modality to,
                        const Tensor& said,
                        StepLosses* losses) const {
    const std::vector<float>& values = batch.targets[static_cast<size_t>(to)];
    if (to == Modality::kRgb) {
      Tensor planes = Rows(values, to, batch.rows, kImagePlanes);
      const Tensor has_alpha = ToDevice(batch.has_alpha, {batch.rows});
      Tensor has_mask = has_alpha;
      if (options.own_masks) {
        planes = WithOwnAlpha(planes, has_alpha, said);
        has_mask = at::ones_like(has_alpha);
      }
      const ImageLoss image =
          ComputeImageLoss(said, planes, has_alpha, has_mask, options.background_weight);
      losses->reconstruction = image.colour.item<double>();
      losses->alpha = image.alpha.item<double>();
      return options.colour_weight * image.colour + options.alpha_weight * image.alpha +
             options.detail_weight * image.detail;
    }
    if (to == Modality::kDepth) {
      const Tensor error = ComputeDepthLoss(
          said, Rows(values, to, batch.rows, kDepthPlanes), options.background_weight);
      losses->reconstruction = error.item<double>();
      return options.depth_weight * error;
    }
    const bool flat = to == Modality::kJoints2;
    const double unit = flat ? 1 / kJoints2Spread : 1;
    const Tensor truth = unit * Rows(values, to, batch.rows, 0);
    const Tensor error = JointError(unit * said, truth, flat ? 2 : 3);
    losses->reconstruction = error.item<double>();
    if (flat) return options.joints2_weight * error;
    const Tensor bones = JointError(BoneVectors(said), BoneVectors(truth), 3);
    return options.joints3_weight * (error + options.bones_weight * bones);
  }

  // Cross-entropy of the side, both sides weighing alike; left rows are the last.
  Tensor SideLoss(const Batch& batch, const Tensor& logits, std::vector<StepLosses>* all) const {
    const Tensor right = at::softplus(logits.narrow(0, 0, batch.rows)).mean();
    const Tensor left = at::softplus(-logits.narrow(0, batch.rows, batch.left_rows)).mean();
    const Tensor error = 0.5 * (right + left);
    StepLosses losses;
    losses.pair = std::string(ModalityName(batch.pass.from)) + "->side";
    losses.reconstruction = error.item<double>();
    losses.loss = options.side_weight * losses.reconstruction;
    all->push_back(losses);
    return options.side_weight * error;
  }

  // Of the places {rows, 21, 3} that the encoder saw the joints at: x and y in units of their
  // spread, z in bone lengths.
  Tensor PlacesLoss(const Batch& batch, const Tensor& places, std::vector<StepLosses>* all) const {
    const auto truth = [&](Modality modality, int64_t coordinates) {
      return Rows(batch.targets[static_cast<size_t>(modality)], modality, batch.rows, 0)
          .view({batch.rows, -1, coordinates});
    };
    const Tensor xy = (places.narrow(2, 0, 2) - truth(Modality::kJoints2, 2)) / kJoints2Spread;
    const Tensor z = places.narrow(2, 2, 1) - truth(Modality::kJoints3, 3).narrow(2, 2, 1);
    const Tensor error = MeanDistance(xy, at::zeros_like(xy)) + MeanDistance(z, at::zeros_like(z));
    StepLosses losses;
    losses.pair = std::string(ModalityName(batch.pass.from)) + "->places";
    losses.reconstruction = error.item<double>();
    losses.loss = options.places_weight * losses.reconstruction;
    all->push_back(losses);
    return options.places_weight * error;
  }

  // How far apart two looks at the same pictures say the 3D joints, turned back.
  Tensor TurnsLoss(const Batch& batch,
                   const Posterior& posterior,
                   std::vector<StepLosses>* all) const {
    Decoder& decoder = *networks.decoders[static_cast<size_t>(Modality::kJoints3)];
    const Tensor said = decoder.Decode(posterior.mean).view({batch.rows, -1, 3});
    const Tensor error = DisagreementOfLooks(said, ToDevice(batch.turns, {batch.rows}));
    StepLosses losses;
    losses.pair = std::string(ModalityName(batch.pass.from)) + "->turns";
    losses.reconstruction = error.item<double>();
    losses.loss = options.turns_weight * losses.reconstruction;
    all->push_back(losses);
    return options.turns_weight * error;
  }

  // Impossible bones and angles of the 3D joints {rows, 63}.
  Tensor LimitsLoss(const Batch& batch, const Tensor& said, std::vector<StepLosses>* all) const {
    const Tensor joints = said.view({batch.rows, -1, 3});
    const Tensor error = BoneExcess(joints, *bones) + AngleExcess(joints);
    StepLosses losses;
    losses.pair = std::string(ModalityName(batch.pass.from)) + "->limits";
    losses.reconstruction = error.item<double>();
    losses.loss = options.limits_weight * losses.reconstruction;
    all->push_back(losses);
    return options.limits_weight * error;
  }

  // Weight of the KL term.
  double Beta(int64_t step) const {
    const double risen = static_cast<double>(step) /
                         static_cast<double>(std::max<int64_t>(1, options.beta_warmup_steps));
    return options.beta_warmup_steps == 0 ? options.beta : options.beta * std::min(1.0, risen);
  }

  // Means over the processes.
  void ShareLosses(std::vector<StepLosses>* all) const {
    if (group == nullptr) return;
    std::vector<double> values;
    for (const StepLosses& losses : *all) {
      for (const double value : {losses.loss, losses.reconstruction, losses.alpha, losses.kl}) {
        values.push_back(value / group->count());
      }
    }
    group->Sum(values.data(), static_cast<int64_t>(values.size()));
    const double* value = values.data();
    for (StepLosses& losses : *all) {
      losses.loss = *value++;
      losses.reconstruction = *value++;
      losses.alpha = *value++;
      losses.kl = *value++;
    }
  }

  void ShareGradient(FlatAdam* adam) const {
    if (group == nullptr) return;
    Tensor& gradient = adam->gradient();
    Tensor sum = gradient.to(at::kCPU);
    group->Sum(sum.data_ptr<float>(), sum.numel());
    sum.div_(group->count());
    if (!sum.is_same(gradient)) gradient.copy_(sum);
  }

  // Optimisers of the networks a pass trains: all it has that are not fixed.
  std::vector<FlatAdam*> OptimisersOf(const Pass& pass) {
    std::vector<std::string> names = {EncoderName(pass.from)};
    for (const Modality to : pass.to) names.push_back(DecoderName(to));
    if (pass.Decodes(Modality::kRgb)) names.push_back(kAppearanceName);
    std::vector<FlatAdam*> of_pass;
    for (const std::string& name : names) {
      const auto found = optimisers.find(name);
      if (found != optimisers.end()) of_pass.push_back(&found->second);
    }
    return of_pass;
  }

  // The input with what the RGB decoder paints of the labels of the first rows.
  Tensor WithDecoded(const Batch& batch, const Tensor& input) const {
    const int rows = batch.decoded_rows;
    if (rows == 0) return input;
    torch::NoGradGuard no_grad;
    const ShownJoints labels = LabelledJoints(batch);
    const ShownJoints shown{labels.joints2.narrow(0, 0, rows), labels.joints3.narrow(0, 0, rows)};
    const Tensor skin = input.narrow(0, 0, rows);
    // Its normalisation is to keep the statistics of the passes that train it.
    const bool training = networks.appearance && networks.appearance->is_training();
    if (training) networks.appearance->eval();
    const Posterior code = networks.Encode(Modality::kJoints3, shown.joints3, skin);
    if (training) networks.appearance->train();
    Decoder& decoder = *networks.decoders[static_cast<size_t>(Modality::kRgb)];
    const Tensor pictures = DecodedOver(Rows(batch.backgrounds, Modality::kRgb, rows, 3),
                                        decoder.Decode(code.mean, shown));
    return at::cat({pictures, input.narrow(0, rows, input.size(0) - rows)});
  }

  // Forward: the losses of each pair, and their sum with gradient.
  Tensor Losses(const Batch& batch, std::vector<StepLosses>* all) const {
    const Pass& pass = batch.pass;
    const Tensor shown = Rows(
        batch.input, pass.from, batch.rows + batch.left_rows, pass.from == Modality::kRgb ? 3 : 1);
    const Tensor input = WithDecoded(batch, shown);
    const Tensor sides = batch.sides.empty() ? Tensor() : ToDevice(batch.sides, {batch.rows, 2});
    Posterior posterior = networks.Encode(pass.from, input, AppearanceImage(batch, input), sides);
    Tensor loss = at::zeros({}, input.options());
    if (batch.left_rows > 0) {
      loss = SideLoss(batch, posterior.side, all);
      posterior.mean = posterior.mean.narrow(0, 0, batch.rows);
      posterior.logvar = posterior.logvar.narrow(0, 0, batch.rows);
    }
    if (posterior.places.defined() && pass.Decodes(Modality::kJoints2) &&
        pass.Decodes(Modality::kJoints3)) {
      loss = loss + PlacesLoss(batch, posterior.places.narrow(0, 0, batch.rows), all);
    }
    if (!batch.turns.empty()) loss = loss + TurnsLoss(batch, posterior, all);
    const Tensor noise = ToDevice(batch.noise, {batch.rows, options.model.latent_dim});
    const Tensor z = Reparameterise(posterior, noise);
    const Tensor kl = KlDivergence(posterior);
    const double beta = Beta(batch.step);
    loss = loss + beta * kl;
    for (const Modality to : pass.to) {
      StepLosses losses;
      losses.pair = Pair{pass.from, to, 1}.Name();
      losses.kl = kl.item<double>();
      Decoder& decoder = *networks.decoders[static_cast<size_t>(to)];
      const Tensor said = decoder.Decode(z, LabelledJoints(batch));
      const Tensor error = Reconstruction(batch, to, said, &losses);
      losses.loss = error.item<double>() + beta * losses.kl;
      loss = loss + error;
      all->push_back(losses);
      if (to == Modality::kJoints3 && bones) loss = loss + LimitsLoss(batch, said, all);
    }
    if (bones && pass.from == Modality::kRgb && pass.to == std::vector{Modality::kRgb}) {
      Decoder& joints = *networks.decoders[static_cast<size_t>(Modality::kJoints3)];
      loss = loss + LimitsLoss(batch, joints.Decode(z), all);
    }
    return loss;
  }
};

Learner::Learner(const TrainOptions& options, const SampleSet* samples, ProcessGroup* group) {
  at::set_num_threads(ThreadsOf(options));
  impl_ = std::make_unique<Impl>(options);
  impl_->group = group;
  if (options.limits_weight > 0 && samples != nullptr) impl_->bones = MeasureBones(*samples);
}

Learner::~Learner() = default;

void Learner::UseTrainingThreads() { at::set_num_threads(ThreadsOf(impl_->options)); }

std::vector<StepLosses> Learner::Step(const Batch& batch, double learning_rate) {
  std::vector<StepLosses> losses;
  const auto finite = [&losses] {
    return std::all_of(
        losses.begin(), losses.end(), [](const StepLosses& pair) { return pair.Finite(); });
  };
  const SharedStatisticsScope scope(impl_->group);
  const Tensor loss = impl_->Losses(batch, &losses);
  impl_->ShareLosses(&losses);
  if (!finite()) return losses;

  const std::vector<FlatAdam*> optimisers = impl_->OptimisersOf(batch.pass);
  for (FlatAdam* adam : optimisers) adam->ZeroGradient();
  loss.backward();
  for (FlatAdam* adam : optimisers) impl_->ShareGradient(adam);
  std::vector<double> norms;
  double norm = 0;
  for (const FlatAdam* adam : optimisers) {
    norms.push_back(adam->GradientNorm());
    norm = std::hypot(norm, norms.back());
  }
  for (StepLosses& pair : losses) pair.gradient_norm = norm;
  if (!finite()) return losses;
  for (size_t i = 0; i < optimisers.size(); ++i) optimisers[i]->Step(learning_rate, norms[i]);
  return losses;
}

void Learner::AddNetworks(TensorFile* file) const {
  handforge::AddNetworks(impl_->networks, Storage::kFloat, file);
}

void Learner::AddFinishedNetworks(bool half, TensorFile* file) {
  for (auto& [name, adam] : impl_->optimisers) adam.SwapAverage();
  handforge::AddNetworks(impl_->networks, half ? Storage::kHalf : Storage::kFloat, file);
  for (auto& [name, adam] : impl_->optimisers) adam.SwapAverage();
}

void Learner::AddOptimisers(TensorFile* file) const {
  for (const auto& [name, adam] : impl_->optimisers) adam.Save("adam." + name, file);
}

void Learner::StartFrom(const TensorFile& file, const std::string& network) {
  if (network.empty()) {
    ReadNetworks(file, &impl_->networks);
  } else {
    ReadNetwork(network, file, &impl_->networks);
  }
  for (auto& [name, adam] : impl_->optimisers) adam.ResetAverage();
}

void Learner::Restore(const TensorFile& file) {
  ReadNetworks(file, &impl_->networks);
  for (auto& [name, adam] : impl_->optimisers) adam.Load("adam." + name, file);
}

}  // namespace handforge
