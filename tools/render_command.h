#pragma once

#include "tools/command.h"

namespace handforge {

void SetupRenderCommand(CommandLine& command_line);

}  // namespace handforge
