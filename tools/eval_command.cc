#include "tools/eval_command.h"

#include "io/interrupt.h"
#include "tools/eval_model.h"
#include "tools/eval_predictions.h"

#include <memory>

namespace handforge {
namespace {

int RunEval(const EvalCommandOptions& command) {
  EndAtOnceOnInterrupt();
  return command.dataset.empty() ? EvaluateModelOnDatasets(command) : EvaluatePredictions(command);
}

}  // namespace

void SetupEvalCommand(CommandLine& command_line) {
  const auto options = std::make_shared<EvalCommandOptions>();
  CLI::App& app = command_line.Add(
      "eval", "Measure a model, or anybody's predictions on a public dataset", options, RunEval);
  app.add_option("--data", options->data, "Dataset folders to measure the model on");
  app.add_option("--model", options->model, "Model file");
  app.add_option("--pairs", options->pairs, "Encoder->decoder pairs [all the model has]");
  app.add_option("--protocol",
                 options->protocols,
                 "spurr2018, root, scale or pa; with --dataset absolute, root, scale or pa");
  app.add_option("--split", options->split, "held_out, train, validation, test or all");
  app.add_option("--limit", options->limit, "Most rows, evenly spaced")->check(IsCount);
  app.add_option("--dataset", options->dataset, "icvl, nyu, msra, freihand or canonical21");
  app.add_option("--predictions", options->predictions, "Files of predictions, one per method");
  app.add_option("--groundtruth", options->groundtruth, "File of the true poses");
}

}  // namespace handforge
