#include "render/pose_prior.h"

#include "render/collision.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include <Eigen/Dense>

namespace handforge {
namespace {

const Gesture& DrawGesture(const std::vector<Gesture>& gestures, Random& random, int* which) {
  double total = 0;
  for (const Gesture& g : gestures) total += g.weight;
  double left = random.Uniform() * total;
  for (size_t i = 0; i < gestures.size(); ++i) {
    left -= gestures[i].weight;
    *which = static_cast<int>(i);
    if (left < 0) break;
  }
  return gestures[*which];
}

// Each finger curls by an amount of its own; MCP and PIP share it loosely, DIP follows PIP by two
// thirds (Lin, Wu, Huang 2000).
HandAngles FreePose(Random& random) {
  HandAngles a{};
  const double shared = random.Uniform();
  for (int finger = kIndex; finger <= kLittle; ++finger) {
    const double curl = std::clamp(shared + random.Normal(0, 0.35), 0.0, 1.0);
    a[FingerAngle(finger, kMcpFlexion)] =
        -15 + 105 * std::clamp(curl + random.Normal(0, 0.25), 0.0, 1.0);
    a[FingerAngle(finger, kPipFlexion)] = 105 * std::clamp(curl + random.Normal(0, 0.25), 0.0, 1.0);
    a[FingerAngle(finger, kDipFlexion)] =
        2.0 / 3 * a[FingerAngle(finger, kPipFlexion)] + random.Normal(0, 8);
    a[FingerAngle(finger, kMcpAbduction)] =
        random.Normal(2.0 * (kMiddle - finger), 7) * (1 - 0.7 * curl);
  }
  a[kThumbCmcFlexion] = random.Uniform(-20, 40);
  a[kThumbCmcAbduction] = random.Uniform(-30, 25);
  a[kThumbCmcTwist] =
      UsualThumbTwist(a[kThumbCmcFlexion], a[kThumbCmcAbduction]) + random.Normal(0, 5);
  a[kThumbMcpFlexion] = random.Uniform(-5, 55);
  a[kThumbIpFlexion] = random.Uniform(-10, 75);
  a[kLittleCup] = random.Uniform(0, 14);
  a[kRingCup] = 0.5 * a[kLittleCup];
  return a;
}

void AddNoise(const PosePriorOptions& options, Random& random, HandAngles* angles) {
  HandAngles& a = *angles;
  const double n = options.noise_deg;
  for (int finger = kIndex; finger <= kLittle; ++finger) {
    const double curl = random.Normal(0, 0.7 * n);
    const double pip = curl + random.Normal(0, 0.7 * n);
    a[FingerAngle(finger, kMcpFlexion)] += curl + random.Normal(0, 0.7 * n);
    a[FingerAngle(finger, kPipFlexion)] += pip;
    a[FingerAngle(finger, kDipFlexion)] += 2.0 / 3 * pip + random.Normal(0, 0.4 * n);
    a[FingerAngle(finger, kMcpAbduction)] += random.Normal(0, 0.4 * n);
    a[FingerAngle(finger, kMcpTwist)] += random.Normal(0, 0.4 * n);
  }
  for (int angle : {kThumbCmcFlexion, kThumbCmcAbduction, kThumbCmcTwist}) {
    a[angle] += random.Normal(0, 0.6 * n);
  }
  a[kThumbMcpFlexion] += random.Normal(0, n);
  a[kThumbIpFlexion] += random.Normal(0, n);
  const double cup = random.Normal(0, 0.4 * n);
  a[kRingCup] += 0.5 * cup;
  a[kLittleCup] += cup;
  a[kWristFlexion] += random.Normal(0, options.wrist_deg);
  a[kWristDeviation] += random.Normal(0, 0.5 * options.wrist_deg);
}

// Moves flexion from the middle joints of the fingers to the knuckles.
void Drape(Random& random, HandAngles* angles) {
  constexpr double kFurthestDeg = 60;
  const double wanted = random.Uniform(0, kFurthestDeg);
  for (int finger = kIndex; finger <= kLittle; ++finger) {
    double& pip = (*angles)[FingerAngle(finger, kPipFlexion)];
    const double moved = std::clamp(pip, 0.0, wanted);
    pip -= moved;
    (*angles)[FingerAngle(finger, kDipFlexion)] -= 2.0 / 3 * moved;
    (*angles)[FingerAngle(finger, kMcpFlexion)] += moved;
  }
}

// All angles but the wrist's, which comes last.
constexpr int kNumMovable = kWristFlexion;

// Change of each contact's depth with each movable angle, mm per degree.
Eigen::MatrixXd ContactSlopes(const Rig& rig,
                              const HandShape& shape,
                              const HandAngles& angles,
                              const BonePoses& poses,
                              const std::vector<SelfContact>& contacts) {
  constexpr double kStepDeg = 0.5;
  Eigen::MatrixXd slope(contacts.size(), kNumMovable);
  for (int a = 0; a < kNumMovable; ++a) {
    // Towards the middle of the range, so that an angle at its limit still shows its slope inwards.
    const AngleLimit& limit = AngleLimits()[a];
    const double step = angles[a] > (limit.low_deg + limit.high_deg) / 2 ? -kStepDeg : kStepDeg;
    HandAngles moved = angles;
    moved[a] += step;
    const BonePoses moved_poses = ForwardKinematics(rig, shape, moved);
    for (size_t c = 0; c < contacts.size(); ++c) {
      const SelfContact& contact = contacts[c];
      slope(c, a) = (ContactDepthMm(rig, moved_poses, contact.bone_a, contact.bone_b) -
                     ContactDepthMm(rig, poses, contact.bone_a, contact.bone_b)) /
                    step;
    }
  }
  return slope;
}

// The thumb's axial rotation is no free movement: it follows the swing of its CMC.
void CoupleThumbTwist(HandAngles* angles) {
  constexpr double kPlayDeg = 12;
  HandAngles& a = *angles;
  const double usual = UsualThumbTwist(a[kThumbCmcFlexion], a[kThumbCmcAbduction]);
  a[kThumbCmcTwist] = std::clamp(a[kThumbCmcTwist], usual - kPlayDeg, usual + kPlayDeg);
}

// The finger that an angle moves; the wrist, which moves none, counts as a sixth.
int DigitOf(int angle) {
  if (angle < kFirstFingerAngle) return kThumb;
  if (angle < kRingCup) return kIndex + (angle - kFirstFingerAngle) / 5;
  if (angle == kRingCup) return kRing;
  return angle == kLittleCup ? kLittle : kNumFingers;
}

// Goes some way to another gesture: the whole hand as one, or each digit by its own.
void BlendGestures(const std::vector<Gesture>& gestures,
                   bool digits_apart,
                   Random& random,
                   SampledPose* pose) {
  int other = 0;
  const HandAngles& b = DrawGesture(gestures, random, &other).angles_deg;
  std::array<double, kNumFingers + 1> way;
  way.fill(random.Uniform());
  if (digits_apart) {
    for (int digit = 1; digit <= kNumFingers; ++digit) way[digit] = random.Uniform();
  }
  for (int i = 0; i < kNumAngles; ++i) {
    pose->angles_deg[i] += way[DigitOf(i)] * (b[i] - pose->angles_deg[i]);
  }
  const double mean = std::accumulate(way.begin(), way.end(), 0.0) / way.size();
  if (mean > 0.5) pose->gesture = other;
}

SampledPose DrawPose(const std::vector<Gesture>& gestures,
                     const PosePriorOptions& options,
                     Random& random) {
  SampledPose pose;
  if (random.Chance(options.free)) {
    pose.angles_deg = FreePose(random);
  } else {
    pose.angles_deg = DrawGesture(gestures, random, &pose.gesture).angles_deg;
    if (random.Chance(options.between)) {
      BlendGestures(gestures, random.Chance(options.mixed), random, &pose);
    }
  }
  AddNoise(options, random, &pose.angles_deg);
  // No draw where none is: recipes without it, whose poses are drawn again, keep theirs.
  if (options.draped > 0 && random.Chance(options.draped)) Drape(random, &pose.angles_deg);
  CoupleThumbTwist(&pose.angles_deg);
  pose.angles_deg = ClampToLimits(pose.angles_deg);
  return pose;
}

}  // namespace

int BentFingers(const HandAngles& angles_deg) {
  int bent = 0;
  for (int finger = kIndex; finger <= kLittle; ++finger) {
    bent += angles_deg[FingerAngle(finger, kMcpFlexion)] +
                angles_deg[FingerAngle(finger, kPipFlexion)] >
            kBentFingerDeg;
  }
  return bent;
}

SampledPose SamplePose(const std::vector<Gesture>& gestures,
                       const PosePriorOptions& options,
                       Random& random) {
  constexpr int kDraws = 64;
  SampledPose best;
  int fewest = kNumFingers;
  for (int i = 0; i < kDraws && fewest > options.bent_fingers; ++i) {
    const SampledPose pose = DrawPose(gestures, options, random);
    const int bent = BentFingers(pose.angles_deg);
    if (bent < fewest) best = pose, fewest = bent;
  }
  return best;
}

double SettlePose(const Rig& rig,
                  const HandShape& shape,
                  double max_penetration_mm,
                  HandAngles* angles_deg) {
  constexpr int kSteps = 8;
  constexpr double kMarginMm = 1.5;    // aimed below the limit
  constexpr double kDampingMm = 0.05;  // against contacts that cannot be parted
  constexpr double kLongestStepDeg = 8;
  HandAngles& angles = *angles_deg;
  BonePoses poses = ForwardKinematics(rig, shape, angles);
  double depth = SelfPenetrationMm(rig, poses);
  const double aim_mm = std::max(0.0, max_penetration_mm - kMarginMm);
  for (int step = 0; step < kSteps && depth > max_penetration_mm; ++step) {
    const auto contacts = SelfContacts(rig, poses, aim_mm);
    const Eigen::MatrixXd slope = ContactSlopes(rig, shape, angles, poses, contacts);
    Eigen::VectorXd excess(contacts.size());
    for (size_t c = 0; c < contacts.size(); ++c) excess[c] = contacts[c].depth_mm - aim_mm;
    Eigen::MatrixXd normal = slope * slope.transpose();
    normal.diagonal().array() += kDampingMm * kDampingMm;
    Eigen::VectorXd move = -slope.transpose() * normal.ldlt().solve(excess);
    const double longest = move.cwiseAbs().maxCoeff();
    if (longest > kLongestStepDeg) move *= kLongestStepDeg / longest;
    for (int a = 0; a < kNumMovable; ++a) angles[a] += move[a];
    CoupleThumbTwist(&angles);
    angles = ClampToLimits(angles);
    poses = ForwardKinematics(rig, shape, angles);
    depth = SelfPenetrationMm(rig, poses);
  }
  return depth;
}

HandShape SampleShape(const Rig& rig, const ShapeOptions& options, Random& random) {
  constexpr double kMeanBreadthToLength = 0.4535;  // of both populations together
  const auto varied = [&random](double deviation) {
    return 1 + random.TruncatedNormal(0, deviation, 2);
  };
  const bool man = random.Chance(0.5);
  const double length_mm =
      man ? random.TruncatedNormal(193.8, 9.8, 2.5) : random.TruncatedNormal(180.5, 9.7, 2.5);
  const double breadth_mm =
      man ? random.TruncatedNormal(90.4, 4.2, 2.5) : random.TruncatedNormal(79.4, 3.8, 2.5);
  const double size = length_mm / rig.rest_hand_length_mm;
  HandShape shape;
  shape.palm_length = size * varied(options.palm_length);
  shape.palm_breadth = size * (breadth_mm / length_mm) / kMeanBreadthToLength;
  shape.girth = shape.palm_breadth * varied(options.girth);
  for (auto& finger : shape.segment_length) {
    const double whole = varied(options.finger_length);
    for (double& segment : finger) segment = size * whole * varied(options.segment_length);
  }
  for (auto& finger : shape.segment_girth) {
    const double whole = varied(options.finger_girth);
    for (double& segment : finger) segment = whole * varied(options.segment_girth);
  }
  return shape;
}

}  // namespace handforge
