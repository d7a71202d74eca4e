#pragma once

#include "tools/command.h"

namespace handforge {

void SetupTrainCommand(CommandLine& command_line);

}  // namespace handforge
