#include "tools/eval_tables.h"

#include "io/files.h"
#include "io/json_text.h"

#include <cstdio>
#include <filesystem>

#include <spdlog/spdlog.h>

namespace handforge {

namespace fs = std::filesystem;

void PrintTable(const std::string& heading, const EvalTable& table) {
  const std::string text = "\n" + heading + "\n" + PoseTable(table.rows) + FingerTable(table.rows);
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void WriteTables(const std::string& out,
                 const nlohmann::json& summary,
                 const std::vector<EvalTable>& tables) {
  if (out.empty()) return;
  EnsureWritableFolder(out);
  PublishText(fs::path(out) / "eval.json", JsonText(summary, 2) + "\n");
  std::vector<NamedReport> all;
  bool drawn = true;
  for (const EvalTable& table : tables) {
    all.insert(all.end(), table.rows.begin(), table.rows.end());
    const fs::path png = fs::path(out) / ("pck_" + Describe(table.protocol).name + ".png");
    drawn = WritePlot({PckPanel(table.rows, table.protocol_line),
                       SuccessPanel(table.rows, table.protocol_line)},
                      png) &&
            drawn;
  }
  PublishText(fs::path(out) / "eval.csv", PoseCsv(all));
  if (!drawn) spdlog::warn("gnuplot is not installed: {} has scripts (.gp), no pictures", out);
  spdlog::info("wrote {}", (fs::path(out) / "eval.json").string());
}

}  // namespace handforge
