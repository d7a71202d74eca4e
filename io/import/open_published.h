#pragma once

#include "io/import/published_dataset.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace handforge {

// A dataset that can be imported, and what of it can be chosen.
struct PublishedKind {
  std::string name;                  // "rhd"
  std::string title;                 // with its paper
  std::vector<std::string> cameras;  // of which one is chosen; empty = no choice
  // Pictures show two hands, and a protocol takes the larger one.
  bool has_dominant_hands = false;
  std::string derived_joints;  // that the set does not label, and how they follow from its labels
};
const std::vector<PublishedKind>& PublishedKinds();
std::vector<std::string> PublishedDatasetNames();
// Throws UsageError naming the known ones and the nearest.
const PublishedKind& FindPublishedKind(const std::string& name);

// `camera`: one of the kind's, "" = the first. Throws UsageError on another one, or on
// `dominant_only` where no choice is (of which `threads` look at the pictures); DataError naming
// what is missing or wrong in the folder.
std::unique_ptr<PublishedDataset> OpenPublished(const std::string& name,
                                                const std::filesystem::path& folder,
                                                const std::string& camera,
                                                bool dominant_only,
                                                int threads);

}  // namespace handforge
