#include "tools/eval_model.h"

#include "io/core/error.h"
#include "io/files.h"
#include "tools/compared_poses_csv.h"
#include "tools/eval_tables.h"
#include "tools/recipe.h"
#include "vae/evaluate.h"
#include "vae/find_model.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;

std::string YamlList(const std::vector<std::string>& texts) {
  std::vector<std::string> quoted;
  for (const std::string& text : texts) quoted.push_back(QuoteYaml(text));
  return fmt::format("[{}]", fmt::join(quoted, ", "));
}

EvalOptions ReadOptions(const EvalCommandOptions& command) {
  if (!command.predictions.empty() || !command.groundtruth.empty()) {
    throw UsageError(
        "--predictions and --groundtruth are those of a public dataset: give --dataset "
        "NAME");
  }
  std::vector<std::string> more;
  if (!command.data.empty()) more.push_back("eval.data=" + YamlList(command.data));
  if (!command.model.empty()) more.push_back("eval.model=" + QuoteYaml(command.model));
  if (!command.pairs.empty()) more.push_back("eval.pairs=" + YamlList(command.pairs));
  if (!command.protocols.empty()) more.push_back("eval.protocols=" + YamlList(command.protocols));
  if (!command.split.empty()) more.push_back("eval.split=" + QuoteYaml(command.split));
  if (command.limit) more.push_back("eval.limit=" + std::to_string(*command.limit));
  CommonOptions common = command.common;
  common.seed.reset();  // nothing here is random
  EvalOptions options = Recipe::Load(common, "eval", more).eval;
  if (options.poses && options.out.empty()) {
    throw UsageError("eval.poses = true needs a folder to write to: give --out DIR");
  }
  if (options.data.empty()) {
    throw UsageError(
        "nothing to evaluate: give --data DIR (a model on a dataset of handforge), or --dataset "
        "NAME with --predictions and --groundtruth");
  }
  return options;
}

std::vector<Split> SplitsOf(const std::string& name) {
  if (name == "train") return {Split::kTrain};
  if (name == "validation") return {Split::kValidation};
  if (name == "test") return {Split::kTest};
  if (name == "held_out") return {Split::kValidation, Split::kTest};
  return {};
}

// Weights belong to training.
std::vector<std::string> WithoutRepeats(const std::vector<std::string>& pairs) {
  std::vector<std::string> once;
  for (const std::string& pair : pairs) {
    if (pair.find('*') != std::string::npos) {
      throw UsageError("eval.pairs: " + pair + " has a weight; measured pairs have none");
    }
    if (std::find(once.begin(), once.end(), pair) == once.end()) once.push_back(pair);
  }
  return once;
}

// Those asked for, which the model must have, or all that it has.
std::vector<Pair> PairsOf(const EvalOptions& options, const VaeInfo& info) {
  std::vector<Pair> pairs;
  if (!options.pairs.empty()) {
    pairs = ParsePairs(WithoutRepeats(options.pairs));
    for (const Pair& pair : pairs) {
      if (info.has_encoder[static_cast<size_t>(pair.from)] &&
          info.has_decoder[static_cast<size_t>(pair.to)]) {
        continue;
      }
      throw UsageError("eval.pairs: the model has no " + pair.Name() +
                       "; it lacks that encoder or decoder");
    }
    return pairs;
  }
  for (const Modality to : kModalities) {
    for (const Modality from : kModalities) {
      if (info.has_encoder[static_cast<size_t>(from)] && info.has_decoder[static_cast<size_t>(to)])
        pairs.push_back({from, to});
    }
  }
  return pairs;
}

nlohmann::json ToJson(const PairReport& report) {
  nlohmann::json poses = nlohmann::json::array();
  for (const PoseComparison& pose : report.poses) {
    poses.push_back({{"protocol", pose.protocol},
                     {"model", ToJson(pose.model)},
                     {"mean_pose", ToJson(pose.mean_pose)}});
  }
  nlohmann::json scores = nlohmann::json::array();
  for (const PairScore& score : report.scores) {
    scores.push_back({{"measure", score.measure},
                      {"value", score.value},
                      {"baseline", score.baseline},
                      {"protocol", score.protocol}});
  }
  return {{"pair", report.pair.Name()},
          {"samples", report.samples},
          {"poses", poses},
          {"scores", scores}};
}

// A mean pose scores differently on other rows, and then says whose they are.
void AddMeanPose(const PoseReport& mean_pose, const std::string& pair, EvalTable* table) {
  bool any = false;
  for (const NamedReport& row : table->rows) {
    if (row.name.rfind("mean pose", 0) != 0) continue;
    any = true;
    if (row.report.frames == mean_pose.frames && row.report.mean_mm == mean_pose.mean_mm) return;
  }
  table->rows.push_back({any ? "mean pose of rows of " + pair : "mean pose", mean_pose});
}

