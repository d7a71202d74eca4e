#include "vae/hand_limits.h"

#include "io/core/error.h"
#include "io/core/joint_limits.h"
#include "vae/networks.h"

#include <algorithm>
#include <cmath>

namespace handforge {
namespace {

using torch::Tensor;

constexpr double kDegrees = 57.29577951308232;
constexpr double kTiny = 1e-6;  // keeps directions of bones without length finite
constexpr double kAbductionSlackDeg = 15;
constexpr double kAcrossHingeDeg = 25;
constexpr double kTail = 0.005;  // of bone lengths, at both ends

Tensor Dot(const Tensor& a, const Tensor& b) { return (a * b).sum(-1, true); }
Tensor Cross(const Tensor& a, const Tensor& b) { return at::linalg_cross(a, b); }
Tensor Unit(const Tensor& v) { return v / (Dot(v, v) + kTiny * kTiny).sqrt(); }
// The part of v across the unit vector.
Tensor Across(const Tensor& v, const Tensor& unit) { return Unit(v - Dot(v, unit) * unit); }
// Of a unit vector against a plane's normal; its slope stays finite at a right angle.
Tensor Elevation(const Tensor& unit, const Tensor& normal) {
  return Dot(unit, normal).clamp(-1 + 1e-4, 1 - 1e-4).asin();
}

// With a slope where both are 0.
Tensor AngleOf(const Tensor& across, const Tensor& along) {
  return at::atan2(across, along + kTiny);
}

Tensor At(const Tensor& joints, int joint) { return joints.select(1, joint); }
Tensor FingerBone(const Tensor& joints, int finger, int level) {
  const int joint = FingerJoint(finger, level);
  return Unit(At(joints, joint + 1) - At(joints, joint));
}

// Flexion and bending across of `bone` after `previous`, about the hinge across the latter that is
// nearest to `radial`, which then becomes that hinge.
void AddHinge(const Tensor& previous,
              const Tensor& bone,
              Tensor* radial,
              std::vector<Tensor>* angles) {
  const Tensor hinge = Across(*radial, previous);
  const Tensor palmar = Cross(hinge, previous);
  angles->push_back(AngleOf(Dot(bone, palmar), Dot(bone, previous)));
  angles->push_back(Elevation(bone, hinge));
  *radial = hinge;
}

void AddFinger(const Tensor& joints, int finger, const Tensor& palm, std::vector<Tensor>* angles) {
  const auto metacarpal = [&](int f) {
    return Unit(At(joints, FingerJoint(f, 0)) - At(joints, kWrist));
  };
  const Tensor straight = Unit(metacarpal(finger) + metacarpal(kMiddle));
  const Tensor palmar = Across(palm, straight);
  Tensor radial = Cross(straight, palmar);
  const Tensor proximal = FingerBone(joints, finger, 0);
  const Tensor middle = FingerBone(joints, finger, 1);
  angles->push_back(AngleOf(Dot(proximal, palmar), Dot(proximal, straight)));
  angles->push_back(Elevation(proximal, radial));
  AddHinge(proximal, middle, &radial, angles);
  AddHinge(middle, FingerBone(joints, finger, 2), &radial, angles);
}

Tensor Between(const Tensor& a, const Tensor& b) {
  return AngleOf((Dot(Cross(a, b), Cross(a, b)) + kTiny * kTiny).sqrt(), Dot(a, b));
}

// How far values {N, K} lie outside K ranges, mean.
Tensor MeanExcess(const Tensor& values,
                  const std::vector<double>& low,
                  const std::vector<double>& high) {
  const auto row = [&](const std::vector<double>& bounds) {
    return torch::tensor(bounds, torch::kDouble).to(values.options());
  };
  return (at::relu(row(low) - values) + at::relu(values - row(high))).mean();
}

std::array<AngleRange, kNumJointAngles> MakeRanges() {
  std::array<AngleRange, kNumJointAngles> ranges;
  int i = 0;
  const auto add = [&](Angle angle, double slack_deg) {
    const AngleLimit& limit = AngleLimits()[angle];
    ranges[i++] = {limit.name, limit.low_deg - slack_deg, limit.high_deg + slack_deg};
  };
  const auto add_across = [&](int finger, const char* joint) {
    ranges[i++] = {std::string(kFingerNames[finger]) + joint, -kAcrossHingeDeg, kAcrossHingeDeg};
  };
  for (int finger = kIndex; finger <= kLittle; ++finger) {
    add(static_cast<Angle>(FingerAngle(finger, kMcpFlexion)), 0);
    add(static_cast<Angle>(FingerAngle(finger, kMcpAbduction)), kAbductionSlackDeg);
    add(static_cast<Angle>(FingerAngle(finger, kPipFlexion)), 0);
    add_across(finger, "_pip_across");
    add(static_cast<Angle>(FingerAngle(finger, kDipFlexion)), 0);
    add_across(finger, "_dip_across");
  }
  add(kThumbMcpFlexion, 0);
  add(kThumbIpFlexion, 0);
  return ranges;
}

}  // namespace

Tensor JointAnglesDeg(const Tensor& joints) {
  const Tensor wrist = At(joints, kWrist);
  // Towards the palm of a right hand.
  const Tensor palm = Unit(Cross(At(joints, kIndexMcp) - wrist, At(joints, kLittleMcp) - wrist));
  std::vector<Tensor> angles;
  for (int finger = kIndex; finger <= kLittle; ++finger) AddFinger(joints, finger, palm, &angles);
  angles.push_back(Between(FingerBone(joints, kThumb, 0), FingerBone(joints, kThumb, 1)));
  angles.push_back(Between(FingerBone(joints, kThumb, 1), FingerBone(joints, kThumb, 2)));
  return kDegrees * at::cat(angles, 1);
}

const std::array<AngleRange, kNumJointAngles>& AngleRanges() {
  static const auto ranges = MakeRanges();
  return ranges;
}

Tensor AngleExcess(const Tensor& joints) {
  std::vector<double> low;
  std::vector<double> high;
  for (const AngleRange& range : AngleRanges()) {
    low.push_back(range.low_deg);
    high.push_back(range.high_deg);
  }
  return MeanExcess(JointAnglesDeg(joints), low, high) / kDegrees;
}

BoneRanges MeasureBones(const SampleSet& samples) {
  const std::vector<int64_t> rows =
      samples.RowsFor(Pair{Modality::kJoints3, Modality::kJoints3, 1});
  if (rows.empty()) throw DataError("data: no training row has 3D joints, whose bones set limits");
  BoneRanges ranges;
  for (int edge = 0; edge < kNumEdges; ++edge) {
    std::vector<double> lengths;
    for (const int64_t row : rows) {
      const float* joints = samples.joints3.data() + row * kNumJoints * 3;
      const float* a = joints + 3 * Edges()[edge][0];
      const float* b = joints + 3 * Edges()[edge][1];
      lengths.push_back(std::hypot(b[0] - a[0], b[1] - a[1], b[2] - a[2]));
    }
    std::sort(lengths.begin(), lengths.end());
    const size_t tail = static_cast<size_t>(kTail * static_cast<double>(lengths.size() - 1));
    ranges.low[edge] = lengths[tail];
    ranges.high[edge] = lengths[lengths.size() - 1 - tail];
  }
  return ranges;
}

Tensor BoneExcess(const Tensor& joints, const BoneRanges& ranges) {
  const Tensor bones = BoneVectors(joints.flatten(1));
  const Tensor lengths = (bones.square().sum(-1) + kTiny * kTiny).sqrt();
  return MeanExcess(
      lengths, {ranges.low.begin(), ranges.low.end()}, {ranges.high.begin(), ranges.high.end()});
}

}  // namespace handforge
