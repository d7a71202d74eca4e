#pragma once

#include "io/core/skeleton.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace handforge {

// How a predicted hand is brought to the true one before distances are taken. In all of them the
// errors of a joint are averaged first, then those of the joints.
enum class Protocol {
  // Spurr et al. 2018: the wrist is replaced by the palm's centre in the truth; the truth is
  // centred
  // on it, the prediction is multiplied by the true length of the middle finger's proximal bone and
  // not centred again. The prediction is what a network says that was trained on normalised poses:
  // root-relative, in units of that bone, palm's centre in joint 0.
  kSpurr2018,
  kRoot,      // both centred on the wrist; prediction in mm
  kScale,     // like kRoot, then the prediction scaled about the wrist by least squares
  kPa,        // similarity by least squares (Procrustes); prediction in mm
  kAbsolute,  // as they are, in the camera's frame: what is usual for depth images
};

struct ProtocolText {
  std::string name;   // "spurr2018", "root", "scale", "pa"
  std::string root;   // which point both hands are centred on
  std::string scale;  // where the prediction's scale comes from
};
ProtocolText Describe(Protocol protocol);
// "root, root wrist, scale as predicted, 21 joints": belongs next to every number.
std::string ProtocolLine(Protocol protocol, int num_joints = kNumJoints);
std::string ProtocolLine(const ProtocolText& text, int num_joints = kNumJoints);
// Throws UsageError naming the known ones.
Protocol ParseProtocol(const std::string& name);

struct AlignedPair {
  Joints3 predicted;  // mm
  Joints3 truth;      // mm
};
// `predicted` as the protocol says above, `truth` in mm, both in axes that agree.
AlignedPair ApplyProtocol(Protocol protocol, const Joints3& predicted, const Joints3& truth);

// A pose as kSpurr2018 wants its predictions: palm's centre in joint 0 and as origin, in units of
// the bone from the middle MCP to the middle PIP.
Joints3 NormalisePose(const Joints3& joints);

// Points of a dataset whose number and order are its own (io/conventions.h), mm.
using Points3 = Eigen::Matrix<double, Eigen::Dynamic, 3, Eigen::RowMajor>;

// Distances per joint, in any one unit (mm in space, px in an image), and what follows from them.
// Joints without a distance (never visible) are left out of the averages; with none at all the
// results are NaN.
class JointDistances {
 public:
  explicit JointDistances(int num_joints = kNumJoints);

  // Throws DataError where the distance is NaN: a prediction that is no number may not vanish from
  // an average.
  void Add(int joint, double distance);
  // The rows of both where `visible` is kVisible or kVisibilityUnknown and the truth is known (no
  // NaN).
  void Add(const Joints3& predicted,
           const Joints3& truth,
           const std::array<uint8_t, kNumJoints>& visible);
  // All {num_joints, 3} points of one hand. Throws DataError on another number of points.
  void Add(const Points3& predicted, const Points3& truth);

  int num_joints() const { return static_cast<int>(distances_.size()); }
  uint64_t count() const;
  uint64_t frames() const { return worst_of_frame_.size(); }  // hands with at least one distance
  std::vector<double> MeanPerJoint() const;                   // NaN for a joint without distances
  std::vector<double> MedianPerJoint() const;  // middle two averaged where the count is even
  double Mean() const;                         // over joints of the mean per joint
  double Median() const;                       // over joints of the median per joint
  // Share of distances <= threshold per joint, averaged over joints.
  double Pck(double threshold) const;
  std::vector<double> Pck(const std::vector<double>& thresholds) const;
  // Integral of the PCK curve over [low, high], exact, divided by its length.
  double AreaUnderPck(double low, double high) const;
  // Share of hands added whole whose largest distance is <= threshold: the success rate of work on
  // depth images (Taylor et al., "The Vitruvian Manifold", CVPR 2012).
  double SuccessRate(double threshold) const;

 private:
  std::vector<std::vector<double>> distances_;  // per joint
  std::vector<double> worst_of_frame_;
};

// `count` values from low to high, both included.
std::vector<double> Linspace(double low, double high, int count);
// Trapezoid rule, divided by the length of the range. Throws UsageError unless there are at least
// two thresholds, rising, and as many values.
double AreaUnderCurve(const std::vector<double>& thresholds, const std::vector<double>& values);

// Mean over the joints of one finger, or over those of no finger ("palm").
struct FingerMean {
  std::string finger;  // as in `kFingerNames`, or "palm"
  double mean = 0;
};
// Joints belong to the finger whose name theirs begins with ("thumb_tip"); joints without a value
// are left out. Groups without a joint are absent.
std::vector<FingerMean> MeanPerFinger(const std::vector<double>& mean_per_joint,
                                      const std::vector<std::string>& joint_names);

// The numbers that are published.
struct PoseReport {
  Protocol protocol = Protocol::kRoot;
  std::string scale;  // where the prediction's came from; of the protocol, if nothing else is said
  std::vector<std::string> joint_names;
  uint64_t frames = 0;     // hands
  uint64_t distances = 0;  // visible joints of all hands
  double mean_mm = 0;      // EPE
  double median_mm = 0;
  std::vector<double> mean_per_joint_mm;
  std::vector<FingerMean> mean_per_finger_mm;
  std::vector<double> thresholds_mm;  // 20 from 0 to 50
  std::vector<double> pck;            // at these
  double auc_0_50 = 0;                // trapezoid over all 20
  // "AUC 20-50" as the authors of Spurr et al. 2018 and Zimmermann & Brox compute it: trapezoid
  // over the last 12 of the 20 thresholds, so that it begins at 21.05 mm.
  double auc_20_50_published = 0;
  double auc_20_50_exact = 0;                 // exact integral from 20.00 to 50.00 mm
  std::vector<double> success_thresholds_mm;  // 0, 1 .. 80
  std::vector<double> success_rate;           // at these
};
// `joint_names`: one per joint. Throws UsageError on another number of names.
PoseReport MakePoseReport(Protocol protocol,
                          const JointDistances& distances_mm,
                          const std::vector<std::string>& joint_names);
// Joints in the canonical order.
PoseReport MakePoseReport(Protocol protocol, const JointDistances& distances_mm);

// The curve that the authors of Spurr et al. 2018 published of RGB->3D, protocol kSpurr2018: PCK at
// the last 12 of the 20 thresholds from 0 to 50 mm.
struct PublishedCurve {
  std::string name;  // "Spurr et al. 2018, RHD"
  double mean_mm = 0;
  double auc_20_50_published = 0;
  std::vector<double> thresholds_mm;
  std::vector<double> pck;
};
const std::vector<PublishedCurve>& PublishedCurves();

}  // namespace handforge
