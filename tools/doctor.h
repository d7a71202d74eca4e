#pragma once

#include "tools/command.h"

namespace handforge {

struct DoctorOptions {
  CommonOptions common;  // `out`: the folder whose disk is looked at
};

void SetupDoctorCommand(CommandLine& command_line);
// Exit code 4 where something makes handforge unusable, else 0.
int RunDoctor(const DoctorOptions& options);

}  // namespace handforge
