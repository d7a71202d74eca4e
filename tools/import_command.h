#pragma once

#include "tools/command.h"

namespace handforge {

// handforge import DATASET FOLDER: crops of a published dataset, with its labels.
void SetupImportCommand(CommandLine& command_line);

}  // namespace handforge
