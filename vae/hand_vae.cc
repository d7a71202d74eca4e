#include "vae/hand_vae.h"

#include "io/core/error.h"
#include "io/core/skeleton.h"
#include "io/files.h"
#include "vae/model_file.h"
#include "vae/module_io.h"
#include "vae/networks.h"
#include "vae/targets.h"

#include <cmath>
#include <cstring>
#include <utility>

#include <torch/torch.h>

namespace handforge {
namespace {

using torch::Tensor;

// Debian's LibTorch keeps the number of intra-op threads per calling thread (OpenMP), and threads
// start with the process-wide default.
void UseOneThread() {
  if (at::get_num_threads() != 1) at::set_num_threads(1);
}

Tensor Wrap(const float* values, at::IntArrayRef shape) {
  return torch::from_blob(const_cast<float*>(values), shape, at::kFloat);
}

template <typename T>
void CopyOut(const Tensor& tensor, T* out) {
  const Tensor host = tensor.to(at::kCPU).contiguous();
  std::memcpy(out, host.data_ptr(), static_cast<size_t>(host.nbytes()));
}

template <typename T>
std::vector<T> ToVector(const Tensor& tensor) {
  std::vector<T> values(static_cast<size_t>(tensor.numel()));
  CopyOut(tensor, values.data());
  return values;
}

}  // namespace

struct HandVae::Impl {
  VaeInfo info;
  HandNetworks networks;
  torch::Device device{torch::kCPU};
  std::vector<float> mean_joints3;
  std::vector<float> mean_joints2;
  std::vector<float> mean_rgba;
  // Empty where the file has none.
  std::vector<float> latent_mean;
  std::vector<float> latent_cholesky;
  std::vector<float> bank_mean;
  std::vector<float> bank_logvar;

  void ReadStatistics(const TensorFile& file);
  // Inputs of an encoder. Throws UsageError where the model has no such one.
  Tensor Input(Modality modality, const float* input, int rows) const {
    if (!networks.encoders[static_cast<size_t>(modality)]) {
      throw UsageError(std::string("the model has no encoder of ") + ModalityName(modality) +
                       "; it was trained without a pair " + ModalityName(modality) + "->...");
    }
    const int64_t px = info.rgb_px;
    if (modality == Modality::kRgb) {
      return Wrap(input, {rows, px, px, 3}).permute({0, 3, 1, 2}).contiguous().to(device);
    }
    if (modality == Modality::kDepth) return Wrap(input, {rows, 1, px, px}).to(device);
    return Wrap(input, {rows, InputSize(modality, info.rgb_px)}).to(device);
  }

  // {rows, 2}, undefined where nothing is told.
  Tensor Sides(Modality modality, const uint8_t* sides, int rows) const {
    if (!info.model.TellsSide() || !IsImage(modality)) return {};
    if (sides == nullptr) {
      throw UsageError(std::string("the model's encoder of ") + ModalityName(modality) +
                       " has to be told which hand it is shown (model.side_input = 1); say left "
                       "or right");
    }
    Tensor bits = torch::zeros({rows, 2});
    for (int i = 0; i < rows; ++i) bits[i][sides[i]] = 1;
    return bits.to(device);
  }