// A table per protocol: all pairs to 3D, the mean pose last.
std::vector<EvalTable> TablesOf(const std::vector<PairReport>& reports,
                                const std::vector<Protocol>& protocols) {
  std::vector<EvalTable> tables;
  for (size_t p = 0; p < protocols.size(); ++p) {
    EvalTable table{protocols[p], "", {}};
    for (const PairReport& report : reports) {
      if (report.poses.empty()) continue;
      table.protocol_line = report.poses[p].protocol;
      table.rows.push_back({report.pair.Name(), report.poses[p].model});
    }
    if (table.rows.empty()) continue;
    for (const PairReport& report : reports) {
      if (!report.poses.empty()) {
        AddMeanPose(report.poses[p].mean_pose, report.pair.Name(), &table);
      }
    }
    tables.push_back(std::move(table));
  }
  return tables;
}

void PrintScores(const std::vector<PairReport>& reports) {
  std::string lines;
  for (const PairReport& report : reports) {
    if (!report.poses.empty()) continue;
    for (const PairScore& score : report.scores) lines += "  " + FormatScore(score) + "\n";
  }
  if (!lines.empty()) std::printf("\n2D and pictures\n%s", lines.c_str());
}

// Each of the pairs that were asked for, and at least one of a model's.
void RequireMeasured(const EvalOptions& options,
                     const std::vector<Pair>& pairs,
                     const std::vector<PairReport>& reports) {
  for (const Pair& pair : pairs) {
    const bool measured =
        std::any_of(reports.begin(), reports.end(), [&](const PairReport& report) {
          return report.pair.Name() == pair.Name();
        });
    if (measured || (options.pairs.empty() && !reports.empty())) continue;
    throw DataError("no row of " + fmt::format("{}", fmt::join(options.data, ", ")) +
                    " (split = " + options.split + ") has what " +
                    (options.pairs.empty() ? "any pair of the model" : pair.Name()) +
                    " is measured by: its input and the label of what it says, of pictures a mask");
  }
}

// rgb_to_3d_poses.csv and so on.
void WritePoses(const EvalOptions& options,
                const SampleSet& samples,
                const std::vector<PairReport>& reports) {
  for (const PairReport& report : reports) {
    if (report.compared.empty()) continue;
    const fs::path file = fs::path(options.out) / fmt::format("{}_to_{}_poses.csv",
                                                              ModalityName(report.pair.from),
                                                              ModalityName(report.pair.to));
    PublishText(file, ComparedPosesCsv(report.compared, samples, options.data));
    spdlog::info("wrote {}", file.string());
  }
}

}  // namespace

int EvaluateModelOnDatasets(const EvalCommandOptions& command) {
  const EvalOptions options = ReadOptions(command);
  const fs::path model_file = FindModel(options.model);
  const HandVae vae = HandVae::Load(model_file);
  EvaluationOptions evaluation;
  evaluation.pairs = PairsOf(options, vae.info());
  evaluation.limit = options.limit;
  evaluation.upright_views = static_cast<int>(options.upright_views);
  evaluation.threads = ResolveThreads(options.threads);
  evaluation.keep_poses = options.poses;
  evaluation.protocols.clear();
  for (const std::string& name : options.protocols)
    evaluation.protocols.push_back(ParseProtocol(name));
  if (evaluation.protocols.empty()) {
    evaluation.protocols = {Protocol::kSpurr2018, Protocol::kRoot, Protocol::kScale, Protocol::kPa};
  }

  spdlog::info("evaluating {} on {}, rows of {}",
               model_file.string(),
               fmt::join(options.data, ", "),
               options.split);
  const SampleSet samples = LoadSamples(options.data,
                                        SampleForm(vae.info().model),
                                        SplitsOf(options.split),
                                        static_cast<uint64_t>(1e9 * ResolveMemoryGb(0)));
  spdlog::info("{} rows", samples.size());
  const std::vector<PairReport> reports = EvaluatePairs(vae, samples, evaluation);
  RequireMeasured(options, evaluation.pairs, reports);
  const std::vector<EvalTable> tables = TablesOf(reports, evaluation.protocols);
  for (const EvalTable& table : tables) {
    PrintTable(
        fmt::format(
            "3D; {}; pictures in {} upright views", table.protocol_line, options.upright_views),
        table);
  }
  PrintScores(reports);

  nlohmann::json pairs = nlohmann::json::array();
  for (const PairReport& report : reports) pairs.push_back(ToJson(report));
  const nlohmann::json summary = {{"ok", true},
                                  {"model", model_file.string()},
                                  {"model_sha256", vae.info().sha256},
                                  {"data", options.data},
                                  {"split", options.split},
                                  {"upright_views", options.upright_views},
                                  {"samples", samples.size()},
                                  {"pairs", pairs}};
  WriteTables(options.out, summary, tables);
  if (options.poses) WritePoses(options, samples, reports);
  PrintSummary(command.common, summary);
  return static_cast<int>(ExitCode::kDone);
}

}  // namespace handforge
