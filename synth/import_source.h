#pragma once

#include "io/import/open_published.h"
#include "synth/dataset_writer.h"
#include "synth/import_options.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace handforge {

// What labels are like where they are understood: nearly all sides agree, and bones are those of
// hands.
struct ImportChecks {
  int64_t subjects_in_several_splits = 0;
  // Share of hands whose fingers curl towards the palm that their side says they have.
  double sides_agree = 0;
  double middle_bone_mm = 0;  // mean length from the middle MCP to its PIP
  // Of the poses of configs/benchmark-test.yaml 91 % agree, of their mirror images 9 %.
  bool SidesAreDoubtful() const { return sides_agree < 0.6; }
  bool UnitIsDoubtful() const { return middle_bone_mm < 25 || middle_bone_mm > 75; }
};

// What all workers of an import share, read-only.
struct ImportWorld {
  ImportOptions options;
  std::unique_ptr<PublishedDataset> dataset;
  std::vector<size_t> rows;   // hands of the dataset by number of the tuple
  std::vector<Split> splits;  // of each tuple
  Rejections left_out;        // hands by reason
  ImportChecks checks;

  // Throws UsageError on options that the dataset does not have (a camera, a person) or an output
  // inside it, and DataError as OpenPublished does, where no hand is left, or where bones are so
  // long or short that the labels must be of another unit.
  static ImportWorld Load(const ImportOptions& options);
};

// Tuple i is a crop around hand rows[i] (io/import/crop_camera.h). `world` must outlive the source.
std::unique_ptr<TupleSource> MakeImportSource(const ImportWorld& world);
// Counts by the content of the files of labels and by which hands are taken, not by their place;
// what pictures show does not count.
DatasetJob ImportJob(const ImportWorld& world);

}  // namespace handforge
