#include "tools/command.h"
#include "tools/doctor.h"

namespace {

// Every command, in the order of `handforge --help`.
constexpr void (*kCommands[])(handforge::CommandLine&) = {
    handforge::SetupDoctorCommand,
};

}  // namespace

int main(int argc, char** argv) {
  handforge::CommandLine command_line;
  for (const auto setup : kCommands) setup(command_line);
  return command_line.Main(argc, argv);
}
