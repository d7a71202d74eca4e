#include "tools/verify_command.h"

#include "io/core/error.h"
#include "synth/audit.h"
#include "tools/recipe.h"

#include <cstdio>
#include <memory>

#include <spdlog/spdlog.h>

namespace handforge {
namespace {

struct VerifyCommandOptions {
  CommonOptions common;
  std::string dataset;
  bool full = false;
};

nlohmann::json ToJson(const Fault& fault) {
  nlohmann::json j = {{"shard", fault.shard}, {"column", fault.column}, {"what", fault.what}};
  j["row"] = fault.row < 0 ? nlohmann::json(nullptr) : nlohmann::json(fault.row);
  return j;
}

std::string ToText(const Fault& fault) {
  std::string text = fault.shard.empty() ? "dataset.json" : fault.shard;
  if (fault.row >= 0) text += ", row " + std::to_string(fault.row);
  if (!fault.column.empty()) text += ", " + fault.column;
  return text + ": " + fault.what;
}

int RunVerify(const VerifyCommandOptions& options) {
  Recipe::CheckOnly(options.common);
  AuditOptions audit;
  if (options.full) audit.rerender_rows = -1;
  audit.threads = ResolveThreads(options.common.threads.value_or(0));
  const AuditResult result = AuditDataset(options.dataset, audit);
  nlohmann::json faults = nlohmann::json::array();
  for (const Fault& fault : result.faults) {
    spdlog::error(ToText(fault));
    faults.push_back(ToJson(fault));
  }
  if (!result.not_rendered_because.empty()) {
    spdlog::warn("{} rows were not rendered again: {}",
                 result.rendered_again == 0 ? "the" : "some",
                 result.not_rendered_because);
  }
  spdlog::info("{}: {} tuples, {} rendered again, {} faults",
               options.dataset,
               result.tuples,
               result.rendered_again,
               result.faults.size());
  const bool incomplete = options.full && result.assets_missing;
  PrintSummary(options.common,
               {{"ok", result.ok() && !incomplete},
                {"tuples", result.tuples},
                {"rendered_again", result.rendered_again},
                {"not_rendered_because", result.not_rendered_because},
                {"faults", faults}});
  if (result.ok() && incomplete) {
    spdlog::error("--full could not render every row again: {}", result.not_rendered_because);
    return static_cast<int>(ExitCode::kEnvironment);
  }
  return static_cast<int>(result.ok() ? ExitCode::kDone : ExitCode::kFaultsFound);
}

}  // namespace

void SetupVerifyCommand(CommandLine& command_line) {
  const auto options = std::make_shared<VerifyCommandOptions>();
  CLI::App& app =
      command_line.Add("verify",
                       "Audit a dataset: hashes, counts, and every relation between its columns",
                       options,
                       RunVerify);
  app.add_option("dataset", options->dataset, "Dataset folder")->required();
  app.add_flag("--full", options->full, "Render every row again and compare, not a sample");
}

}  // namespace handforge
