#pragma once

#include "io/dataset.h"
#include "render/rig.h"

#include <string>
#include <vector>

namespace handforge {

// Works of others in the pictures of a dataset, beside the hand mesh.
struct UsedWorks {
  bool light_probes = false;
  bool photographs = false;  // the user's own folder
  bool object_files = false;
};

// What the manifest says of their licences: the mesh's as its rig file states it.
std::vector<std::string> LicencesOf(const Rig& rig, const UsedWorks& used);

// Puts what the manifest says of the run, and the rig, into the shards, which so say alone what
// made them. Hashes of nothing are left out.
void AddProvenance(const Manifest& manifest, const std::string& rig_text, ShardMetadata* metadata);

}  // namespace handforge
