#pragma once

#include "io/core/skeleton.h"

#include <array>
#include <string>
#include <string_view>

namespace handforge {

// The angles that pose a hand, in degrees. A joint's flexion bends towards the palm and is 0 when
// the two bones are in line; abduction is positive towards the thumb side (radial) for fingers and
// away from the palm plane (palmar) for the thumb's CMC, where both CMC angles are 0 in the
// relaxed position of the rig; twist turns a bone about its own axis.
enum Angle : int {
  kThumbCmcFlexion = 0,
  kThumbCmcAbduction,
  kThumbCmcTwist,
  kThumbMcpFlexion,
  kThumbIpFlexion,
  kFirstFingerAngle,                  // index..little: five angles each, see FingerAngle
  kRingCup = kFirstFingerAngle + 20,  // flexion of the carpometacarpal joint
  kLittleCup,
  kWristFlexion,
  kWristDeviation,  // radial positive
  kNumAngles,
};
enum FingerAngleKind : int { kMcpFlexion = 0, kMcpAbduction, kMcpTwist, kPipFlexion, kDipFlexion };
constexpr int FingerAngle(int finger, int kind) {
  return kFirstFingerAngle + 5 * (finger - 1) + kind;
}

using HandAngles = std::array<double, kNumAngles>;

struct AngleLimit {
  std::string name;  // "index_mcp_flexion"
  double low_deg;
  double high_deg;
  std::string_view source;  // where the range comes from
};
// Active range of motion of healthy adults.
const std::array<AngleLimit, kNumAngles>& AngleLimits();

HandAngles ClampToLimits(HandAngles angles_deg);
// How far the worst angle lies outside its range, in degrees; 0 = all inside. `worst` may be null.
double LimitViolation(const HandAngles& angles_deg, int* worst);

}  // namespace handforge
