#pragma once

#include "tools/command.h"

namespace handforge {

void SetupVerifyCommand(CommandLine& command_line);

}  // namespace handforge
