#include "tools/command.h"

#include "io/core/error.h"
#include "io/core/version.h"
#include "io/interrupt.h"
#include "io/json_text.h"
#include "tools/machine.h"
#include "tools/progress.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <system_error>

#include <spdlog/fmt/fmt.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/spdlog.h>

namespace handforge {
namespace {

constexpr uint64_t kMaxThreads = 4096;
constexpr int kDone = static_cast<int>(ExitCode::kDone);
constexpr int kUsage = static_cast<int>(ExitCode::kUsage);
constexpr int kEnvironment = static_cast<int>(ExitCode::kEnvironment);

// Log lines and the progress bar share stderr.
class StderrSink : public spdlog::sinks::ansicolor_stderr_sink_mt {
 public:
  void log(const spdlog::details::log_msg& message) override {
    Progress::Clear();
    spdlog::sinks::ansicolor_stderr_sink_mt::log(message);
  }
};

void SetUpLogging() {
  auto logger = std::make_shared<spdlog::logger>("handforge", std::make_shared<StderrSink>());
  logger->set_pattern("[%H:%M:%S] %^%l%$ %v");
  spdlog::set_default_logger(std::move(logger));
}

// The whole text as a number; CLI11's own reading wraps "-1" and what is too large around.
std::optional<uint64_t> ToUnsigned(const std::string& text) {
  uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const bool octal = text.size() > 1 && text[0] == '0';  // for CLI11; YAML would say decimal
  if (text.empty() || octal || stop != end || error != std::errc()) return std::nullopt;
  return value;
}

std::string IsSeed(const std::string& text) {
  return ToUnsigned(text) ? "" : "'" + text + "' is not a whole number from 0 to 2^64 - 1";
}

std::string IsThreadCount(const std::string& text) {
  const uint64_t count = ToUnsigned(text).value_or(0);
  if (count >= 1 && count <= kMaxThreads) return "";
  return fmt::format("'{}' is not a whole number from 1 to {}", text, kMaxThreads);
}

void AddCommonOptions(CLI::App& command, CommonOptions& common) {
  const std::vector<std::string> levels = {"trace", "debug", "info", "warning", "error", "off"};
  const std::string group = "Options of every command";
  command.add_option("--config", common.config, "Recipe to read (YAML)")
      ->type_name("FILE")
      ->group(group);
  command.add_option("--set", common.overrides, "Override a key of the recipe; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("--out", common.out, "Folder to write")->type_name("DIR")->group(group);
  command.add_option("--seed", common.seed, "Seed of all randomness")
      ->type_name("N")
      ->check(IsSeed)
      ->group(group);
  command.add_option("--threads", common.threads, "Worker threads [all that may be used]")
      ->type_name("N")
      ->check(IsThreadCount)
      ->group(group);
  command.add_option("--log-level", common.log_level, "How much to say on stderr")
      ->type_name("LEVEL")
      ->check(CLI::IsMember(levels))
      ->default_str("info")
      ->group(group);
  command.add_flag("--json", common.json, "End stdout with a summary, one line of JSON")
      ->group(group);
}

void PrintJsonLine(const nlohmann::json& line) {
  const std::string text = JsonText(line, -1) + "\n";
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw EnvironmentError(std::string("cannot write the summary to stdout: ") +
                           std::strerror(errno));
  }
}

// Says what went wrong; the exit code.
int Fail(int exit_code, const std::string& message, bool json) {
  Progress::Clear();
  spdlog::error("{}", message);
  if (!json) return exit_code;
  try {
    PrintJsonLine({{"ok", false}, {"error", message}, {"exit_code", exit_code}});
  } catch (const Error& error) {
    spdlog::error("{}", error.what());
  }
  return exit_code;
}

int RunGuarded(const std::function<int()>& run, bool json) {
  try {
    return run();
  } catch (const Error& error) {
    return Fail(static_cast<int>(error.code()), error.what(), json);
  } catch (const std::bad_alloc&) {
    return Fail(kEnvironment, "out of memory; fewer --threads need less of it", json);
  } catch (const std::exception& error) {
    return Fail(kEnvironment, std::string("unexpected failure: ") + error.what(), json);
  } catch (...) {
    return Fail(kEnvironment, "unexpected failure of unknown kind", json);
  }
}

std::vector<std::string> LongOptionNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::string DidYouMean(const std::string& given, const std::vector<std::string>& known) {
  const std::string nearest = NearestName(given, known);
  return nearest.empty() ? "" : "; did you mean '" + nearest + "'?";
}

}  // namespace

CommandLine::CommandLine() : app_("Labelled, synthetic images of hands", "handforge") {
  app_.set_version_flag("--version", VersionText(), "Print the version and exit");
  app_.require_subcommand(0, 1);
  app_.footer("`handforge COMMAND --help` tells a command's options.");
}

CLI::App& CommandLine::AddCommand(const std::string& name,
                                  const std::string& help,
                                  CommonOptions* common,
                                  std::function<int()> run) {
  CLI::App& command = *app_.add_subcommand(name, help);
  AddCommonOptions(command, *common);
  command.callback([this, common, run = std::move(run)] {
    chosen_options_ = common;
    chosen_run_ = run;
  });
  names_.push_back(name);
  return command;
}

int CommandLine::Main(int argc, char** argv) {
  SetUpLogging();
  try {
    app_.parse(argc, argv);
    if (!chosen_run_) throw CLI::RequiredError("a command");
  } catch (const CLI::Success& asked) {  // --help, --version
    return app_.exit(asked) == 0 ? kDone : kEnvironment;
  } catch (const CLI::ParseError& error) {
    return UsageFault(error, argc, argv);
  }
  spdlog::set_level(spdlog::level::from_str(chosen_options_->log_level));
  InstallInterruptHandler();
  return RunGuarded(chosen_run_, chosen_options_->json);
}

int CommandLine::UsageFault(const CLI::ParseError& error, int argc, char** argv) const {
  const bool json = std::any_of(
      argv, argv + argc, [](const char* argument) { return std::strcmp(argument, "--json") == 0; });
  return Fail(kUsage, UsageMessage(error, argc, argv), json);
}

std::string CommandLine::UsageMessage(const CLI::ParseError& error, int argc, char** argv) const {
  const std::string first = argc > 1 ? argv[1] : "";
  const bool known = std::find(names_.begin(), names_.end(), first) != names_.end();
  if (first.empty()) return "no command given; `handforge --help` lists the commands";
  if (!known && first[0] != '-') {
    return "unknown command '" + first + "'" + DidYouMean(first, names_) +
           " (`handforge --help` lists the commands)";
  }
  if (!known) {
    return "unknown option '" + first + "'; the options of a command stand behind its name";
  }
  const std::string see = " (see `handforge " + first + " --help`)";
  if (error.get_exit_code() != static_cast<int>(CLI::ExitCodes::ExtrasError))
    return error.what() + see;
  const CLI::App& command = *app_.get_subcommand(first);
  const std::vector<std::string> extras = command.remaining(true);
  for (const std::string& extra : extras) {
    if (extra.compare(0, 2, "--") != 0) continue;
    const std::string name = extra.substr(0, extra.find('='));
    return "unknown option '" + name + "'" + DidYouMean(name, LongOptionNames(command)) + see;
  }
  return "not expected here: '" + CLI::detail::join(extras, " ") + "'" + see;
}

void LoadRecipe(const CommonOptions& common,
                const std::string& section,
                const FieldVisitor& visit,
                const std::vector<std::string>& more) {
  std::vector<std::string> overrides = common.overrides;
  if (common.out) overrides.push_back(section + ".out=" + QuoteYaml(*common.out));
  if (common.seed) overrides.push_back(section + ".seed=" + std::to_string(*common.seed));
  if (common.threads) overrides.push_back(section + ".threads=" + std::to_string(*common.threads));
  overrides.insert(overrides.end(), more.begin(), more.end());
  LoadConfig(common.config, overrides, visit);
}

std::string QuoteYaml(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += std::string("\\") + c;
    } else if (byte < 0x20) {
      quoted += fmt::format("\\x{:02x}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string IsCount(const std::string& text) {
  if (ToUnsigned(text).value_or(UINT64_MAX) <= INT64_MAX) return "";
  return "'" + text + "' is not a whole number from 0 to 2^63 - 1";
}

int ResolveThreads(int64_t threads) {
  return threads > 0 ? static_cast<int>(std::min<int64_t>(threads, int64_t{kMaxThreads}))
                     : DefaultThreads();
}

double ResolveMemoryGb(double memory_gb) {
  constexpr double kLeastGb = 1e-3;  // where nothing is free: 0 would mean any number
  if (memory_gb > 0) return memory_gb;
  return std::max(kLeastGb, 0.5e-9 * static_cast<double>(AvailableMemoryBytes()));
}

void PrintSummary(const CommonOptions& common, const nlohmann::json& summary) {
  if (common.json) PrintJsonLine(summary);
}

std::string VersionText() { return kGenerator; }

}  // namespace handforge
