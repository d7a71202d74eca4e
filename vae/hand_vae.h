#pragma once

#include "io/core/random.h"
#include "vae/modality.h"
#include "vae/model_options.h"
#include "vae/tensor_file.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace handforge {

// What a model file says about itself.
struct VaeInfo {
  std::string sha256;  // of the file; "" for a model still in training
  ModelOptions model;
  int latent_dim = 0;
  int rgb_px = 0;
  ModalitySet has_encoder = {};
  ModalitySet has_decoder = {};
  bool has_side = false;  // image encoders tell left hands from right
  // Of the training crops: a decoded hand gets a camera of this focal length and a reference bone
  // of this length (io/core/skeleton.h).
  double focal_over_size = 0;  // median of fx / image width
  double bone_mean_mm = 0;
  double bone_std_mm = 0;
  int64_t steps = 0;                     // trained
  std::string config;                    // canonical text of the training options
  std::vector<std::string> data_sha256;  // manifests trained on
  std::string latent_encoder;  // "3d": whose posterior the latent statistics describe; "" if none

  // Millimetres in one unit of 3D joints, for a hand whose reference bone has that length. Models
  // with metric_scale say a hand's size themselves.
  double UnitMm(double true_bone_mm) const;
};
// Throws UsageError where a model speaks of left hands too or of millimetres, which `command` does
// not understand.
void RequireRightHandsInBoneLengths(const VaeInfo& info, const std::string& command);

// Decoded hands, right ones unless the model has side_input, row-major. A vector is empty where the
// model has no such decoder or it was not asked for.
struct DecodedBatch {
  int rows = 0;
  std::vector<float> joints3;  // {rows, 21, 3} palm-centred, units of VaeInfo::UnitMm, crop axes
  std::vector<float> joints2;  // {rows, 21, 2} in [-1, 1] across the crop
  std::vector<uint8_t> rgba;   // {rows, px, px, 4}; alpha 255 = hand, colours not premultiplied
  std::vector<float> depth;    // {rows, px, px} relative depth in [-1, 1] (vae/targets.h)
};

struct DecodeRequest {
  bool joints3 = true;
  bool joints2 = true;
  bool rgba = true;
  bool depth = true;
};

// Where latent codes come from.
enum class LatentSource {
  kPrior,     // N(0, I), what the KL term pulls towards
  kGaussian,  // the Gaussian with the moments of the aggregate posterior of the training data
  kKernel,    // the aggregate posterior itself: a training sample's posterior, chosen at random
};
// "prior", "gaussian", "kernel". Throws UsageError naming them.
LatentSource ParseLatentSource(const std::string& name);

// A trained cross-modal variational autoencoder (Spurr et al. 2018) for inference. Immutable:
// every const function may be called from several threads at once. Computation runs on one
// intra-op thread and leaves the calling thread set so: callers parallelise over batches. A row
// of the result depends in its last bits on the number of rows, not on the other rows.
class HandVae {
 public:
  // `device` is cpu, cuda or auto; `precision` of the convolutions on a CPU, float32, bfloat16 or
  // auto (ChoosesBfloat16 in vae/networks.h). Throws DataError: file missing, foreign, truncated,
  // of another version, an array missing, unknown or mis-shaped (each named); EnvironmentError: no
  // CUDA.
  static HandVae Load(const std::filesystem::path& file,
                      const std::string& device = "cpu",
                      const std::string& precision = "float32");
  // The same from memory.
  static HandVae FromTensors(const TensorFile& tensors,
                             const std::string& device,
                             const std::string& precision = "float32");

  HandVae(HandVae&&) noexcept;
  HandVae& operator=(HandVae&&) noexcept;
  ~HandVae();

  const VaeInfo& info() const;

  // z {rows, latent_dim} -> all requested modalities the model decodes.
  void Decode(const float* z,
              int rows,
              DecodedBatch* decoded,
              const DecodeRequest& request = DecodeRequest()) const;

  // Posterior of inputs {rows, InputSize(modality, rgb_px)}, units of vae/modality.h. `mean` and
  // `logvar` receive {rows, latent_dim} each; `logvar` may be null. The appearance part of codes of
  // anything but RGB is its prior. `sides` {rows} is the `Handedness` of hands in images for models
  // that are told (side_input = 1), else ignored. Throws UsageError where the model has no such
  // encoder, or is not told what it must be.
  void Encode(Modality modality,
              const float* input,
              int rows,
              float* mean,
              float* logvar,
              const uint8_t* sides = nullptr) const;

  // Of images as they are, not mirrored: the probability {rows} that each shows a left hand. Encode
  // wants those mirrored. Throws UsageError where the model has no side head or no such encoder.
  void EncodeSide(Modality modality, const float* input, int rows, float* left) const;

  // One code {latent_dim}: a pure function of (model, source, state of `random`, temperature).
  // `temperature` scales the deviations: 0 gives the source's mean (kKernel: a training mean),
  // 1 its distribution. Throws UsageError where the model lacks the statistics.
  std::vector<float> SampleLatent(LatentSource source, Random* random, double temperature) const;

  // What predicting without looking would say, for comparison: means over the training samples.
  const std::vector<float>& mean_joints3() const;  // {21, 3} units of VaeInfo::UnitMm
  const std::vector<float>& mean_joints2() const;  // {21, 2}
  const std::vector<float>& mean_rgba() const;     // {px, px, 4} in [0, 1]

 private:
  struct Impl;
  explicit HandVae(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace handforge
