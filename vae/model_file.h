#pragma once

#include "vae/hand_vae.h"
#include "vae/samples.h"
#include "vae/tensor_file.h"

#include <filesystem>
#include <string>
#include <vector>

namespace handforge {

// What a model file holds beside the weights. Metadata texts:
//   format          "handforge.vae"
//   format_version  "1"
//   kind            "model" or "checkpoint"
//   model           ModelOptions as JSON
//   config          canonical training options
//   info            JSON: steps, focal_over_size, bone_mean_mm, bone_std_mm, data_sha256,
//                   encoders, decoders, latent_encoder
// Arrays (F32):
//   baseline.joints3 {63}, baseline.joints2 {42}, baseline.rgba {px, px, 4}
//   latent.mean {D}, latent.cholesky {D, D}        of the aggregate posterior
//   latent.bank_mean {M, D}, latent.bank_logvar {M, D}   posteriors of M training samples (F16)
constexpr const char* kModelFormat = "handforge.vae";
constexpr int kModelFormatVersion = 1;

// Writes the metadata of `info` (its sha256 aside) and the kind.
void DescribeModel(const VaeInfo& info, const std::string& kind, TensorFile* file);
// Throws DataError naming file and field, also for another format or version.
VaeInfo ReadDescription(const TensorFile& file);

// Statistics of the training set: fills focal_over_size, bone_* of `info` and adds `baseline.*`.
void AddDataStatistics(const SampleSet& train, VaeInfo* info, TensorFile* file);

// Moments of the aggregate posterior q(z) = mean over training samples of q(z | x), that is
// cov = cov(means) + diag(mean variances), by the 3D encoder where there is one (else 2D, else
// RGB), appearance by the RGB encoder; adds `latent.*` and fills `info->latent_encoder`.
void AddLatentStatistics(const HandVae& vae,
                         const SampleSet& train,
                         VaeInfo* info,
                         TensorFile* file);

}  // namespace handforge
