#include "tools/doctor.h"

#include "io/assets.h"
#include "io/core/error.h"
#include "tools/doctor_checks.h"
#include "tools/machine.h"

#include <algorithm>
#include <cstdio>
#include <iterator>

#include <spdlog/fmt/fmt.h>

namespace handforge {
namespace {

std::vector<Check> AllChecks(const std::filesystem::path& out, int threads) {
  const TorchInfo torch = GetTorchInfo();
  std::vector<Check> checks = CheckVersions(torch);
  const auto add = [&checks](std::vector<Check> more) {
    std::move(more.begin(), more.end(), std::back_inserter(checks));
  };
  add({CheckBlas(LinkedBlas()), CheckMatrixProduct(torch.matmul_gflops)});
  add(CheckThreads(threads, torch));
  add({CheckInstructionSet()});
  add(CheckAssets(AssetFolder()));
  add({CheckDisk(out), CheckMemory(AvailableMemoryBytes())});
  return checks;
}

void PrintTable(const std::vector<Check>& checks) {
  size_t name_width = 0;
  for (const Check& check : checks) name_width = std::max(name_width, check.name.size());
  for (const Check& check : checks) {
    fmt::print("{:<8} {:<{}}  {}\n", StateName(check.state), check.name, name_width, check.value);
    if (!check.mend.empty()) fmt::print("{:<8} {:<{}}  -> {}\n", "", "", name_width, check.mend);
  }
}

nlohmann::json ToJson(const std::vector<Check>& checks) {
  nlohmann::json lines = nlohmann::json::array();
  for (const Check& check : checks) {
    lines.push_back({{"name", check.name},
                     {"value", check.value},
                     {"state", StateName(check.state)},
                     {"mend", check.mend}});
  }
  return lines;
}

size_t Count(const std::vector<Check>& checks, Check::State state) {
  return static_cast<size_t>(std::count_if(
      checks.begin(), checks.end(), [state](const Check& check) { return check.state == state; }));
}

}  // namespace

void SetupDoctorCommand(CommandLine& command_line) {
  command_line.Add("doctor",
                   "Show versions, thread pools, assets and disk; say what is wrong",
                   std::make_shared<DoctorOptions>(),
                   &RunDoctor);
}

int RunDoctor(const DoctorOptions& options) {
  const CommonOptions& common = options.common;
  const std::filesystem::path out = common.out.value_or(".");
  const auto checks = AllChecks(out, ResolveThreads(common.threads.value_or(0)));

  const size_t faults = Count(checks, Check::State::kFault);
  const size_t warnings = Count(checks, Check::State::kWarning);
  if (!common.json) {
    PrintTable(checks);
    fmt::print("\n{}: {} faults, {} warnings\n",
               faults == 0 ? "handforge can work here" : "handforge cannot work here",
               faults,
               warnings);
    if (std::fflush(stdout) != 0) throw EnvironmentError("cannot write the findings to stdout");
  }
  PrintSummary(common,
               {{"ok", faults == 0},
                {"version", VersionText()},
                {"faults", faults},
                {"warnings", warnings},
                {"checks", ToJson(checks)}});
  return static_cast<int>(faults == 0 ? ExitCode::kDone : ExitCode::kEnvironment);
}

}  // namespace handforge
