#include "synth/provenance.h"

namespace handforge {

std::vector<std::string> LicencesOf(const Rig& rig, const UsedWorks& used) {
  std::vector<std::string> licences = {
      "hand mesh: " + (rig.licence.empty() ? "not stated by its rig file" : rig.licence)};
  if (used.light_probes) licences.push_back("light probes: CC0 (pmndrs assets)");
  if (used.photographs) licences.push_back("photographs: of the user's own folder, not stated");
  if (used.object_files) licences.push_back("objects: of the user's own files, not stated");
  return licences;
}

void AddProvenance(const Manifest& manifest, const std::string& rig_text, ShardMetadata* metadata) {
  auto& text = metadata->text;
  text["generator"] = manifest.generator;
  text["command"] = manifest.command;
  text["config"] = manifest.config;
  text["config_sha256"] = manifest.config_sha256;
  if (!manifest.model_sha256.empty()) text["model_sha256"] = manifest.model_sha256;
  if (!manifest.mesh_sha256.empty()) text["mesh_sha256"] = manifest.mesh_sha256;
  if (!rig_text.empty()) text["rig"] = rig_text;
  metadata->lists["licences"] = manifest.licences;
}

}  // namespace handforge
