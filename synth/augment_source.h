#pragma once

#include "io/augment/augmenter.h"
#include "io/dataset.h"
#include "synth/augment_job_options.h"
#include "synth/dataset_writer.h"

#include <filesystem>
#include <memory>

namespace handforge {

// What all workers of an augmentation share, read-only.
struct AugmentWorld {
  AugmentJobOptions options;
  Dataset source;
  Augmenter augmenter;

  // Throws UsageError where the source is augmented itself (its rows would no longer say how they
  // came about) or is the output folder, and what opening the source throws.
  static AugmentWorld Load(const std::filesystem::path& source, const AugmentJobOptions& options);
};

// Tuple i is row i modulo the source's size, augmented. `world` must outlive the source. Columns of
// the source that are none of handforge's do not come along.
std::unique_ptr<TupleSource> MakeAugmentSource(const AugmentWorld& world);
DatasetJob AugmentJob(const AugmentWorld& world);

// The attributes that name the codes of augmented rows, for a dataset whose layout has them.
void DescribeAugmentation(const Augmenter& augmenter, ShardMetadata* metadata);

}  // namespace handforge
