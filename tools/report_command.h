#pragma once

#include "tools/command.h"

namespace handforge {

void SetupReportCommand(CommandLine& command_line);

}  // namespace handforge
