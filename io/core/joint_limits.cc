#include "io/core/joint_limits.h"

#include <algorithm>

namespace handforge {
namespace {

// AAOS: American Academy of Orthopaedic Surgeons, Joint Motion: Method of Measuring and Recording,
//   1965 (finger MCP 0-90 with 45 hyperextension, PIP 0-100, DIP 0-90 with 10 hyperextension; thumb
//   MCP 0-50, IP 0-80 with hyperextension to 20; wrist 80 flexion, 70 extension, 20 radial, 30
//   ulnar deviation).
// Lin 2000: Lin, Wu, Huang, Modeling the constraints of human hand motion, Workshop on Human Motion
//   2000 (MCP abduction -15..15, PIP 0-110, DIP 0-90).
// Hume 1990: Hume, Gellman, McKellop, Brumfield, Functional range of motion of the joints of the
//   hand, J Hand Surg 15A, 1990 (active MCP 0-100, PIP 0-105, DIP 0-85, thumb MCP 0-56, IP -5..73).
// Cooney 1981: Cooney, Lucca, Chao, Linscheid, The kinesiology of the thumb trapeziometacarpal
//   joint, JBJS 63A, 1981 (53 flexion-extension, 42 abduction-adduction, 17 axial rotation).
// El-shennawy, Nakamura, Patterson, Viegas, Three-dimensional kinematic analysis of
//   the second through fifth carpometacarpal joints, J Hand Surg 26A, 2001 (CMC flexion-extension:
//   ring 20, little 28).
// Kapandji 1986: Kapandji, Cotation clinique de l'opposition et de la contre-opposition du pouce,
//   Ann Chir Main 5, 1986 (a healthy thumb's tip reaches every fingertip, the little finger's
//   creases and the palm at its base).
// The thumb's CMC ranges are wider than Cooney's mean arcs, for three reasons. Angle 0 is the rig's
//   relaxed thumb, which already stands before the palm: laying it beside the index takes nearly 40
//   degrees of adduction, full palmar abduction only 25 more. The rig's thumb MCP is a hinge, so
//   that the pronation which a real MCP adds to opposition has to come from the CMC's twist. And
//   everything from the flat hand to Kapandji's opposition has to be within reach of the rig
//   (tests/render/pose_library_test.cc). No single source gives these sums.
constexpr std::string_view kAaos = "AAOS 1965";
constexpr std::string_view kLin =
    "Lin, Wu, Huang 2000; widened for passive spread of straight fingers";
constexpr std::string_view kHume = "Hume et al. 1990 with the hyperextension of AAOS 1965";
constexpr std::string_view kCooney =
    "Cooney et al. 1981, widened for the thumb's relaxed position and full opposition";
constexpr std::string_view kCmc = "El-shennawy et al. 2001, total arc";
constexpr std::string_view kTwist =
    "axial play of a condyloid joint; conservative, no single source";

std::array<AngleLimit, kNumAngles> MakeLimits() {
  std::array<AngleLimit, kNumAngles> limits;
  limits[kThumbCmcFlexion] = {"thumb_cmc_flexion", -25, 45, kCooney};
  limits[kThumbCmcAbduction] = {"thumb_cmc_abduction", -40, 25, kCooney};
  limits[kThumbCmcTwist] = {"thumb_cmc_twist", -20, 40, kCooney};
  limits[kThumbMcpFlexion] = {"thumb_mcp_flexion", -10, 60, kHume};
  limits[kThumbIpFlexion] = {"thumb_ip_flexion", -20, 80, kAaos};
  for (int finger = kIndex; finger <= kLittle; ++finger) {
    const std::string name(kFingerNames[finger]);
    limits[FingerAngle(finger, kMcpFlexion)] = {name + "_mcp_flexion", -35, 100, kHume};
    limits[FingerAngle(finger, kMcpAbduction)] = {name + "_mcp_abduction", -25, 25, kLin};
    limits[FingerAngle(finger, kMcpTwist)] = {name + "_mcp_twist", -12, 12, kTwist};
    limits[FingerAngle(finger, kPipFlexion)] = {name + "_pip_flexion", -8, 110, kLin};
    limits[FingerAngle(finger, kDipFlexion)] = {name + "_dip_flexion", -10, 90, kAaos};
  }
  limits[kRingCup] = {"ring_cup", -3, 20, kCmc};
  limits[kLittleCup] = {"little_cup", -4, 28, kCmc};
  limits[kWristFlexion] = {"wrist_flexion", -70, 80, kAaos};
  limits[kWristDeviation] = {"wrist_deviation", -30, 20, kAaos};
  return limits;
}

}  // namespace

const std::array<AngleLimit, kNumAngles>& AngleLimits() {
  static const auto limits = MakeLimits();
  return limits;
}

HandAngles ClampToLimits(HandAngles angles_deg) {
  for (int a = 0; a < kNumAngles; ++a) {
    angles_deg[a] = std::clamp(angles_deg[a], AngleLimits()[a].low_deg, AngleLimits()[a].high_deg);
  }
  return angles_deg;
}

double LimitViolation(const HandAngles& angles_deg, int* worst) {
  double violation = 0;
  for (int a = 0; a < kNumAngles; ++a) {
    const AngleLimit& limit = AngleLimits()[a];
    const double outside =
        std::max({0.0, limit.low_deg - angles_deg[a], angles_deg[a] - limit.high_deg});
    if (outside <= violation) continue;
    violation = outside;
    if (worst != nullptr) *worst = a;
  }
  return violation;
}

}  // namespace handforge
