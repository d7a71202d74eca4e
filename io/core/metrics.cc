#include "io/core/metrics.h"

#include "io/core/alignment.h"
#include "io/core/error.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace handforge {
namespace {

constexpr double kMaxErrorMm = 50;
constexpr double kLowErrorMm = 20;
constexpr int kNumThresholds = 20;
constexpr int kFirstOfPublishedRange = 8;  // threshold 21.05 mm
constexpr int kMaxSuccessMm = 80;

constexpr Protocol kProtocols[] = {
    Protocol::kSpurr2018, Protocol::kRoot, Protocol::kScale, Protocol::kPa, Protocol::kAbsolute};

Joints3 CentredOn(const Joints3& joints, const Eigen::Vector3d& root) {
  return joints.rowwise() - root.transpose();
}

Joints3 CentredOnWrist(const Joints3& joints) {
  return CentredOn(joints, joints.row(kWrist).transpose());
}

Joints3 CentredOnPalm(Joints3 joints) {
  const Eigen::Vector3d palm = PalmCentre(joints);
  joints.row(kWrist) = palm.transpose();
  return CentredOn(joints, palm);
}

double MeanOfNumbers(const std::vector<double>& values) {
  double sum = 0;
  int count = 0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    sum += value;
    ++count;
  }
  return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

double MeanOf(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double MedianOf(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const size_t middle = values.size() / 2;
  std::nth_element(
      values.begin(), values.begin() + static_cast<std::ptrdiff_t>(middle), values.end());
  const double upper = values[middle];
  if (values.size() % 2 == 1) return upper;
  const auto end = values.begin() + static_cast<std::ptrdiff_t>(middle);
  return 0.5 * (upper + *std::max_element(values.begin(), end));
}

template <typename Statistic>
std::vector<double> PerJoint(const std::vector<std::vector<double>>& distances,
                             const Statistic& statistic) {
  std::vector<double> values;
  for (const std::vector<double>& of_joint : distances) {
    values.push_back(of_joint.empty() ? std::numeric_limits<double>::quiet_NaN()
                                      : statistic(of_joint));
  }
  return values;
}

}  // namespace

ProtocolText Describe(Protocol protocol) {
  switch (protocol) {
    case Protocol::kSpurr2018:
      return {"spurr2018", "palm centre of the truth", "true bone length, middle MCP to PIP"};
    case Protocol::kRoot:
      return {"root", "wrist", "as predicted"};
    case Protocol::kScale:
      return {"scale", "wrist", "least squares"};
    case Protocol::kPa:
      return {"pa", "least squares", "least squares, with rotation"};
    case Protocol::kAbsolute:
      return {"absolute", "none", "as predicted"};
  }
  return {};
}

std::string ProtocolLine(Protocol protocol, int num_joints) {
  return ProtocolLine(Describe(protocol), num_joints);
}

std::string ProtocolLine(const ProtocolText& text, int num_joints) {
  return text.name + ", root " + text.root + ", scale " + text.scale + ", " +
         std::to_string(num_joints) + " joints";
}

Protocol ParseProtocol(const std::string& name) {
  for (const Protocol protocol : kProtocols) {
    if (Describe(protocol).name == name) return protocol;
  }
  throw UsageError("unknown protocol '" + name +
                   "'; expected spurr2018, root, scale, pa or absolute");
}

AlignedPair ApplyProtocol(Protocol protocol, const Joints3& predicted, const Joints3& truth) {
  switch (protocol) {
    case Protocol::kSpurr2018:
      return {ReferenceBoneLength(truth) * predicted, CentredOnPalm(truth)};
    case Protocol::kRoot:
      return {CentredOnWrist(predicted), CentredOnWrist(truth)};
    case Protocol::kScale: {
      AlignedPair pair{CentredOnWrist(predicted), CentredOnWrist(truth)};
      const double spread = pair.predicted.squaredNorm();
      if (spread > 0) pair.predicted *= pair.predicted.cwiseProduct(pair.truth).sum() / spread;
      return pair;
    }
    case Protocol::kPa:
      return {Align(predicted, truth, true).Apply(predicted), truth};
    case Protocol::kAbsolute:
      return {predicted, truth};
  }
  return {predicted, truth};
}

Joints3 NormalisePose(const Joints3& joints) {
  return CentredOnPalm(joints) / ReferenceBoneLength(joints);
}

JointDistances::JointDistances(int num_joints) : distances_(static_cast<size_t>(num_joints)) {}

void JointDistances::Add(int joint, double distance) {
  if (std::isnan(distance)) {
    throw DataError("joint " + std::to_string(joint) +
                    ": the distance between prediction and truth is not a number");
  }
  distances_.at(static_cast<size_t>(joint)).push_back(distance);
}

void JointDistances::Add(const Joints3& predicted,
                         const Joints3& truth,
                         const std::array<uint8_t, kNumJoints>& visible) {
  double worst = -1;
  for (int j = 0; j < kNumJoints; ++j) {
    const uint8_t flag = visible[static_cast<size_t>(j)];
    if (flag != kVisible && flag != kVisibilityUnknown) continue;
    if (truth.row(j).hasNaN()) continue;
    const double distance = (predicted.row(j) - truth.row(j)).norm();
    Add(j, distance);
    worst = std::max(worst, distance);
  }
  if (worst >= 0) worst_of_frame_.push_back(worst);
}

void JointDistances::Add(const Points3& predicted, const Points3& truth) {
  if (predicted.rows() != num_joints() || truth.rows() != num_joints()) {
    throw DataError("distances of " + std::to_string(num_joints()) + " joints: got " +
                    std::to_string(predicted.rows()) + " predicted and " +
                    std::to_string(truth.rows()) + " true points");
  }
  const Eigen::VectorXd distances = (predicted - truth).rowwise().norm();
  for (int j = 0; j < num_joints(); ++j) Add(j, distances[j]);
  worst_of_frame_.push_back(distances.maxCoeff());
}

uint64_t JointDistances::count() const {
  uint64_t total = 0;
  for (const std::vector<double>& of_joint : distances_) total += of_joint.size();
  return total;
}

std::vector<double> JointDistances::MeanPerJoint() const { return PerJoint(distances_, MeanOf); }

std::vector<double> JointDistances::MedianPerJoint() const {
  return PerJoint(distances_, MedianOf);
}

double JointDistances::Mean() const { return MeanOfNumbers(MeanPerJoint()); }

double JointDistances::Median() const { return MeanOfNumbers(MedianPerJoint()); }

double JointDistances::Pck(double threshold) const {
  return MeanOfNumbers(PerJoint(distances_, [threshold](const std::vector<double>& of_joint) {
    const auto within = std::count_if(
        of_joint.begin(), of_joint.end(), [threshold](double d) { return d <= threshold; });
    return static_cast<double>(within) / static_cast<double>(of_joint.size());
  }));
}

std::vector<double> JointDistances::Pck(const std::vector<double>& thresholds) const {
  std::vector<double> curve;
  for (const double threshold : thresholds) curve.push_back(Pck(threshold));
  return curve;
}

double JointDistances::AreaUnderPck(double low, double high) const {
  // A distance d is within the threshold on the part of [low, high] that lies above d.
  return MeanOfNumbers(PerJoint(distances_, [low, high](const std::vector<double>& of_joint) {
    double area = 0;
    for (const double d : of_joint) area += std::clamp((high - d) / (high - low), 0.0, 1.0);
    return area / static_cast<double>(of_joint.size());
  }));
}

double JointDistances::SuccessRate(double threshold) const {
  if (worst_of_frame_.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto within = std::count_if(worst_of_frame_.begin(),
                                    worst_of_frame_.end(),
                                    [threshold](double worst) { return worst <= threshold; });
  return static_cast<double>(within) / static_cast<double>(worst_of_frame_.size());
}

std::vector<double> Linspace(double low, double high, int count) {
  std::vector<double> values;
  for (int i = 0; i < count; ++i) values.push_back(low + (high - low) * i / (count - 1));
  return values;
}

double AreaUnderCurve(const std::vector<double>& thresholds, const std::vector<double>& values) {
  if (thresholds.size() < 2 || values.size() != thresholds.size() ||
      !(thresholds.front() < thresholds.back()) ||
      !std::is_sorted(thresholds.begin(), thresholds.end())) {
    throw UsageError("area under a curve: got " + std::to_string(thresholds.size()) +
                     " thresholds and " + std::to_string(values.size()) +
                     " values, expected at least two rising thresholds and a value for each");
  }
  double area = 0;
  for (size_t i = 1; i < thresholds.size(); ++i) {
    area += 0.5 * (values[i] + values[i - 1]) * (thresholds[i] - thresholds[i - 1]);
  }
  return area / (thresholds.back() - thresholds.front());
}

std::vector<FingerMean> MeanPerFinger(const std::vector<double>& mean_per_joint,
                                      const std::vector<std::string>& joint_names) {
  std::vector<std::vector<double>> of_group(kNumFingers + 1);  // the palm's first
  for (size_t j = 0; j < joint_names.size(); ++j) {
    size_t group = 0;
    for (size_t f = 0; f < kNumFingers; ++f) {
      if (joint_names[j].rfind(kFingerNames[f], 0) == 0) group = f + 1;
    }
    of_group[group].push_back(mean_per_joint.at(j));
  }
  std::vector<FingerMean> means;
  for (size_t g = 0; g < of_group.size(); ++g) {
    if (of_group[g].empty()) continue;
    means.push_back(
        {g == 0 ? "palm" : std::string(kFingerNames[g - 1]), MeanOfNumbers(of_group[g])});
  }
  return means;
}

PoseReport MakePoseReport(Protocol protocol,
                          const JointDistances& distances_mm,
                          const std::vector<std::string>& joint_names) {
  if (static_cast<int>(joint_names.size()) != distances_mm.num_joints()) {
    throw UsageError("report of " + std::to_string(distances_mm.num_joints()) + " joints: got " +
                     std::to_string(joint_names.size()) + " names");
  }
  PoseReport report;
  report.protocol = protocol;
  report.scale = Describe(protocol).scale;
  report.joint_names = joint_names;
  report.frames = distances_mm.frames();
  report.distances = distances_mm.count();
  report.mean_mm = distances_mm.Mean();
  report.median_mm = distances_mm.Median();
  report.mean_per_joint_mm = distances_mm.MeanPerJoint();
  report.mean_per_finger_mm = MeanPerFinger(report.mean_per_joint_mm, joint_names);
  report.thresholds_mm = Linspace(0, kMaxErrorMm, kNumThresholds);
  report.pck = distances_mm.Pck(report.thresholds_mm);
  report.auc_0_50 = AreaUnderCurve(report.thresholds_mm, report.pck);
  report.auc_20_50_published = AreaUnderCurve(
      {report.thresholds_mm.begin() + kFirstOfPublishedRange, report.thresholds_mm.end()},
      {report.pck.begin() + kFirstOfPublishedRange, report.pck.end()});
  report.auc_20_50_exact = distances_mm.AreaUnderPck(kLowErrorMm, kMaxErrorMm);
  report.success_thresholds_mm = Linspace(0, kMaxSuccessMm, kMaxSuccessMm + 1);
  for (const double threshold : report.success_thresholds_mm) {
    report.success_rate.push_back(distances_mm.SuccessRate(threshold));
  }
  return report;
}

PoseReport MakePoseReport(Protocol protocol, const JointDistances& distances_mm) {
  return MakePoseReport(protocol, distances_mm, {kJointNames.begin(), kJointNames.end()});
}

const std::vector<PublishedCurve>& PublishedCurves() {
  static const std::vector<double> all = Linspace(0, kMaxErrorMm, kNumThresholds);
  static const std::vector<double> thresholds(all.begin() + kFirstOfPublishedRange, all.end());
  static const std::vector<PublishedCurve> curves = {
      {"Spurr et al. 2018, RHD",
       19.73,
       0.849,
       thresholds,
       {.6513, .7100, .7595, .8010, .8340, .8617, .8836, .9027, .9175, .9292, .9406, .9494}},
      {"Spurr et al. 2018, STB",
       8.56,
       0.983,
       thresholds,
       {.9483, .9615, .9705, .9771, .9819, .9857, .9886, .9909, .9926, .9942, .9954, .9963}}};
  return curves;
}

}  // namespace handforge
