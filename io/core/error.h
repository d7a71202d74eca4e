#pragma once

#include <stdexcept>
#include <string>

namespace handforge {

// Exit codes of the command; fixed, scripts rely on them.
enum class ExitCode : int {
  kDone = 0,
  kUsage = 2,        // command line or configuration
  kBadData = 3,      // an input file is damaged, foreign or does not fit
  kEnvironment = 4,  // disk, permissions, missing assets, a device that is not there
  kFaultsFound = 5,  // `verify` found faults
  kInterrupted = 130,
};

// Everything handforge throws on purpose. The message names the file, the field, the value and what
// would be right; `main` maps the code to the process's exit status.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

struct UsageError : Error {
  explicit UsageError(const std::string& message) : Error(ExitCode::kUsage, message) {}
};
struct DataError : Error {
  explicit DataError(const std::string& message) : Error(ExitCode::kBadData, message) {}
};
struct EnvironmentError : Error {
  explicit EnvironmentError(const std::string& message) : Error(ExitCode::kEnvironment, message) {}
};
struct Interrupted : Error {
  explicit Interrupted(const std::string& message) : Error(ExitCode::kInterrupted, message) {}
};

}  // namespace handforge
