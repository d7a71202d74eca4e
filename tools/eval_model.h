#pragma once

#include "tools/eval_command_options.h"

namespace handforge {

// A model measured on datasets of handforge (vae/evaluate.h): tables on stdout, files where
// `eval.out` says. Returns the exit code. Throws UsageError, DataError, EnvironmentError.
int EvaluateModelOnDatasets(const EvalCommandOptions& command);

}  // namespace handforge
