#pragma once

#include "io/config.h"

#include <filesystem>

namespace handforge {

struct ReportOptions {
  int64_t tuples = 24;    // on the contact sheet, evenly spread over the dataset
  int64_t cell_px = 160;  // side of a picture
};

struct ReportFiles {
  std::filesystem::path contact;     // report/contact.png
  std::filesystem::path statistics;  // report/statistics.json
  std::filesystem::path page;        // report/index.html
};

// Writes a contact sheet (per tuple: rgb, skeleton over rgb, depth, mask, and for decoded tuples
// the decoded alpha with the decoded 2D skeleton) and statistics of all rows into DIR/report.
// Throws DataError where the dataset is missing or damaged, EnvironmentError where it cannot write.
ReportFiles WriteReport(const std::filesystem::path& dataset, const ReportOptions& options);

}  // namespace handforge
