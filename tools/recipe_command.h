#pragma once

#include "tools/command.h"

namespace handforge {

// `handforge recipe [SECTION...]`: every key of a recipe, with its value, meaning and range.
void SetupRecipeCommand(CommandLine& command_line);

}  // namespace handforge
