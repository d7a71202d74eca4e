#include "synth/latent_anchors.h"

#include "io/core/error.h"
#include "io/dataset.h"
#include "render/kinematics.h"
#include "vae/targets.h"
#include "vae/tensor_file.h"

#include <algorithm>
#include <array>
#include <utility>

namespace handforge {
namespace {

constexpr int kEncodeBatch = 64;

Joints3 JointsOfRow(const std::vector<float>& joints, size_t row) {
  Joints3 out;
  for (int j = 0; j < kNumJoints; ++j) {
    for (int c = 0; c < 3; ++c) out(j, c) = joints[(row * kNumJoints + j) * 3 + c];
  }
  return out;
}

// Poses are judged in any unit of length: angles have none.
bool PoseMatches(const Rig& rig, const Joints3& joints, const PoseCondition& condition) {
  constexpr double kReferenceBoneMm = 45;
  return condition.empty() ||
         condition.Matches(Measure(rig, FitRig(rig, joints * kReferenceBoneMm)).angles_deg);
}

void AddAnchor(const float* mean, const float* logvar, int64_t number, LatentAnchors* anchors) {
  anchors->mean.insert(anchors->mean.end(), mean, mean + anchors->dim);
  anchors->logvar.insert(anchors->logvar.end(), logvar, logvar + anchors->dim);
  anchors->number.push_back(number);
}

// Posteriors of normalised poses {N, 63}, encoded in batches of one size, the last one padded.
void EncodePoses(const HandVae& model,
                 std::vector<float> poses,
                 const std::vector<int64_t>& numbers,
                 LatentAnchors* anchors) {
  constexpr size_t kValues = kNumJoints * 3;
  const size_t batches = (numbers.size() + kEncodeBatch - 1) / kEncodeBatch;
  poses.resize(batches * kEncodeBatch * kValues, 0);
  std::vector<float> mean(kEncodeBatch * static_cast<size_t>(anchors->dim)), logvar(mean);
  for (size_t batch = 0; batch < batches; ++batch) {
    const float* input = poses.data() + batch * kEncodeBatch * kValues;
    model.Encode(Modality::kJoints3, input, kEncodeBatch, mean.data(), logvar.data());
    for (size_t i = 0; i < kEncodeBatch && batch * kEncodeBatch + i < numbers.size(); ++i) {
      const size_t at = i * static_cast<size_t>(anchors->dim);
      AddAnchor(&mean[at], &logvar[at], numbers[batch * kEncodeBatch + i], anchors);
    }
  }
}

void AddTuples(const HandVae& model,
               const Rig& rig,
               const std::vector<std::string>& folders,
               const PoseCondition& condition,
               LatentAnchors* anchors) {
  std::vector<float> poses;
  std::vector<int64_t> numbers;
  int64_t number = 0;
  for (const std::string& folder : folders) {
    const Dataset dataset(folder);
    for (size_t shard = 0; shard < dataset.manifest().shards.size(); ++shard) {
      const ShardReader reader = dataset.OpenShard(shard);
      if (reader.Find("joints_3d").row_shape != std::vector<uint64_t>{kNumJoints, 3}) {
        throw DataError(folder + ", shard " + std::to_string(shard) +
                        ": joints_3d must be 21 x 3 in every row");
      }
      const auto joints = reader.Read<float>("joints_3d", 0, reader.size());
      const auto sides = reader.Read<uint8_t>("handedness", 0, reader.size());
      const auto present = reader.Read<uint32_t>("present", 0, reader.size());
      const auto splits = reader.Read<uint8_t>("split", 0, reader.size());
      for (size_t row = 0; row < reader.size(); ++row, ++number) {
        const Joints3 joints_in_cam = JointsOfRow(joints, row);
        if (static_cast<Split>(splits[row]) != Split::kTrain) continue;
        if ((present[row] & kHasJoints3) == 0 || ReferenceBoneLength(joints_in_cam) <= 0) continue;
        std::array<float, kNumJoints * 3> pose;
        NormaliseJoints3(joints_in_cam, static_cast<Handedness>(sides[row]), pose.data());
        const std::vector<float> values(pose.begin(), pose.end());
        if (!PoseMatches(rig, JointsOfRow(values, 0), condition)) continue;
        poses.insert(poses.end(), pose.begin(), pose.end());
        numbers.push_back(number);
      }
    }
  }
  EncodePoses(model, std::move(poses), numbers, anchors);
}

// The model's own posteriors, as far as what they decode to matches.
void AddStored(const std::filesystem::path& model_file,
               const HandVae& model,
               const Rig& rig,
               const PoseCondition& condition,
               LatentAnchors* anchors) {
  const TensorFile file = TensorFile::Read(model_file);
  if (!file.Has("latent.bank_mean")) return;
  const std::vector<float> means = file.Floats("latent.bank_mean", {-1, anchors->dim});
  const std::vector<float> logvars = file.Floats("latent.bank_logvar", {-1, anchors->dim});
  const auto dim = static_cast<size_t>(anchors->dim);
  const size_t count = means.size() / dim;
  DecodeRequest joints_only;
  joints_only.joints2 = joints_only.rgba = joints_only.depth = false;
  DecodedBatch decoded;
  std::vector<float> batch(kEncodeBatch * dim);
  for (size_t first = 0; first < count; first += kEncodeBatch) {
    const size_t rows = std::min<size_t>(kEncodeBatch, count - first);
    if (!condition.empty()) {
      std::fill(batch.begin(), batch.end(), 0.0f);
      std::copy_n(means.begin() + static_cast<long>(first * dim), rows * dim, batch.begin());
      model.Decode(batch.data(), kEncodeBatch, &decoded, joints_only);
    }
    for (size_t i = 0; i < rows; ++i) {
      if (!condition.empty() && !PoseMatches(rig, JointsOfRow(decoded.joints3, i), condition)) {
        continue;
      }
      const size_t at = (first + i) * dim;
      AddAnchor(&means[at], &logvars[at], static_cast<int64_t>(first + i), anchors);
    }
  }
}

}  // namespace

LatentAnchors LoadAnchors(const std::filesystem::path& model_file,
                          const HandVae& model,
                          const Rig& rig,
                          const std::vector<std::string>& parents,
                          const PoseCondition& condition) {
  LatentAnchors anchors;
  anchors.dim = model.info().latent_dim;
  if (parents.empty()) {
    AddStored(model_file, model, rig, condition, &anchors);
  } else {
    AddTuples(model, rig, parents, condition, &anchors);
  }
  if (anchors.size() > 0) return anchors;
  if (condition.empty()) {
    throw UsageError(parents.empty() ? "the model holds no latent statistics; use synth.latent "
                                       "prior, or synth.parents"
                                     : "synth.parents: no tuple of the split train has 3D joints");
  }
  throw UsageError("synth.condition: none of the known poses matches; widen it");
}

}  // namespace handforge
