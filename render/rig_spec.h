#pragma once

#include "io/config.h"

#include <array>
#include <filesystem>
#include <string>

namespace handforge {

// The 25 joints of the W3C WebXR Hand Input specification, the names by which a rig is described.
enum WebXrJoint : int {
  kXrWrist = 0,
  kXrThumbMetacarpal,
  kXrThumbProximal,
  kXrThumbDistal,
  kXrThumbTip,
  kXrFirstFinger,  // index..little: metacarpal, proximal, intermediate, distal, tip
  kNumXrJoints = 25,
};
constexpr int XrFingerJoint(int finger, int level) {
  return kXrFirstFinger + 5 * (finger - 1) + level;
}
extern const std::array<const char*, kNumXrJoints> kXrJointNames;

// How to use a rigged hand file (glTF, FBX ... whatever Assimp reads). A rig's joints are not the
// joints that people label, hence the anchors: distances by which a labelled joint lies beyond the
// rig's own, along the bone.
struct RigSpec {
  std::string mesh = "meshes/generic-hand-left.glb";  // see FindAsset
  std::string side = "left";                          // of the hand in the file
  std::string licence;  // of the file, which datasets say; "" where it is not known
  double millimetres_per_unit = 1000;
  // Direction of the hinge (flexion) axis in every joint's own rest frame.
  std::vector<double> hinge_axis = {1, 0, 0};
  std::array<std::string, kNumXrJoints> joints;  // name in the file, per WebXR joint

  double wrist_towards_middle_mcp_mm = 22.5;
  double thumb_cmc_mm = 8;
  double thumb_mcp_mm = 5;
  double finger_mcp_mm = 3;
  double tip_below_surface_mm = 3;

  bool forearm = true;  // replace the cap behind the wrist by a forearm
  double forearm_length_mm = 260;
  int64_t subdivision = 1;  // Loop steps, 0..2
  // "linear" blend skinning, or "halfway": with an extra bone at each joint that turns half-way.
  std::string skinning = "linear";

  RigSpec();
  void Visit(Fields& fields);
  static RigSpec Load(const std::filesystem::path& file);
  // Canonical YAML, as stored in shards; `Parse` reads it back (`name` is for error messages).
  std::string Text();
  static RigSpec Parse(const std::string& text, const std::string& name);
};

}  // namespace handforge
