#pragma once

#include "tools/command.h"

namespace handforge {

void SetupSynthCommand(CommandLine& command_line);

}  // namespace handforge
