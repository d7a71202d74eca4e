#pragma once

#include "synth/latent_anchors.h"
#include "synth/synth_options.h"
#include "vae/hand_vae.h"

#include <array>
#include <cstdint>
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
