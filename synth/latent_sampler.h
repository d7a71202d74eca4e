#pragma once

#include "io/core/joint_limits.h"
#include "render/pose_library.h"
#include "render/rig.h"
#include "synth/synth_options.h"
#include "vae/hand_vae.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace handforge {

// How a tuple's latent code came about: values of the column `latent_method`. Never renumber.
enum class LatentMethod : uint8_t {
  kNone = 0,  // no latent code
  kPrior = 1,
  kGaussian = 2,
  kMixture = 3,
  kKernel = 4,
  kPath = 5,
  kCoverage = 6,
  kFile = 7,
};
const std::vector<std::string>& LatentMethodNames();  // by value
// Throws UsageError naming them.
LatentMethod ParseLatentMethod(const std::string& name);

struct LatentCode {
  std::vector<float> z;
  LatentMethod method = LatentMethod::kNone;
  // Numbers of the tuples (synth.parents, counted through all folders) or of the model's stored
  // posteriors that it was derived from; of kFile: the row; -1 = none.
  std::array<int64_t, 2> parents = {-1, -1};
};

// Which poses are wanted.
class PoseCondition {
 public:
  // Everything is wanted.
  PoseCondition() = default;
  // Throws UsageError for an unknown gesture or angle or an empty window.
  PoseCondition(const ConditionOptions& options, const std::vector<Gesture>& gestures);

  bool empty() const { return gestures_.empty() && windows_.empty(); }
  bool Matches(const HandAngles& angles_deg) const;

 private:
  struct Window {
    int angle = 0;
    double low_deg = 0;
    double high_deg = 0;
  };
  std::vector<HandAngles> gestures_;  // near one of these
  double within_deg_ = 0;
  std::vector<Window> windows_;  // and inside all of these
};

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

// Chooses latent codes. Immutable: may be used from several threads at once.
class LatentSampler {
 public:
  virtual ~LatentSampler() = default;
  // A pure function of (model, anchors, options, seed, index, attempt).
  virtual LatentCode Draw(uint64_t index, uint32_t attempt) const = 0;
  // The attempt that the tuple begins with.
  virtual uint32_t FirstAttempt(uint64_t) const { return 0; }
};

// The sampler that the options name; all but kCoverage, which needs to see poses
// (synth/coverage.h). `anchors` are those of LoadAnchors. Throws UsageError, DataError.
std::unique_ptr<LatentSampler> MakeLatentSampler(LatentMethod method,
                                                 const SynthOptions& options,
                                                 const HandVae& model,
                                                 LatentAnchors anchors);

}  // namespace handforge
