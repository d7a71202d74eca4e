#include "tests/tools/run_command.h"

#include "tests/io/temporary_folder.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace handforge {
namespace {

std::string ReadAll(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void Redirect(const std::filesystem::path& file, int descriptor) {
  const int opened = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (opened < 0 || dup2(opened, descriptor) < 0) _exit(126);
}

[[noreturn]] void Become(const std::vector<std::string>& arguments) {
  const std::string binary = HANDFORGE_BINARY_DIR "/handforge";
  std::vector<char*> pointers = {const_cast<char*>(binary.c_str())};
  for (const std::string& argument : arguments) {
    pointers.push_back(const_cast<char*>(argument.c_str()));
  }
  pointers.push_back(nullptr);
  execv(binary.c_str(), pointers.data());
  _exit(127);
}

}  // namespace

CommandResult RunHandforge(const std::vector<std::string>& arguments,
                           const std::vector<std::pair<std::string, std::string>>& environment) {
  const TemporaryFolder folder;
  const pid_t child = fork();
  if (child == 0) {
    Redirect(folder / "out", STDOUT_FILENO);
    Redirect(folder / "err", STDERR_FILENO);
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    Become(arguments);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CommandResult result;
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.out = ReadAll(folder / "out");
  result.err = ReadAll(folder / "err");
  return result;
}

nlohmann::json Summary(const CommandResult& result) {
  std::istringstream lines(result.out);
  std::string last;
  for (std::string line; std::getline(lines, line);) last = line;
  return nlohmann::json::parse(last, nullptr, /*allow_exceptions=*/false);
}

}  // namespace handforge
