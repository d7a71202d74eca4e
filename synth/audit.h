#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace handforge {

struct AuditOptions {
  // Rows per shard that are rendered again from their record and compared; -1 = all. Needs the mesh
  // named in the dataset; `rendered_again` of the result says how many could be.
  int64_t rerender_rows = 8;
  // Faults after which the list ends.
  int64_t max_faults = 1000;
  int threads = 1;              // shards are audited side by side
  double projection_px = 0.01;  // K X against joints_2d
  double depth_before_mm = 30;  // surface before a visible joint
  double depth_behind_mm = 3;   // surface behind it
  double quality = 1e-3;        // quality columns against what they follow from, relative
};

struct Fault {
  std::string shard;   // "shards/00000.h5"; "" for the manifest
  int64_t row = -1;    // -1: the shard as a whole
  std::string column;  // "" where no column is meant
  std::string what;
};

struct AuditResult {
  uint64_t tuples = 0;  // rows that were read
  std::vector<Fault> faults;
  uint64_t rendered_again = 0;
  // Why rows of some shard could not be, the last one's; "" where all could.
  std::string not_rendered_because;
  bool assets_missing = false;  // that it was for want of the files they were rendered with
  bool ok() const { return faults.empty(); }
};

// Recomputes what the columns of a dataset say about each other: manifest, counts, sizes and
// hashes; finite values; codes in range; no person or sequence of a run in two splits (of a run of
// `split`, none of what it was to keep together); K X = joints_2d; depth and mask at visible
// joints; mask, depth and box agree; the rig's joints are the labels; rows rendered again equal
// what is stored. Damage of the data is a fault, not an exception; throws DataError only where
// there is no dataset, Interrupted after SIGINT or SIGTERM.
AuditResult AuditDataset(const std::filesystem::path& folder, const AuditOptions& options);

}  // namespace handforge
