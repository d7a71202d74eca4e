#include "tools/pose_tables.h"

#include <algorithm>

#include <spdlog/fmt/fmt.h>

namespace handforge {
namespace {

// Success rates that the table shows, mm.
constexpr int kShownSuccessMm[] = {20, 30, 50};

size_t NameWidth(const std::vector<NamedReport>& reports) {
  size_t width = 0;
  for (const NamedReport& named : reports) width = std::max(width, named.name.size());
  return width;
}

nlohmann::json CurveJson(const std::vector<double>& thresholds, const std::vector<double>& share) {
  return {{"thresholds_mm", thresholds}, {"share", share}};
}

}  // namespace

std::string PoseTable(const std::vector<NamedReport>& reports) {
  const size_t width = NameWidth(reports);
  std::string table = fmt::format("  {:{}}  {:>8} {:>9} {:>8} {:>15} {:>11}  worst joint within",
                                  "",
                                  width,
                                  "mean mm",
                                  "median mm",
                                  "AUC 0-50",
                                  "21-50 published",
                                  "20-50 exact");
  for (const int mm : kShownSuccessMm) table += fmt::format(" {:>3} mm", mm);
  table += "\n";
  for (const auto& [name, report] : reports) {
    table += fmt::format("  {:{}}  {:8.3f} {:9.3f} {:8.3f} {:15.3f} {:11.3f}  {:18}",
                         name,
                         width,
                         report.mean_mm,
                         report.median_mm,
                         report.auc_0_50,
                         report.auc_20_50_published,
                         report.auc_20_50_exact,
                         "");
    for (const int mm : kShownSuccessMm) {
      table += fmt::format(" {:4.0f} %", 100 * report.success_rate.at(static_cast<size_t>(mm)));
    }
    table += "\n";
  }
  return table;
}

std::string FingerTable(const std::vector<NamedReport>& reports) {
  const size_t width = NameWidth(reports);
  std::string table;
  for (const auto& [name, report] : reports) {
    table += fmt::format("  {:{}}  mean mm:", name, width);
    for (const FingerMean& finger : report.mean_per_finger_mm) {
      table += fmt::format("  {} {:.1f}", finger.finger, finger.mean);
    }
    table += "\n";
  }
  return table;
}

namespace {

// Quoted where a comma, a quote or the end of a line would end it (RFC 4180).
std::string QuoteCsv(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

std::string PoseCsv(const std::vector<NamedReport>& reports) {
  std::string csv =
      "name,protocol,joints,frames,mean_mm,median_mm,auc_0_50,auc_20_50_published,"
      "auc_20_50_exact,root,scale\n";
  for (const auto& [name, report] : reports) {
    const ProtocolText protocol = Describe(report.protocol);
    csv += fmt::format("{},{},{},{},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g},\"{}\",\"{}\"\n",
                       QuoteCsv(name),
                       protocol.name,
                       report.joint_names.size(),
                       report.frames,
                       report.mean_mm,
                       report.median_mm,
                       report.auc_0_50,
                       report.auc_20_50_published,
                       report.auc_20_50_exact,
                       protocol.root,
                       report.scale);
  }
  return csv;
}

nlohmann::json ToJson(const PoseReport& report) {
  const ProtocolText protocol = Describe(report.protocol);
  nlohmann::json joints = nlohmann::json::object();
  for (size_t j = 0; j < report.joint_names.size(); ++j) {
    joints[report.joint_names[j]] = report.mean_per_joint_mm[j];
  }
  nlohmann::json fingers = nlohmann::json::object();
  for (const FingerMean& finger : report.mean_per_finger_mm) fingers[finger.finger] = finger.mean;
  return {{"protocol", protocol.name},
          {"root", protocol.root},
          {"scale", report.scale},
          {"joints", report.joint_names.size()},
          {"frames", report.frames},
          {"distances", report.distances},
          {"mean_error_mm", report.mean_mm},
          {"median_error_mm", report.median_mm},
          {"auc_0_50", report.auc_0_50},
          {"auc_20_50_published", report.auc_20_50_published},
          {"auc_20_50_exact", report.auc_20_50_exact},
          {"mean_per_joint_mm", joints},
          {"mean_per_finger_mm", fingers},
          {"pck", CurveJson(report.thresholds_mm, report.pck)},
          {"success", CurveJson(report.success_thresholds_mm, report.success_rate)}};
}

PlotPanel PckPanel(const std::vector<NamedReport>& reports, const std::string& protocol_line) {
  PlotPanel panel{
      protocol_line, "distance, mm", "share of joints within it (PCK)", 0, 50, 0, 1, {}};
  for (const auto& [name, report] : reports) {
    panel.curves.push_back(
        {fmt::format(
             "{}: {:.1f} mm, AUC 21-50 {:.3f}", name, report.mean_mm, report.auc_20_50_published),
         report.thresholds_mm,
         report.pck,
         {},
         false});
  }
  const bool comparable = !reports.empty() && reports[0].report.protocol == Protocol::kSpurr2018;
  if (!comparable) return panel;
  for (const PublishedCurve& curve : PublishedCurves()) {
    panel.curves.push_back({fmt::format("{}, RGB->3D: {:.1f} mm, AUC 21-50 {:.3f}",
                                        curve.name,
                                        curve.mean_mm,
                                        curve.auc_20_50_published),
                            curve.thresholds_mm,
                            curve.pck,
                            {},
                            true});
  }
  return panel;
}

PlotPanel SuccessPanel(const std::vector<NamedReport>& reports, const std::string& protocol_line) {
  PlotPanel panel{protocol_line,
                  "distance of a hand's worst joint, mm",
                  "share of hands within it (success rate)",
                  0,
                  80,
                  0,
                  1,
                  {}};
  for (const auto& [name, report] : reports) {
    panel.curves.push_back({name, report.success_thresholds_mm, report.success_rate, {}, false});
  }
  return panel;
}

}  // namespace handforge
