// Two figures about synthesised tuples that no unit test can hold, because they need a trained
// model and real or rendered poses:
//   synth_quality coverage DATASET REFERENCE [MM]   share of REFERENCE's poses that DATASET has
//                                                   within MM (12) RMS after Procrustes alignment
//   synth_quality cycle DATASET MODEL               how well the cycle score tells matched from
//                                                   mismatched tuples (area under the ROC curve)
#include "io/core/alignment.h"
#include "io/dataset.h"
#include "synth/cycle.h"
#include "vae/targets.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <Eigen/SVD>
#include <tbb/parallel_for.h>

namespace handforge {
namespace {

template <typename Use>
void ForTuples(const std::string& folder, const Use& use) {
  const Dataset dataset(folder);
  for (size_t shard = 0; shard < dataset.manifest().shards.size(); ++shard) {
    const ShardReader reader = dataset.OpenShard(shard);
    for (uint64_t row = 0; row < reader.size(); ++row) use(reader.ReadTuple(row));
  }
}

// Right hands, centred, 90 mm from wrist to middle MCP.
std::vector<Joints3> PosesOf(const std::string& folder) {
  std::vector<Joints3> poses;
  ForTuples(folder, [&](const Tuple& t) {
    Joints3 joints = t.joints_in_cam;
    if (t.handedness == Handedness::kLeft) joints.col(0) *= -1;
    joints *= 90 / (joints.row(kMiddleMcp) - joints.row(kWrist)).norm();
    poses.push_back(joints.rowwise() - joints.colwise().mean());
  });
  return poses;
}

// RMS distance after the best rotation, from the singular values of the correlation.
double RotatedRms(const Joints3& a, const Joints3& b) {
  const Eigen::Matrix3d correlation = a.transpose() * b;
  const Eigen::Vector3d s = Eigen::JacobiSVD<Eigen::Matrix3d>(correlation).singularValues();
  const double sign = correlation.determinant() < 0 ? -1 : 1;
  const double squared = a.squaredNorm() + b.squaredNorm() - 2 * (s[0] + s[1] + sign * s[2]);
  return std::sqrt(std::max(0.0, squared) / kNumJoints);
}

int MeasureCoverage(const std::string& dataset, const std::string& reference, double limit_mm) {
  const std::vector<Joints3> poses = PosesOf(dataset), wanted = PosesOf(reference);
  std::vector<double> nearest_mm(wanted.size(), 1e9);
  tbb::parallel_for(size_t{0}, wanted.size(), [&](size_t i) {
    for (const Joints3& pose : poses) {
      nearest_mm[i] = std::min(nearest_mm[i], RotatedRms(wanted[i], pose));
    }
  });
  std::sort(nearest_mm.begin(), nearest_mm.end());
  const auto within = std::upper_bound(nearest_mm.begin(), nearest_mm.end(), limit_mm);
  const auto n = static_cast<double>(nearest_mm.size());
  std::printf("%zu poses against %zu: %.1f %% within %.1f mm; median %.1f, 90 %% %.1f mm\n",
              poses.size(),
              wanted.size(),
              100 * static_cast<double>(within - nearest_mm.begin()) / n,
              limit_mm,
              nearest_mm[nearest_mm.size() / 2],
              nearest_mm[nearest_mm.size() * 9 / 10]);
  return 0;
}

// Probability that a mismatched tuple scores higher than a matched one.
double AreaUnderRoc(std::vector<float> matched, std::vector<float> mismatched) {
  std::sort(matched.begin(), matched.end());
  double below = 0;
  for (const float value : mismatched) {
    below += static_cast<double>(std::lower_bound(matched.begin(), matched.end(), value) -
                                 matched.begin());
  }
  return below / static_cast<double>(matched.size() * mismatched.size());
}

struct Scores {
  std::vector<float> rgb_mm;
  std::vector<float> joints2_mm;
};

// Pictures and 2D joints of tuple i against the 3D joints of tuple i + shift.
Scores ScoresOf(const HandVae& model,
                const std::vector<Tuple>& tuples,
                const std::vector<DecodedJoints>& joints,
                size_t shift) {
  Scores scores;
  for (size_t first = 0; first < tuples.size(); first += kDecodeBatch) {
    std::vector<CycleInput> inputs;
    for (size_t i = first; i < std::min(first + kDecodeBatch, tuples.size()); ++i) {
      DecodedJoints mixed = joints[i];
      const size_t other = (i + shift) % tuples.size();
      mixed.in_bones = joints[other].in_bones;
      inputs.push_back({&tuples[i].rgb,
                        mixed,
                        tuples[i].camera.width_px,
                        ReferenceBoneLength(tuples[other].joints_in_cam)});
      inputs.back().place = inputs.size() - 1;
    }
    for (const CycleErrors& error : MeasureCycles(model, inputs)) {
      scores.rgb_mm.push_back(error.rgb_mm);
      scores.joints2_mm.push_back(error.joints2_mm);
    }
  }
  return scores;
}

int MeasureCycleScore(const std::string& folder, const std::string& model_file) {
  const HandVae model = HandVae::Load(model_file);
  std::vector<Tuple> tuples;
  std::vector<DecodedJoints> joints;
  ForTuples(folder, [&](const Tuple& t) {
    if (t.handedness == Handedness::kLeft) return;  // half of them is enough
    std::vector<float> code = t.z;
    DecodeRequest request;
    request.rgba = request.depth = false;
    DecodedBatch decoded;
    DecodeCodes(model, {&code}, request, &decoded);
    joints.push_back(JointsOfRow(decoded, 0, t.camera.width_px));
    tuples.push_back(t);
  });
  const Scores matched = ScoresOf(model, tuples, joints, 0);
  Scores mismatched;
  for (size_t shift : {1, 7, 31}) {
    const Scores some = ScoresOf(model, tuples, joints, shift);
    mismatched.rgb_mm.insert(mismatched.rgb_mm.end(), some.rgb_mm.begin(), some.rgb_mm.end());
    mismatched.joints2_mm.insert(
        mismatched.joints2_mm.end(), some.joints2_mm.begin(), some.joints2_mm.end());
  }
  std::printf("%zu matched, %zu mismatched: AUC rgb %.3f, 2d %.3f\n",
              matched.rgb_mm.size(),
              mismatched.rgb_mm.size(),
              AreaUnderRoc(matched.rgb_mm, mismatched.rgb_mm),
              AreaUnderRoc(matched.joints2_mm, mismatched.joints2_mm));
  return 0;
}

int Run(int argc, char** argv) {
  if (argc >= 4 && std::strcmp(argv[1], "coverage") == 0) {
    return MeasureCoverage(argv[2], argv[3], argc > 4 ? std::atof(argv[4]) : 12);
  }
  if (argc == 4 && std::strcmp(argv[1], "cycle") == 0) return MeasureCycleScore(argv[2], argv[3]);
  std::fprintf(stderr,
               "usage: synth_quality coverage DATASET REFERENCE [MM] | cycle DATASET MODEL\n");
  return 2;
}

}  // namespace
}  // namespace handforge

int main(int argc, char** argv) { return handforge::Run(argc, argv); }
