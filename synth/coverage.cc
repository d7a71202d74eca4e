#include "synth/coverage.h"

#include "io/files.h"
#include "io/interrupt.h"
#include "synth/hand_placer.h"
#include "vae/tensor_file.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Geometry>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

namespace handforge {
namespace {

struct Candidate {
  LatentCode code;
  PoseSignature signature = PoseSignature::Zero();
  bool plausible = false;
};

// The candidates of `tuples` tuples from `first` on, decoded in batches.
std::vector<Candidate> MakeCandidates(const SynthWorld& world,
                                      const HandPlacer& placer,
                                      uint64_t first,
                                      size_t tuples,
                                      tbb::task_arena* arena) {
  const auto tries = static_cast<size_t>(world.options.coverage.tries);
  std::vector<Candidate> candidates(tuples * tries);
  DecodeRequest joints_only;
  joints_only.rgba = joints_only.depth = false;
  const auto make_batch = [&](size_t begin, size_t end) {
    const auto attempt_of = [&](size_t i) { return static_cast<uint32_t>(i % tries); };
    std::vector<const std::vector<float>*> codes;
    for (size_t i = begin; i < end; ++i) {
      candidates[i].code = world.sampler->Draw(first + i / tries, attempt_of(i));
      codes.push_back(&candidates[i].code.z);
    }
    DecodedBatch decoded;
    DecodeCodes(world.model, codes, joints_only, &decoded);
    for (size_t i = begin; i < end; ++i) {
      const DecodedJoints joints = JointsOfRow(
          decoded, static_cast<int>(i - begin), static_cast<int>(world.options.image_px));
      PlacedHand hand;
      const DrawIdentity identity{first + i / tries, attempt_of(i)};
      candidates[i].plausible = placer.Place(joints, identity, nullptr, &hand).empty();
      if (!candidates[i].plausible) continue;
      candidates[i].signature = SignatureOf(JointsOf(world.rig, hand.in_crop));
    }
  };
  const size_t batches = (candidates.size() + kDecodeBatch - 1) / kDecodeBatch;
  arena->execute([&] {
    tbb::parallel_for(size_t{0}, batches, [&](size_t batch) {
      const size_t begin = batch * kDecodeBatch;
      make_batch(begin, std::min(begin + kDecodeBatch, candidates.size()));
    });
  });
  return candidates;
}

// The last kCoverageWindow signatures.
class SignatureWindow {
 public:
  explicit SignatureWindow(size_t most)
      : signatures_(3 * kNumJoints, std::min<size_t>(most, kCoverageWindow)) {}

  // RMS over the joints; large where the window is empty.
  float NearestMm(const PoseSignature& signature) const {
    if (used_ == 0) return 1e6f;
    const float squared =
        (signatures_.leftCols(used_).colwise() - signature).colwise().squaredNorm().minCoeff();
    return std::sqrt(squared / kNumJoints);
  }
  void Add(const PoseSignature& signature) {
    signatures_.col(next_) = signature;
    next_ = (next_ + 1) % signatures_.cols();
    used_ = std::max(used_, next_ == 0 ? signatures_.cols() : next_);
  }

 private:
  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic> signatures_;
  Eigen::Index used_ = 0;
  Eigen::Index next_ = 0;
};

class PlannedSampler : public LatentSampler {
 public:
  PlannedSampler(CoveragePlan plan, std::unique_ptr<LatentSampler> candidates)
      : plan_(std::move(plan)), candidates_(std::move(candidates)) {}

  LatentCode Draw(uint64_t index, uint32_t attempt) const override {
    LatentCode code = candidates_->Draw(index, attempt);
    code.method = LatentMethod::kCoverage;
    return code;
  }
  uint32_t FirstAttempt(uint64_t index) const override {
    return static_cast<uint32_t>(plan_.attempt.at(index));
  }

