#pragma once

#include "io/augment/augmenter.h"
#include "render/backdrop.h"
#include "render/environment.h"
#include "render/pose_library.h"
#include "render/rig.h"
#include "synth/latent_sampler.h"
#include "synth/synth_options.h"
#include "vae/hand_vae.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace handforge {

// What all workers of a synthesis share, read-only.
struct SynthWorld {
  SynthOptions options;
  Rig rig;
  std::string rig_text;
  HandVae model;
  PoseCondition condition;
  std::unique_ptr<LatentSampler> sampler;
  std::vector<Environment> environments;    // where backdrops or rendered pictures need them
  PhotographFolder photographs;             // likewise
  std::vector<std::string> parents_sha256;  // of the manifests of synth.parents
  std::optional<Augmenter> augmenter;       // where tuples are augmented
  std::vector<std::string> skipped_environments = {};  // files that cannot be read, and why
  std::vector<std::string> skipped_photographs = {};   // pictures of synth.photos, and why

  // Throws UsageError, DataError or EnvironmentError for a bad option, model or rig. Where the
  // latent codes are planned (synth/coverage.h), `sampler` draws the candidates.
  static SynthWorld Load(const SynthOptions& options);

  // Camera of every tuple: the training crops' focal length.
  PinholeCamera Camera() const;
};

// Latent codes are always decoded in batches of this many rows, the last one padded, because a
// network's result depends in its last bits on the batch size. A block is one batch.
constexpr int kDecodeBatch = 32;

// Joints that the decoders say, of one row of a batch.
struct DecodedJoints {
  Joints3 in_bones = Joints3::Zero();  // palm-centred, crop axes, in reference bone lengths
  Joints2 px = Joints2::Zero();        // on a grid of image_px
};
DecodedJoints JointsOfRow(const DecodedBatch& batch, int row, int image_px);

// A code and where in the batch it is decoded: some matrix kernels round differently at different
// places, so a tuple is decoded at the same place (`PlaceInBatch`) whenever it is.
struct PlacedCode {
  const std::vector<float>* z = nullptr;
  size_t place = 0;  // < kDecodeBatch, one code each
};
inline size_t PlaceInBatch(uint64_t index) { return index % kDecodeBatch; }

// Decodes up to kDecodeBatch codes, padded; row i of `decoded` belongs to codes[i].
void DecodeCodes(const HandVae& model,
                 const std::vector<PlacedCode>& codes,
                 const DecodeRequest& request,
                 DecodedBatch* decoded);
// The same, codes[i] at place i.
void DecodeCodes(const HandVae& model,
                 const std::vector<const std::vector<float>*>& codes,
                 const DecodeRequest& request,
                 DecodedBatch* decoded);

}  // namespace handforge
