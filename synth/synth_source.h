#pragma once

#include "render/hand_scene.h"
#include "synth/dataset_writer.h"
#include "synth/synth_options.h"
#include "vae/hand_vae.h"

#include <filesystem>
#include <memory>
#include <string>

namespace handforge {

// What all workers of a synthesis share, read-only.
struct SynthWorld {
  SynthOptions options;
  Rig rig;
  std::string rig_text;
  HandVae model;

  // Throws UsageError, DataError or EnvironmentError for a bad option, model or rig.
  static SynthWorld Load(const SynthOptions& options);
};

// The model file to use: `given` where not empty, else the first of the repository's and the quick
// start's that exists. Throws EnvironmentError saying how to get one.
std::filesystem::path FindModel(const std::string& given);

// Latent codes are always decoded in batches of this many rows, the last one padded, because a
// network's result depends in its last bits on the batch size. A block is one batch.
constexpr uint64_t kDecodeBatch = 32;

// One decoded hand, ready to become a tuple.
struct DecodedHand {
  std::vector<float> z;
  Joints3 joints_in_bones;  // palm-centred, crop axes, in reference bone lengths
  Joints2 joints_px;        // on the image_px grid
  ImageU8 rgb;
  ImageU8 alpha;
};

// Turns decoded hands into labelled tuples: metric scale and camera, rig fitted, label = the
// nearest hand of the rig and its projection, depth, mask and visibility ray-traced. One per worker
// thread.
class TupleAssembler {
 public:
  explicit TupleAssembler(const SynthWorld& world);

  // "" and the tuple, or the reason of rejection: those of ImplausibleBecause, "far_from_a_hand",
  // "behind_camera", "residual_2d", "out_of_frame", "too_far", "hand_hidden" or "silhouette".
  std::string Assemble(const DecodedHand& hand, uint64_t index, uint32_t attempt, Tuple* tuple);

 private:
  const SynthWorld& world_;
  HandScene scene_;
  PinholeCamera camera_;
};

// Tuples sampled from the model's latent space. `world` must outlive the source.
std::unique_ptr<TupleSource> MakeSynthSource(const SynthWorld& world);
DatasetJob SynthJob(const SynthWorld& world);

}  // namespace handforge
