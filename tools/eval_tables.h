#pragma once

#include "io/core/metrics.h"
#include "tools/pose_tables.h"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace handforge {

// One table under one protocol, with its plot.
struct EvalTable {
  Protocol protocol;
  std::string protocol_line;
  std::vector<NamedReport> rows;
};

// On stdout: the table under `heading`.
void PrintTable(const std::string& heading, const EvalTable& table);
// eval.json, eval.csv and the plots; nothing where `out` is empty.
void WriteTables(const std::string& out,
                 const nlohmann::json& summary,
                 const std::vector<EvalTable>& tables);

}  // namespace handforge
