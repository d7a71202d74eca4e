#pragma once

#include "tools/command.h"

namespace handforge {

// handforge predict --images DIR --out DIR: the pose of the hand in each picture.
void SetupPredictCommand(CommandLine& command_line);

}  // namespace handforge
