#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace handforge {

struct CommandResult {
  int exit_code = -1;  // 128 + the signal's number where a signal ended it
  std::string out;
  std::string err;
};

// Runs the built `handforge` with these arguments and waits for it. `environment` is added to the
// test's own.
CommandResult RunHandforge(
    const std::vector<std::string>& arguments,
    const std::vector<std::pair<std::string, std::string>>& environment = {});

// The last line of stdout as JSON; a discarded value where it is none.
nlohmann::json Summary(const CommandResult& result);

}  // namespace handforge
