#pragma once

#include "synth/synth_world.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

namespace handforge {

// Which of its candidates each tuple is drawn from, so that poses differ from those before them.
// Candidate k of tuple i is what the world's sampler draws for (i, attempt k).
struct CoveragePlan {
  std::vector<int64_t> attempt;  // {N}
  std::vector<float> z;          // {N, latent_dim}, of that attempt
  // RMS distance to the nearest pose planned before, mm; -1: no candidate was plausible.
  std::vector<float> nearest_mm;
};

// Decodes and places `options.coverage.tries` candidates for each of the first `count` tuples in
// parallel, then chooses in order: the first candidate that is at least `nearest_mm` away from the
// poses of the last kCoverageWindow tuples, else the furthest. The plan of more tuples begins with
// the plan of fewer, and no plan depends on the number of threads.
CoveragePlan PlanCoverage(const SynthWorld& world, uint64_t count, int threads);
constexpr int kCoverageWindow = 50000;

// A pose for comparison: joints in the frame of wrist and knuckles, hand scaled to 90 mm from wrist
// to middle MCP. The RMS distance of two is at least that after Procrustes alignment.
using PoseSignature = Eigen::Matrix<float, 3 * kNumJoints, 1>;
PoseSignature SignatureOf(const Joints3& joints_of_right_hand);

// What a plan follows from.
struct PlanKey {
  uint64_t seed = 0;
  std::string config_sha256;
};
// DIR/plan.safetensors: arrays z {N, D}, attempt {N} and nearest_mm {N}.
void WritePlan(const CoveragePlan& plan, const PlanKey& key, const std::filesystem::path& file);
// The plan of this seed and configuration for at least `count` tuples, or nothing where the file is
// missing or of another one.
std::optional<CoveragePlan> ReadPlan(const std::filesystem::path& file,
                                     const PlanKey& key,
                                     uint64_t count);

// Draws planned codes, and where one is rejected after all, further attempts of `candidates`.
std::unique_ptr<LatentSampler> MakePlannedSampler(CoveragePlan plan,
                                                  std::unique_ptr<LatentSampler> candidates);

}  // namespace handforge
