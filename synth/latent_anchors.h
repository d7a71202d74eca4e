#pragma once

#include "render/rig.h"
#include "synth/pose_condition.h"
#include "vae/hand_vae.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace handforge {

// Posterior distributions of known hands: what the aggregate posterior, neighbourhoods and paths
// are made of.
struct LatentAnchors {
  int dim = 0;
  std::vector<float> mean;      // {N, dim}
  std::vector<float> logvar;    // {N, dim}
  std::vector<int64_t> number;  // {N} of the tuple or stored posterior

  int64_t size() const { return static_cast<int64_t>(number.size()); }
};

// Those of the tuples in `parents` that are to be trained on (a code is close to its parents, and
// what is drawn is to be trained on, too), or without such of the model's stored posteriors, as far
// as their poses match. Throws DataError naming a folder that cannot be read, UsageError where no
// pose matches or the model cannot encode 3D joints.
LatentAnchors LoadAnchors(const std::filesystem::path& model_file,
                          const HandVae& model,
                          const Rig& rig,
                          const std::vector<std::string>& parents,
                          const PoseCondition& condition);

}  // namespace handforge
