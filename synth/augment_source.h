#pragma once

#include "io/augment/augmenter.h"
#include "io/dataset.h"
#include "synth/augment_job_options.h"
#include "synth/dataset_writer.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace handforge {

// What all workers of an augmentation share, read-only.
struct AugmentWorld {
  AugmentJobOptions options;
  Dataset source;
  Augmenter augmenter;
  // Of the source's shards, which may be of several runs: the first rig that one names with its
  // mesh, and every gesture.
  std::string rig_text;
  std::string mesh_sha256;
  std::vector<std::string> gesture_names;

  // Throws UsageError where the source is augmented itself (its rows would no longer say how they
  // came about) or is the output folder, and what opening the source throws.
  static AugmentWorld Load(const std::filesystem::path& source, const AugmentJobOptions& options);
};

// Tuple i is row i modulo the source's size, augmented. `world` must outlive the source. Columns of
// the source that are none of handforge's do not come along, nor does the rig's record of rows that
// another rig than `rig_text` made.
std::unique_ptr<TupleSource> MakeAugmentSource(const AugmentWorld& world);
DatasetJob AugmentJob(const AugmentWorld& world);
// Names of the source's columns, or groups of them, that augmented tuples do not have: what the
// scene holds beside the hand is not moved along, and what is made from other columns would no
// longer fit them.
std::vector<std::string> ColumnsLeftOut(const TupleLayout& source);

// The attributes that name the codes of augmented rows, for a dataset whose layout has them.
void DescribeAugmentation(const Augmenter& augmenter, ShardMetadata* metadata);

}  // namespace handforge
