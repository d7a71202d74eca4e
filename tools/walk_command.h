#pragma once

#include "tools/command.h"

namespace handforge {

// handforge walk --out DIR: a path through the latent space, between samples or between the hands
// of pictures, as a strip and a video.
void SetupWalkCommand(CommandLine& command_line);

}  // namespace handforge