 private:
  CoveragePlan plan_;
  std::unique_ptr<LatentSampler> candidates_;
};

constexpr char kConfigKey[] = "config_sha256";
constexpr char kSeedKey[] = "seed";

}  // namespace

PoseSignature SignatureOf(const Joints3& joints) {
  constexpr double kPalmMm = 90;
  const Eigen::Vector3d wrist = joints.row(kWrist);
  const Eigen::Vector3d along = joints.row(kMiddleMcp).transpose() - wrist;
  const Eigen::Vector3d across = joints.row(kLittleMcp) - joints.row(kIndexMcp);
  Eigen::Matrix3d palm_from_crop;
  palm_from_crop.row(0) = along.normalized();
  palm_from_crop.row(1) = along.cross(across).normalized();
  palm_from_crop.row(2) =
      palm_from_crop.row(0).transpose().cross(palm_from_crop.row(1).transpose());
  const Joints3 in_palm =
      kPalmMm / along.norm() * (joints.rowwise() - wrist.transpose()) * palm_from_crop.transpose();
  return Eigen::Map<const Eigen::Matrix<double, 3 * kNumJoints, 1>>(in_palm.data()).cast<float>();
}

CoveragePlan PlanCoverage(const SynthWorld& world, uint64_t count, int threads) {
  const auto tries = static_cast<size_t>(world.options.coverage.tries);
  constexpr size_t kTuplesAtOnce = 4096;  // bounds memory
  const HandPlacer placer(world);
  CoveragePlan plan;
  SignatureWindow window(count);
  tbb::task_arena arena(threads);
  for (uint64_t first = 0; first < count; first += kTuplesAtOnce) {
    ThrowIfInterrupted("planning the poses");
    const size_t tuples = std::min<uint64_t>(kTuplesAtOnce, count - first);
    const std::vector<Candidate> candidates = MakeCandidates(world, placer, first, tuples, &arena);
    for (size_t i = 0; i < tuples; ++i) {
      size_t best = 0;
      float best_mm = -1;
      for (size_t k = 0; k < tries; ++k) {
        const Candidate& candidate = candidates[i * tries + k];
        if (!candidate.plausible) continue;
        const float mm = window.NearestMm(candidate.signature);
        if (mm <= best_mm) continue;
        best = k;
        best_mm = mm;
        if (mm >= world.options.coverage.nearest_mm) break;
      }
      const Candidate& chosen = candidates[i * tries + best];
      if (chosen.plausible) window.Add(chosen.signature);
      plan.attempt.push_back(static_cast<int64_t>(best));
      plan.z.insert(plan.z.end(), chosen.code.z.begin(), chosen.code.z.end());
      plan.nearest_mm.push_back(best_mm);
    }
  }
  return plan;
}

void WritePlan(const CoveragePlan& plan, const PlanKey& key, const std::filesystem::path& file) {
  const auto rows = static_cast<int64_t>(plan.attempt.size());
  TensorFile tensors;
  tensors.metadata[kConfigKey] = key.config_sha256;
  tensors.metadata[kSeedKey] = std::to_string(key.seed);
  const std::vector<float> attempt(plan.attempt.begin(), plan.attempt.end());
  tensors.AddFloats("attempt", {rows}, attempt.data());
  tensors.AddFloats("nearest_mm", {rows}, plan.nearest_mm.data());
  tensors.AddFloats("z", {rows, static_cast<int64_t>(plan.z.size()) / rows}, plan.z.data());
  tensors.Write(file);
}

std::optional<CoveragePlan> ReadPlan(const std::filesystem::path& file,
                                     const PlanKey& key,
                                     uint64_t count) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  const TensorFile tensors = TensorFile::Read(file);
  const auto holds = [&tensors](const char* field, const std::string& value) {
    const auto found = tensors.metadata.find(field);
    return found != tensors.metadata.end() && found->second == value;
  };
  if (!holds(kConfigKey, key.config_sha256) || !holds(kSeedKey, std::to_string(key.seed))) {
    return std::nullopt;
  }
  const std::vector<float> attempt = tensors.Floats("attempt", {-1});
  if (attempt.size() < count) return std::nullopt;
  return CoveragePlan{{attempt.begin(), attempt.end()},
                      tensors.Floats("z", {-1, -1}),
                      tensors.Floats("nearest_mm", {-1})};
}

std::unique_ptr<LatentSampler> MakePlannedSampler(CoveragePlan plan,
                                                  std::unique_ptr<LatentSampler> candidates) {
  return std::make_unique<PlannedSampler>(std::move(plan), std::move(candidates));
}

}  // namespace handforge
