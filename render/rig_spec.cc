#include "render/rig_spec.h"

namespace handforge {

const std::array<const char*, kNumXrJoints> kXrJointNames = {
    "wrist",
    "thumb-metacarpal",
    "thumb-phalanx-proximal",
    "thumb-phalanx-distal",
    "thumb-tip",
    "index-finger-metacarpal",
    "index-finger-phalanx-proximal",
    "index-finger-phalanx-intermediate",
    "index-finger-phalanx-distal",
    "index-finger-tip",
    "middle-finger-metacarpal",
    "middle-finger-phalanx-proximal",
    "middle-finger-phalanx-intermediate",
    "middle-finger-phalanx-distal",
    "middle-finger-tip",
    "ring-finger-metacarpal",
    "ring-finger-phalanx-proximal",
    "ring-finger-phalanx-intermediate",
    "ring-finger-phalanx-distal",
    "ring-finger-tip",
    "pinky-finger-metacarpal",
    "pinky-finger-phalanx-proximal",
    "pinky-finger-phalanx-intermediate",
    "pinky-finger-phalanx-distal",
    "pinky-finger-tip",
};

RigSpec::RigSpec() {
  for (int j = 0; j < kNumXrJoints; ++j) joints[j] = kXrJointNames[j];
}

void RigSpec::Visit(Fields& fields) {
  fields.Field("mesh", mesh, {}, "rigged hand file: an asset's name or a path");
  fields.Field("licence", licence, {}, "licence of the file and who holds it");
  fields.Field("side", side, {"left", "right"}, "side of the hand in the file");
  fields.Field("millimetres_per_unit", millimetres_per_unit, 1e-3, 1e6, "length unit of the file");
  fields.Field("hinge_axis", hinge_axis, -1, 1, "flexion axis in a joint's own rest frame");
  fields.Section(
      "joints",
      [this](Fields& f) {
        for (int j = 0; j < kNumXrJoints; ++j) {
          f.Field(kXrJointNames[j], joints[j], {}, "name of this WebXR joint in the file");
        }
      },
      "joint-name map");
  fields.Section(
      "anchors",
      [this](Fields& f) {
        f.Field("wrist_towards_middle_mcp_mm",
                wrist_towards_middle_mcp_mm,
                -50,
                50,
                "labelled wrist beyond the rig's, towards the middle MCP");
        f.Field("thumb_cmc_mm", thumb_cmc_mm, -30, 30, "labelled thumb CMC beyond the rig's");
        f.Field("thumb_mcp_mm", thumb_mcp_mm, -30, 30, "labelled thumb MCP beyond the rig's");
        f.Field("finger_mcp_mm", finger_mcp_mm, -30, 30, "labelled finger MCPs beyond the rig's");
        f.Field("tip_below_surface_mm",
                tip_below_surface_mm,
                0,
                10,
                "labelled tip before the skin's end, along the last bone");
      },
      "where the labelled joints lie");
  fields.Section(
      "forearm",
      [this](Fields& f) {
        f.Field("enabled", forearm, "replace the cap behind the wrist by a forearm");
        f.Field("length_mm", forearm_length_mm, 20, 500, "length behind the wrist");
      },
      "forearm grown from the wrist loop");
  fields.Field("subdivision", subdivision, int64_t{0}, int64_t{2}, "Loop subdivision steps");
  fields.Field("skinning", skinning, {"linear", "halfway"}, "how the skin follows the bones");
}

RigSpec RigSpec::Load(const std::filesystem::path& file) {
  RigSpec spec;
  LoadConfig(file, {}, [&spec](Fields& fields) { spec.Visit(fields); });
  return spec;
}

std::string RigSpec::Text() {
  return ConfigText([this](Fields& fields) { Visit(fields); });
}

RigSpec RigSpec::Parse(const std::string& text, const std::string& name) {
  RigSpec spec;
  LoadConfigText(text, name, [&spec](Fields& fields) { spec.Visit(fields); });
  return spec;
}

}  // namespace handforge
