#pragma once

#include "tools/command.h"

namespace handforge {

void SetupMergeCommand(CommandLine& command_line);

}  // namespace handforge
