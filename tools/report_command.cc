#include "tools/report_command.h"

#include "io/core/error.h"
#include "synth/report.h"
#include "tools/recipe.h"

#include <memory>

#include <spdlog/spdlog.h>

namespace handforge {
namespace {

struct ReportCommandOptions {
  CommonOptions common;
  std::string dataset;
  ReportOptions report;
};

int RunReport(const ReportCommandOptions& options) {
  Recipe::CheckOnly(options.common);
  ReportOptions report = options.report;
  if (options.common.out) report.out = *options.common.out;
  const ReportFiles files = WriteReport(options.dataset, report);
  spdlog::info("wrote {}, {} and {}",
               files.contact.string(),
               files.statistics.string(),
               files.page.string());
  PrintSummary(options.common,
               {{"ok", true},
                {"contact", files.contact.string()},
                {"statistics", files.statistics.string()},
                {"page", files.page.string()}});
  return static_cast<int>(ExitCode::kDone);
}

}  // namespace

void SetupReportCommand(CommandLine& command_line) {
  const auto options = std::make_shared<ReportCommandOptions>();
  CLI::App& app = command_line.Add(
      "report", "Write a contact sheet and statistics of a dataset", options, RunReport);
  app.add_option("dataset", options->dataset, "Dataset folder")->required();
  app.add_option("--tuples", options->report.tuples, "Tuples on the contact sheet")
      ->check(IsCount)
      ->check(CLI::Range(int64_t{1}, int64_t{10000}));
  app.add_option("--cell", options->report.cell_px, "Side of a picture, pixels")
      ->check(IsCount)
      ->check(CLI::Range(int64_t{32}, int64_t{1024}));
}

}  // namespace handforge
