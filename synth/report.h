#pragma once

#include "io/config.h"

#include <filesystem>

namespace handforge {

struct ReportOptions {
  int64_t tuples = 24;        // on the contact sheet, evenly spread over the dataset
  int64_t cell_px = 160;      // side of a picture
  std::filesystem::path out;  // folder to write; empty: DIR/report
};

struct ReportFiles {
  std::filesystem::path contact;     // contact.png
  std::filesystem::path statistics;  // statistics.json
  std::filesystem::path page;        // index.html
};

// Writes a contact sheet (per tuple: rgb, skeleton over rgb, depth, mask, and for decoded tuples
// the decoded alpha with the decoded 2D skeleton) and statistics of all rows.
// Throws DataError where the dataset is missing or damaged, EnvironmentError where it cannot write.
ReportFiles WriteReport(const std::filesystem::path& dataset, const ReportOptions& options);

}  // namespace handforge
