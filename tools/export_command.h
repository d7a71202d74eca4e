#pragma once

#include "tools/command.h"

namespace handforge {

void SetupExportCommand(CommandLine& command_line);

}  // namespace handforge
