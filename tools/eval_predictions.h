#pragma once

#include "tools/eval_command_options.h"

namespace handforge {

// Anybody's predictions on a public dataset (io/published_poses.h), each file beside the mean pose:
// tables on stdout, files where `eval.out` says. Returns the exit code. Throws UsageError,
// DataError naming the file.
int EvaluatePredictions(const EvalCommandOptions& command);

}  // namespace handforge
