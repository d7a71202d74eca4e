#pragma once

#include "tools/command.h"

namespace handforge {

// handforge augment DIR: the tuples of a dataset, augmented, as a new one.
void SetupAugmentCommand(CommandLine& command_line);

}  // namespace handforge
