#pragma once

#include "tools/command.h"

namespace handforge {

void SetupSplitCommand(CommandLine& command_line);

}  // namespace handforge
