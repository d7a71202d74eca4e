#include "tools/command.h"
#include "tools/doctor.h"
#include "tools/environment.h"
#include "tools/eval_command.h"
#include "tools/predict_command.h"
#include "tools/recipe_command.h"
#include "tools/train_command.h"
#include "tools/walk_command.h"
#if HANDFORGE_WITH_RENDER
#include "tools/augment_command.h"
#include "tools/export_command.h"
#include "tools/import_command.h"
#include "tools/merge_command.h"
#include "tools/render_command.h"
#include "tools/report_command.h"
#include "tools/split_command.h"
#include "tools/synth_command.h"
#include "tools/verify_command.h"
#endif

namespace {

// Every command, in the order of `handforge --help`.
constexpr void (*kCommands[])(handforge::CommandLine&) = {
#if HANDFORGE_WITH_RENDER
    handforge::SetupRenderCommand,
#endif
    handforge::SetupTrainCommand,
    handforge::SetupEvalCommand,
    handforge::SetupPredictCommand,
    handforge::SetupWalkCommand,
#if HANDFORGE_WITH_RENDER
    handforge::SetupSynthCommand,
    handforge::SetupAugmentCommand,
    handforge::SetupImportCommand,
    handforge::SetupSplitCommand,
    handforge::SetupMergeCommand,
    handforge::SetupVerifyCommand,
    handforge::SetupReportCommand,
    handforge::SetupExportCommand,
#endif
    handforge::SetupRecipeCommand,
    handforge::SetupDoctorCommand,
};

}  // namespace

int main(int argc, char** argv) {
  handforge::KeepFreedMemory();
  handforge::CommandLine command_line;
  for (const auto setup : kCommands) setup(command_line);
  return command_line.Main(argc, argv);
}
