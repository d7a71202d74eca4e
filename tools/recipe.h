#pragma once

#include "render/render_options.h"
#include "synth/augment_job_options.h"
#include "synth/import_options.h"
#include "synth/split_options.h"
#include "synth/synth_options.h"
#include "tools/command.h"
#include "tools/eval_options.h"
#include "tools/predict_options.h"
#include "tools/walk_options.h"
#include "vae/train.h"

namespace handforge {

// A recipe file: one section a command; every command checks the whole file.
struct Recipe {
  RenderOptions render;
  TrainOptions train;
  EvalOptions eval;
  PredictOptions predict;
  WalkOptions walk;
  SynthOptions synth;
  AugmentJobOptions augment;
  ImportOptions import;
  SplitOptions split;

  void Visit(Fields& fields);
  static std::vector<std::string> Sections();
  // See LoadRecipe.
  static Recipe Load(const CommonOptions& common,
                     const std::string& section,
                     const std::vector<std::string>& more = {});
  // For commands that need no recipe: mistakes in the one that is given are told all the same.
  static void CheckOnly(const CommonOptions& common);
};

}  // namespace handforge