  Decoder* FindDecoder(Modality modality) const {
    return networks.decoders[static_cast<size_t>(modality)].get();
  }
};

void HandVae::Impl::ReadStatistics(const TensorFile& file) {
  const int64_t px = info.rgb_px;
  const int64_t dim = info.latent_dim;
  mean_joints3 = file.Floats("baseline.joints3", {kNumJoints * 3});
  mean_joints2 = file.Floats("baseline.joints2", {kNumJoints * 2});
  mean_rgba = file.Floats("baseline.rgba", {px, px, 4});
  if (info.latent_encoder.empty()) return;
  latent_mean = file.Floats("latent.mean", {dim});
  latent_cholesky = file.Floats("latent.cholesky", {dim, dim});
  bank_mean = file.Floats("latent.bank_mean", {-1, dim});
  bank_logvar = file.Floats("latent.bank_logvar", {-1, dim});
  if (bank_mean.empty() || bank_mean.size() != bank_logvar.size()) {
    throw DataError(file.source + ": latent.bank_mean and latent.bank_logvar must have the same, " +
                    "non-zero number of rows");
  }
}

double VaeInfo::UnitMm(double true_bone_mm) const {
  return model.metric_scale != 0 ? kMetricUnitMm : true_bone_mm;
}

void RequireRightHandsInBoneLengths(const VaeInfo& info, const std::string& command) {
  if (info.model.MirrorsLeftHands() && info.model.metric_scale == 0) return;
  throw UsageError(command +
                   " needs a model of right hands in bone lengths (model.side_input = 0, " +
                   "model.metric_scale = 0); this one has side_input = " +
                   std::to_string(info.model.side_input) +
                   ", metric_scale = " + std::to_string(info.model.metric_scale));
}

LatentSource ParseLatentSource(const std::string& name) {
  if (name == "prior") return LatentSource::kPrior;
  if (name == "gaussian") return LatentSource::kGaussian;
  if (name == "kernel") return LatentSource::kKernel;
  throw UsageError("latent source \"" + name + "\"; expected prior, gaussian or kernel");
}

HandVae::HandVae(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HandVae::HandVae(HandVae&&) noexcept = default;
HandVae& HandVae::operator=(HandVae&&) noexcept = default;
HandVae::~HandVae() = default;

HandVae HandVae::Load(const std::filesystem::path& file,
                      const std::string& device,
                      const std::string& precision) {
  HandVae vae = FromTensors(TensorFile::Read(file), device, precision);
  vae.impl_->info.sha256 = Sha256OfFile(file);
  return vae;
}

HandVae HandVae::FromTensors(const TensorFile& tensors,
                             const std::string& device,
                             const std::string& precision) {
  auto impl = std::make_unique<Impl>();
  impl->info = ReadDescription(tensors);
  impl->device = ChooseDevice(device);
  impl->ReadStatistics(tensors);
  const VaeInfo& info = impl->info;
  impl->networks = HandNetworks::Create(
      info.model, info.has_encoder, info.has_decoder, Initialisation::kNone, 0);
  ReadNetworks(tensors, &impl->networks);
  impl->networks.To(impl->device);
  impl->networks.SetTraining(false);
  impl->networks.Fold();
  if (ChoosesBfloat16(precision)) impl->networks.UseBfloat16();
  return HandVae(std::move(impl));
}

const VaeInfo& HandVae::info() const { return impl_->info; }
const std::vector<float>& HandVae::mean_joints3() const { return impl_->mean_joints3; }
const std::vector<float>& HandVae::mean_joints2() const { return impl_->mean_joints2; }
const std::vector<float>& HandVae::mean_rgba() const { return impl_->mean_rgba; }

void HandVae::Decode(const float* z,
                     int rows,
                     DecodedBatch* decoded,
                     const DecodeRequest& request) const {
  UseOneThread();
  c10::InferenceMode inference;
  const Tensor codes = Wrap(z, {rows, info().latent_dim}).to(impl_->device);
  *decoded = DecodedBatch();
  decoded->rows = rows;
  ShownJoints said;
  Decoder* joints3 = impl_->FindDecoder(Modality::kJoints3);
  if (joints3 != nullptr && request.joints3) {
    said.joints3 = joints3->Decode(codes);
    decoded->joints3 = ToVector<float>(said.joints3);
  }
  Decoder* joints2 = impl_->FindDecoder(Modality::kJoints2);
  if (joints2 != nullptr && request.joints2) {
    said.joints2 = joints2->Decode(codes);
    decoded->joints2 = ToVector<float>(said.joints2);
  }
  Decoder* rgb = impl_->FindDecoder(Modality::kRgb);
  if (rgb != nullptr && request.rgba) {
    const Tensor bytes = rgb->Decode(codes, said).sigmoid().mul(255).round().to(at::kByte);
    decoded->rgba = ToVector<uint8_t>(bytes.permute({0, 2, 3, 1}));
  }
  Decoder* depth = impl_->FindDecoder(Modality::kDepth);
  if (depth != nullptr && request.depth) {
    decoded->depth = ToVector<float>(depth->Decode(codes).clamp(-1, 1));
  }
}

void HandVae::Encode(Modality modality,
                     const float* input,
                     int rows,
                     float* mean,
                     float* logvar,
                     const uint8_t* sides) const {
  UseOneThread();
  c10::InferenceMode inference;
  const Tensor x = impl_->Input(modality, input, rows);
  const Tensor image = modality == Modality::kRgb ? x : Tensor();
  const Posterior posterior =
      impl_->networks.Encode(modality, x, image, impl_->Sides(modality, sides, rows));
  CopyOut(posterior.mean, mean);
  if (logvar != nullptr) CopyOut(posterior.logvar, logvar);
}

void HandVae::EncodeSide(Modality modality, const float* input, int rows, float* left) const {
  UseOneThread();
  c10::InferenceMode inference;
  const Tensor x = impl_->Input(modality, input, rows);
  const Posterior posterior = impl_->networks.encoders[static_cast<size_t>(modality)]->Encode(x);
  if (!posterior.side.defined()) {
    throw UsageError(std::string("the model's encoder of ") + ModalityName(modality) +
                     " has no side head (model.side_head); say which hand it is");
  }
  CopyOut(posterior.side.sigmoid(), left);
}

std::vector<float> HandVae::SampleLatent(LatentSource source,
                                         Random* random,
                                         double temperature) const {
  if (source != LatentSource::kPrior && impl_->latent_mean.empty()) {
    throw UsageError("the model holds no latent statistics; sample from the prior");
  }
  const size_t dim = static_cast<size_t>(info().latent_dim);
  size_t member = 0;
  if (source == LatentSource::kKernel) {
    const size_t members = impl_->bank_mean.size() / dim;
    member = static_cast<size_t>(random->Integer(static_cast<int64_t>(members)));
  }
  std::vector<double> noise(dim);
  for (double& value : noise) value = random->Normal(0, temperature);

  std::vector<float> z(dim);
  for (size_t d = 0; d < dim; ++d) {
    double value = noise[d];
    if (source == LatentSource::kGaussian) {
      value = impl_->latent_mean[d];
      for (size_t k = 0; k <= d; ++k) value += impl_->latent_cholesky[d * dim + k] * noise[k];
    } else if (source == LatentSource::kKernel) {
      const size_t at = member * dim + d;
      value = impl_->bank_mean[at] + std::exp(0.5 * impl_->bank_logvar[at]) * noise[d];
    }
    z[d] = static_cast<float>(value);
  }
  return z;
}

}  // namespace handforge
