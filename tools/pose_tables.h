#pragma once

#include "io/core/metrics.h"
#include "tools/plot.h"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace handforge {

// What `eval` prints of a PoseReport, for people and for programs.

// A report under the name its row has in a table: "rgb->3d", "mean pose".
struct NamedReport {
  std::string name;
  PoseReport report;
};

// A line of column heads and one line per report: mean, median, the three AUCs, success rates.
std::string PoseTable(const std::vector<NamedReport>& reports);
// Mean error per finger, one line per report.
std::string FingerTable(const std::vector<NamedReport>& reports);

// The same numbers for spreadsheets and scripts: a line of column names, then one per report.
std::string PoseCsv(const std::vector<NamedReport>& reports);

// {"protocol", "root", "scale", "joints", "frames", "mean_error_mm", "median_error_mm",
//  "auc_0_50", "auc_20_50_published", "auc_20_50_exact", "mean_per_joint_mm",
//  "mean_per_finger_mm", "pck": {"thresholds_mm", "share"}, "success": {...}}.
nlohmann::json ToJson(const PoseReport& report);

// Share of joints within a distance of 0 to 50 mm; the published curves of Spurr et al. 2018 are
// drawn in where the protocol is theirs.
PlotPanel PckPanel(const std::vector<NamedReport>& reports, const std::string& protocol_line);
// Share of hands whose worst joint is within a distance of 0 to 80 mm.
PlotPanel SuccessPanel(const std::vector<NamedReport>& reports, const std::string& protocol_line);

}  // namespace handforge
