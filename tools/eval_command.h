#pragma once

#include "tools/command.h"

namespace handforge {

// handforge eval --data DIR [--model FILE]: a model on datasets of handforge.
// handforge eval --dataset icvl --predictions FILE --groundtruth FILE: anybody's predictions on a
// public dataset, as published results are kept.
void SetupEvalCommand(CommandLine& command_line);

}  // namespace handforge
