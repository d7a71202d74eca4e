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
  // Joints that the set does not label, and how they follow from its labels.
  std::string derived_joints = {};
  // That divide the set, of which one is chosen; empty = no choice.
  std::vector<std::string> protocols = {};
};
const std::vector<PublishedKind>& PublishedKinds();
std::vector<std::string> PublishedDatasetNames();
// Throws UsageError naming the known ones and the nearest.
const PublishedKind& FindPublishedKind(const std::string& name);

// What of a dataset is opened.
struct PublishedChoice {
  std::string camera;    // one of the kind's, "" = the first
  std::string protocol;  // the same
  bool dominant_only = false;
  int threads = 1;  // that read labels and masks
};

// Throws UsageError on a choice that the dataset does not have; DataError naming what is missing or
// wrong in the folder.
std::unique_ptr<PublishedDataset> OpenPublished(const std::string& name,
                                                const std::filesystem::path& folder,
                                                const PublishedChoice& choice);

}  // namespace handforge
