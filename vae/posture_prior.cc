#include "vae/posture_prior.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Geometry>

namespace handforge {
namespace {

using Eigen::Matrix3d;
using Eigen::Vector3d;

constexpr int kHands = 4096;
constexpr double kWidthRad = 0.35;      // 20 degrees
constexpr double kUnusualShare = 0.2;   // of hands that are turned in any way
constexpr double kTouchingShare = 0.6;  // of hands with something before the palm
constexpr double kLeastSine = 1e-3;     // between fingers and knuckles
constexpr double kPalmInView = 0.3;     // cosine from which a camera looks at a palm

// In heights of a person.
constexpr double kShoulder = 0.129;  // from the middle of the body
constexpr double kUpperArm = 0.186;
constexpr double kForearm = 0.146;
constexpr double kLeastReach = 0.12;
constexpr double kMostReach = 0.32;
constexpr double kFlank = 0.05;

double Rad(double deg) { return deg * M_PI / 180; }

Vector3d Across(const Vector3d& v, const Vector3d& axis) { return v - axis * axis.dot(v); }

HandRotation Turned(const Vector3d& thumb, const Vector3d& fingers) {
  HandRotation hand;
  hand << thumb.cross(fingers), thumb, fingers;
  return hand;
}

// Right arm, x to the right of the body's middle, y down from the shoulders, z ahead.
struct Arm {
  Vector3d shoulder{kShoulder, 0, 0};
  Vector3d elbow;
  Vector3d wrist;
};

// The elbow lies on a circle about the line from the shoulder to the wrist.
bool SampleArm(Random& random, Arm* arm) {
  arm->wrist = {random.Normal(0.07, 0.1), random.Uniform(-0.15, 0.33), random.Uniform(0.06, 0.33)};
  const double swivel_rad = Rad(random.Normal(35, 25));
  const Vector3d reach = arm->wrist - arm->shoulder;
  const double length = reach.norm();
  if (length < kLeastReach || length > kMostReach) return false;
  const Vector3d axis = reach / length;
  const double along =
      (kUpperArm * kUpperArm - kForearm * kForearm + length * length) / (2 * length);
  const double radius = std::sqrt(std::max(kUpperArm * kUpperArm - along * along, 0.0));
  const Vector3d down = Across(Vector3d::UnitY(), axis).normalized();
  Vector3d outwards = axis.cross(down);
  if (outwards.x() < 0) outwards = -outwards;
  arm->elbow = arm->shoulder + along * axis +
               radius * (std::cos(swivel_rad) * down + std::sin(swivel_rad) * outwards);
  return arm->elbow.x() > kFlank;
}

// The thumb of a forearm that is not turned points along the upper arm. Turned inwards, it goes
// where the palm looked.
HandRotation SampleHand(Random& random, const Arm& arm) {
  const double pronation_rad = Rad(std::clamp(random.Normal(45, 40), -90.0, 90.0));
  const double flexion_rad = Rad(random.Normal(-10, 25));
  const double ulnar_rad = Rad(random.Normal(8, 12));
  Vector3d fingers = (arm.wrist - arm.elbow).normalized();
  Vector3d thumb = Across(arm.shoulder - arm.elbow, fingers).normalized();
  thumb = std::cos(pronation_rad) * thumb + std::sin(pronation_rad) * thumb.cross(fingers);
  fingers = std::cos(flexion_rad) * fingers + std::sin(flexion_rad) * thumb.cross(fingers);
  const Vector3d towards_thumb = thumb;
  thumb = std::cos(ulnar_rad) * thumb + std::sin(ulnar_rad) * fingers;
  fingers = std::cos(ulnar_rad) * fingers - std::sin(ulnar_rad) * towards_thumb;
  return Turned(thumb, fingers);
}

// Rows: the camera's axes in those of the body (x to its right, y down, z ahead).
Matrix3d SampleCamera(Random& random) {
  const double kind = random.Uniform();
  double azimuth_deg = random.Uniform(-180, 180), elevation_deg = random.Normal(60, 25);
  if (kind < 0.55) {  // before the person
    azimuth_deg = random.Normal(0, 55);
    elevation_deg = random.Normal(12, 22);
  } else if (kind < 0.8) {  // over the shoulder
    azimuth_deg = random.Normal(180, 30);
    elevation_deg = random.Normal(45, 20);
  }
  const double azimuth_rad = Rad(azimuth_deg), roll_rad = Rad(random.Normal(0, 10));
  const double elevation_rad = Rad(std::clamp(elevation_deg, -30.0, 85.0));
  const Vector3d ahead(-std::sin(azimuth_rad) * std::cos(elevation_rad),
                       std::sin(elevation_rad),
                       -std::cos(azimuth_rad) * std::cos(elevation_rad));
  const Vector3d down = Across(Vector3d::UnitY(), ahead).normalized();
  const Vector3d right = down.cross(ahead);
  Matrix3d camera;
  camera << (std::cos(roll_rad) * right + std::sin(roll_rad) * down).transpose(),
      (std::cos(roll_rad) * down - std::sin(roll_rad) * right).transpose(), ahead.transpose();
  return camera;
}

// Mean of exp(sharpness (cos(angle) - 1)) over all rotations, whose angles have the density
// (1 - cos(angle)) / pi.
double MeanKernel(double sharpness) {
  return std::exp(-sharpness) *
         (std::cyl_bessel_i(0.0, sharpness) - std::cyl_bessel_i(1.0, sharpness));
}

}  // namespace

std::optional<HandRotation> RotationOfRightHand(const Joints3& joints_in_cam) {
  const auto between = [&joints_in_cam](int from, int to) {
    return Vector3d((joints_in_cam.row(to) - joints_in_cam.row(from)).transpose());
  };
  const Vector3d palm = between(kWrist, kMiddleMcp);
  const Vector3d knuckles = between(kLittleMcp, kIndexMcp);
  const Vector3d fingers = palm.normalized();
  const Vector3d thumb = Across(knuckles, fingers);
  if (!(palm.norm() > 0) || !(thumb.norm() > kLeastSine * knuckles.norm())) return std::nullopt;
  return Turned(thumb.normalized(), fingers);
}

HandRotation SampleRightHand(Random& random) {
  for (;;) {
    Arm arm;
    if (!SampleArm(random, &arm)) continue;
    const HandRotation in_body = SampleHand(random, arm);
    const HandRotation in_cam = SampleCamera(random) * in_body;
    const bool touching = random.Chance(kTouchingShare);
    if (!touching || in_cam(2, 0) > -kPalmInView) return in_cam;
  }
}

PosturePrior::PosturePrior() {
  hands_.reserve(kHands);
  for (uint64_t i = 0; i < kHands; ++i) {
    Random random(0, i, 0, Purpose::kPosture);
    hands_.push_back(SampleRightHand(random));
  }
}

double PosturePrior::LogRatio(const Joints3& right_hand_in_cam) const {
  const std::optional<HandRotation> hand = RotationOfRightHand(right_hand_in_cam);
  return hand ? LogRatio(*hand) : 0;
}

double PosturePrior::LogRatio(const HandRotation& right_hand_in_cam) const {
  constexpr double kSharpness = 1 / (kWidthRad * kWidthRad);
  double sum = 0;
  for (const HandRotation& hand : hands_) {
    const double cosine = (hand.cwiseProduct(right_hand_in_cam).sum() - 1) / 2;
    sum += std::exp(kSharpness * (cosine - 1));
  }
  static const double mean = MeanKernel(kSharpness);
  return std::log((1 - kUnusualShare) * sum / (kHands * mean) + kUnusualShare);
}

}  // namespace handforge
