#include "tools/recipe_command.h"

#include "io/core/error.h"
#include "tools/recipe.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

namespace handforge {
namespace {

struct RecipeCommandOptions {
  CommonOptions common;
  std::vector<std::string> sections;
};

// --out, --seed and --threads are those of the section, where one is asked for.
int RunRecipe(const RecipeCommandOptions& options) {
  const auto& asked = options.sections;
  const bool of_one = options.common.out || options.common.seed || options.common.threads;
  if (of_one && asked.size() != 1) {
    throw UsageError("--out, --seed and --threads belong to one section: name it");
  }
  const std::vector<std::string> sections = Recipe::Sections();
  Recipe recipe = Recipe::Load(options.common, asked.empty() ? sections[0] : asked[0]);
  std::vector<std::string> others;
  for (const std::string& section : sections) {
    const bool wanted =
        asked.empty() || std::find(asked.begin(), asked.end(), section) != asked.end();
    if (!wanted) others.push_back(section);
  }
  const std::string text =
      ExplainedConfigText([&recipe](Fields& fields) { recipe.Visit(fields); }, others);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw EnvironmentError(std::string("cannot write the recipe to stdout: ") +
                           std::strerror(errno));
  }
  PrintSummary(options.common, {{"ok", true}});
  return static_cast<int>(ExitCode::kDone);
}

}  // namespace

void SetupRecipeCommand(CommandLine& command_line) {
  const auto options = std::make_shared<RecipeCommandOptions>();
  CLI::App& app = command_line.Add(
      "recipe", "Print a recipe: every key, its value, meaning and range", options, RunRecipe);
  app.add_option("sections", options->sections, "Sections to print [all]")
      ->check(CLI::IsMember(Recipe::Sections()));
}

}  // namespace handforge
