#pragma once

#include "io/config.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace handforge {

// What every command takes.
struct CommonOptions {
  // --config FILE: a recipe, YAML with one section per command. Empty: the defaults.
  std::filesystem::path config;
  // --set render.count=10: after the file, in the order given. The value is read as YAML.
  std::vector<std::string> overrides;
  // --out, --seed, --threads: after --set, for the section of the running command.
  std::optional<std::string> out;
  std::optional<uint64_t> seed;
  std::optional<int64_t> threads;
  // trace, debug, info, warning, error or off; logs go to stderr.
  std::string log_level = "info";
  // --json: the last line of stdout is one JSON object that sums up what was done.
  bool json = false;
};

// The command line of handforge: a list of commands, of which one runs.
//
// A command is a file pair tools/x.h/.cc with
//   struct XOptions { CommonOptions common; ... };
//   void SetupXCommand(CommandLine& command_line);   // declares the options, calls Add
//   int RunX(const XOptions& options);               // its body; returns the exit code
// and RunX goes in one order: read the recipe, check, log the inputs, call the library, write,
// print the summary, return.
class CommandLine {
 public:
  CommandLine();

  // Declares the command and its common options. The options live as long as the command line; more
  // of them can be bound on the CLI::App that is returned.
  template <typename Options>
  CLI::App& Add(const std::string& name,
                const std::string& help,
                const std::shared_ptr<Options>& options,
                int (*run)(const Options&)) {
    return AddCommand(name, help, &options->common, [options, run] { return run(*options); });
  }

  // Parses, runs the command and gives the exit code of the process (io/core/error.h). Whatever is
  // thrown ends here, as one line in the log and, with --json, as
  // {"ok": false, "error": "...", "exit_code": 3}.
  int Main(int argc, char** argv);

 private:
  CLI::App& AddCommand(const std::string& name,
                       const std::string& help,
                       CommonOptions* common,
                       std::function<int()> run);
  int UsageFault(const CLI::ParseError& error, int argc, char** argv) const;
  std::string UsageMessage(const CLI::ParseError& error, int argc, char** argv) const;

  CLI::App app_;
  std::vector<std::string> names_;
  std::function<int()> chosen_run_;
  const CommonOptions* chosen_options_ = nullptr;
};

// Reads the recipe: the file, then --set, then --out/--seed/--threads as `section`'s own keys
// "out", "seed" and "threads", then `more` ("synth.count=10", from options of the command itself).
// `visit` names all sections, so that the whole file is checked whichever command runs. Throws
// UsageError.
void LoadRecipe(const CommonOptions& common,
                const std::string& section,
                const FieldVisitor& visit,
                const std::vector<std::string>& more = {});

// Text as a YAML scalar that reads back as exactly this text: for paths in overrides.
std::string QuoteYaml(const std::string& text);

// A check of CLI11's, whose own reading takes "010" for 8: "" or what is wrong with a whole number
// from 0 to 2^63 - 1.
std::string IsCount(const std::string& text);

// What an option called threads means: 0 stands for DefaultThreads().
int ResolveThreads(int64_t threads);

// What an option called memory_gb means: 0 stands for half of AvailableMemoryBytes().
double ResolveMemoryGb(double memory_gb);

// Prints the summary as one line of JSON where --json was given. Throws EnvironmentError where
// stdout cannot take it.
void PrintSummary(const CommonOptions& common, const nlohmann::json& summary);

// "handforge 0.1.0"
std::string VersionText();

}  // namespace handforge
