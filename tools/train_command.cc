#include "tools/train_command.h"

#include "io/core/error.h"
#include "tools/progress.h"
#include "tools/recipe.h"
#include "vae/train.h"

#include <memory>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace handforge {
namespace {

struct TrainCommandOptions {
  CommonOptions common;
  bool resume = false;
  std::string device;
  std::optional<int64_t> processes;
  std::optional<int64_t> process;
  std::string rendezvous;
};

nlohmann::json ToJson(const std::vector<PairScore>& scores) {
  nlohmann::json list = nlohmann::json::array();
  for (const PairScore& score : scores) {
    list.push_back({{"pair", score.pair},
                    {"measure", score.measure},
                    {"value", score.value},
                    {"baseline", score.baseline},
                    {"samples", score.samples},
                    {"protocol", score.protocol}});
  }
  return list;
}

// Progress on the bar, evaluations and messages in the log.
class Listener {
 public:
  void operator()(const TrainEvent& event) {
    switch (event.kind) {
      case TrainEvent::Kind::kMessage:
        spdlog::info(event.text);
        break;
      case TrainEvent::Kind::kStep:
        if (!progress_) {
          progress_ = std::make_unique<Progress>("training", "steps", event.steps, event.step - 1);
        }
        progress_->SetTotal(event.steps);  // max_seconds moves it
        progress_->Update(event.step, fmt::format("{} loss {:.4f}", event.pair, event.loss));
        break;
      case TrainEvent::Kind::kEvaluation:
        spdlog::info("step {} of {}, {:.0f} s", event.step, event.steps, event.seconds);
        for (const PairScore& score : event.scores) spdlog::info("  {}", FormatScore(score));
        break;
      case TrainEvent::Kind::kCheckpoint:
        spdlog::debug("checkpoint at step {}", event.step);
        break;
    }
  }

 private:
  std::unique_ptr<Progress> progress_;
};

// Those that share this machine's cores and memory, as far as the options say.
int64_t ProcessesHere(const TrainOptions& options) {
  const std::string host = options.rendezvous.substr(0, options.rendezvous.rfind(':'));
  return host == "localhost" || host == "127.0.0.1" ? options.processes : 1;
}

int RunTrain(const TrainCommandOptions& options) {
  std::vector<std::string> more;
  if (!options.device.empty()) more.push_back("train.device=" + QuoteYaml(options.device));
  if (options.processes) more.push_back("train.processes=" + std::to_string(*options.processes));
  if (options.process) more.push_back("train.process=" + std::to_string(*options.process));
  if (!options.rendezvous.empty()) {
    more.push_back("train.rendezvous=" + QuoteYaml(options.rendezvous));
  }
  TrainOptions train = Recipe::Load(options.common, "train", more).train;
  const int64_t sharing = ProcessesHere(train);
  if (train.threads == 0) train.threads = std::max<int64_t>(1, ResolveThreads(0) / sharing);
  if (train.memory_gb == 0) train.memory_gb = ResolveMemoryGb(0) / static_cast<double>(sharing);
  train.threads = ResolveThreads(train.threads);
  train.Check();
  spdlog::info("training on {} to {}: {} steps, seed {}, {} threads, device {}",
               fmt::join(train.data, ", "),
               train.out,
               train.steps,
               train.seed,
               train.threads,
               train.device);
  TrainResult result;
  {
    Listener listener;
    result =
        Train(train, options.resume, [&listener](const TrainEvent& event) { listener(event); });
  }
  if (train.process > 0) {
    spdlog::info("done after {} steps; process 0 writes the model", result.steps);
    PrintSummary(options.common, {{"ok", true}, {"steps", result.steps}});
    return static_cast<int>(ExitCode::kDone);
  }
  spdlog::info("model {} after {} steps in {:.0f} s; {} training and {} held-out tuples",
               result.model.string(),
               result.steps,
               result.seconds,
               result.train_samples,
               result.held_out_samples);
  PrintSummary(options.common,
               {{"ok", true},
                {"model", result.model.string()},
                {"model_sha256", result.model_sha256},
                {"steps", result.steps},
                {"shortened", result.shortened},
                {"seconds", result.seconds},
                {"train_samples", result.train_samples},
                {"labelled_samples", result.labelled_samples},
                {"held_out_samples", result.held_out_samples},
                {"scores", ToJson(result.scores)}});
  return static_cast<int>(ExitCode::kDone);
}

}  // namespace

void SetupTrainCommand(CommandLine& command_line) {
  const auto options = std::make_shared<TrainCommandOptions>();
  CLI::App& app = command_line.Add(
      "train", "Train the cross-modal variational autoencoder on tuples", options, RunTrain);
  app.add_flag("--resume", options->resume, "Go on from the checkpoint in the output folder");
  app.add_option("--device", options->device, "cpu, cuda or auto");
  app.add_option("--processes", options->processes, "Processes that train together")
      ->check(IsCount);
  app.add_option("--process", options->process, "Which of them this is, 0 = the first")
      ->check(IsCount);
  app.add_option("--rendezvous", options->rendezvous, "HOST:PORT where the first one listens");
}

}  // namespace handforge
