#include "tools/eval_command.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/interrupt.h"
#include "io/json_text.h"
#include "io/published_poses.h"
#include "tools/pose_tables.h"
#include "tools/recipe.h"
#include "vae/evaluate.h"
#include "vae/find_model.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;

struct EvalCommandOptions {
  CommonOptions common;
  // A model on our datasets; they take the place of the recipe's.
  std::vector<std::string> data;
  std::string model;
  std::vector<std::string> pairs;
  std::vector<std::string> protocols;
  std::string split;
  std::optional<int64_t> limit;
  // Predictions on a public dataset.
  std::string dataset;
  std::vector<std::string> predictions;
  std::string groundtruth;
};

void Print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

// One table under one protocol, with its plot.
struct Table {
  Protocol protocol;
  std::string protocol_line;
  std::vector<NamedReport> rows;
};

// eval.json, eval.csv and the plots; nothing where `out` is empty.
void WriteFiles(const std::string& out,
                const nlohmann::json& summary,
                const std::vector<Table>& tables) {
  if (out.empty()) return;
  EnsureWritableFolder(out);
  PublishText(fs::path(out) / "eval.json", JsonText(summary, 2) + "\n");
  std::vector<NamedReport> all;
  bool drawn = true;
  for (const Table& table : tables) {
    all.insert(all.end(), table.rows.begin(), table.rows.end());
    const fs::path png = fs::path(out) / ("pck_" + Describe(table.protocol).name + ".png");
    drawn = WritePlot({PckPanel(table.rows, table.protocol_line),
                       SuccessPanel(table.rows, table.protocol_line)},
                      png) &&
            drawn;
  }
  PublishText(fs::path(out) / "eval.csv", PoseCsv(all));
  if (!drawn) spdlog::warn("gnuplot is not installed: {} has scripts (.gp), no pictures", out);
  spdlog::info("wrote {}", (fs::path(out) / "eval.json").string());
}

// ---- A model on datasets of handforge -----------------------------------------------------------

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
void AddMeanPose(const PoseReport& mean_pose, const std::string& pair, Table* table) {
  bool any = false;
  for (const NamedReport& row : table->rows) {
    if (row.name.rfind("mean pose", 0) != 0) continue;
    any = true;
    if (row.report.frames == mean_pose.frames && row.report.mean_mm == mean_pose.mean_mm) return;
  }
  table->rows.push_back({any ? "mean pose of rows of " + pair : "mean pose", mean_pose});
}

// A table per protocol: all pairs to 3D, the mean pose last.
std::vector<Table> TablesOf(const std::vector<PairReport>& reports,
                            const std::vector<Protocol>& protocols) {
  std::vector<Table> tables;
  for (size_t p = 0; p < protocols.size(); ++p) {
    Table table{protocols[p], "", {}};
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
  if (!lines.empty()) Print("\n2D and pictures\n" + lines);
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

int EvaluateOnDatasets(const EvalCommandOptions& command) {
  const EvalOptions options = ReadOptions(command);
  const fs::path model_file = FindModel(options.model);
  const HandVae vae = HandVae::Load(model_file);
  EvaluationOptions evaluation;
  evaluation.pairs = PairsOf(options, vae.info());
  evaluation.limit = options.limit;
  evaluation.upright_views = static_cast<int>(options.upright_views);
  evaluation.threads = ResolveThreads(options.threads);
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
  const std::vector<Table> tables = TablesOf(reports, evaluation.protocols);
  for (const Table& table : tables) {
    Print(fmt::format("\n3D; {}; pictures in {} upright views\n{}{}",
                      table.protocol_line,
                      options.upright_views,
                      PoseTable(table.rows),
                      FingerTable(table.rows)));
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
  WriteFiles(options.out, summary, tables);
  PrintSummary(command.common, summary);
  return static_cast<int>(ExitCode::kDone);
}

// ---- Predictions on a public dataset ------------------------------------------------------------

// Whether the points are the canonical 21 under another order, so that roots and scales are known.
bool IsWholeHand(const Convention& convention) {
  const std::vector<int>& map = convention.canonical_from_source;
  return convention.num_joints == kNumJoints && std::count(map.begin(), map.end(), -1) == 0;
}

// Those of the command line, else those that the recipe names, else all that fit.
std::vector<Protocol> ProtocolsFor(const EvalCommandOptions& command,
                                   const EvalOptions& recipe,
                                   const Convention& convention) {
  const bool asked = !command.protocols.empty();
  const std::vector<std::string>& names = asked ? command.protocols : recipe.protocols;
  const std::string key = asked ? "--protocol " : "eval.protocols: ";
  std::vector<Protocol> protocols;
  for (const std::string& name : names) protocols.push_back(ParseProtocol(name));
  if (protocols.empty()) {
    protocols = {Protocol::kAbsolute};
    if (IsWholeHand(convention)) {
      for (const Protocol more : {Protocol::kRoot, Protocol::kScale, Protocol::kPa})
        protocols.push_back(more);
    }
  }
  for (const Protocol protocol : protocols) {
    const std::string name = Describe(protocol).name;
    if (protocol == Protocol::kSpurr2018) {
      throw UsageError(key +
                       "spurr2018 is for predictions in bone lengths; millimetres are "
                       "compared by absolute, root, scale or pa");
    }
    if (protocol != Protocol::kAbsolute && !IsWholeHand(convention)) {
      throw UsageError(key + name + " needs the 21 joints; " + command.dataset + " has " +
                       std::to_string(convention.num_joints) +
                       " points of its own and is compared by absolute");
    }
  }
  return protocols;
}

JointDistances Distances(Protocol protocol,
                         const Convention& convention,
                         const std::vector<Points3>& predicted,
                         const std::vector<Points3>& truth) {
  JointDistances distances(convention.num_joints);
  for (size_t i = 0; i < truth.size(); ++i) {
    if (protocol == Protocol::kAbsolute) {
      distances.Add(predicted[i], truth[i]);
      continue;
    }
    const AlignedPair pair = ApplyProtocol(protocol,
                                           Joints3(ToCanonical(convention, predicted[i])),
                                           Joints3(ToCanonical(convention, truth[i])));
    distances.Add(Points3(FromCanonical(convention, pair.predicted)),
                  Points3(FromCanonical(convention, pair.truth)));
  }
  return distances;
}

// The mean shape of the truth at the true centre of every frame.
std::vector<Points3> MeanPose(const std::vector<Points3>& truth) {
  Points3 mean = Points3::Zero(truth[0].rows(), 3);
  for (const Points3& frame : truth) mean += frame.rowwise() - frame.colwise().mean();
  mean /= static_cast<double>(truth.size());
  std::vector<Points3> poses;
  for (const Points3& frame : truth) poses.push_back(mean.rowwise() + frame.colwise().mean());
  return poses;
}

std::vector<Points3> ReadPredictions(const PoseFileFormat& format,
                                     const std::string& file,
                                     const EvalCommandOptions& command,
                                     size_t frames) {
  std::vector<Points3> predicted = ReadPoseFile(format, file);
  if (predicted.size() != frames) {
    throw DataError(file + ": " + std::to_string(predicted.size()) + " frames, but " +
                    command.groundtruth + " has " + std::to_string(frames) +
                    "; both must hold the same frames in the same order");
  }
  return predicted;
}

// The file's name, with its folder where another file has that name too.
std::string MethodName(const fs::path& file, const std::vector<std::string>& files) {
  const auto has_its_name = [&file](const fs::path& other) { return other.stem() == file.stem(); };
  if (std::count_if(files.begin(), files.end(), has_its_name) < 2) return file.stem().string();
  return (file.parent_path() / file.stem()).string();
}

int EvaluatePredictions(const EvalCommandOptions& command) {
  if (command.predictions.empty() || command.groundtruth.empty()) {
    throw UsageError("--dataset " + command.dataset +
                     " needs --predictions FILE and --groundtruth FILE");
  }
  if (!command.data.empty()) {
    throw UsageError("--data evaluates a model, --dataset predictions: give one of them");
  }
  if (!command.model.empty() || !command.pairs.empty() || !command.split.empty() || command.limit) {
    throw UsageError(
        "--model, --pairs, --split and --limit go with --data; all frames of the "
        "predictions of --dataset count");
  }
  const PoseFileFormat& format = FindPoseFileFormat(command.dataset);
  const Convention& convention = FindConvention(format.convention);
  CommonOptions common = command.common;
  common.seed.reset();  // nothing here is random
  const EvalOptions recipe = Recipe::Load(common, "eval").eval;
  const std::vector<Protocol> protocols = ProtocolsFor(command, recipe, convention);

  const std::vector<Points3> truth = ReadPoseFile(format, command.groundtruth);
  std::vector<std::pair<std::string, std::vector<Points3>>> methods;
  for (const std::string& file : command.predictions) {
    methods.emplace_back(MethodName(file, command.predictions),
                         ReadPredictions(format, file, command, truth.size()));
  }
  methods.emplace_back("mean pose", MeanPose(truth));

  nlohmann::json by_protocol = nlohmann::json::array();
  std::vector<Table> tables;
  for (const Protocol protocol : protocols) {
    std::vector<NamedReport> rows;
    nlohmann::json of_methods = nlohmann::json::array();
    for (const auto& [name, poses] : methods) {
      rows.push_back(
          {name,
           MakePoseReport(
               protocol, Distances(protocol, convention, poses, truth), convention.joint_names)});
      of_methods.push_back(ToJson(rows.back().report));
      of_methods.back()["method"] = name;
    }
    const std::string line = ProtocolLine(protocol, convention.num_joints);
    Print(fmt::format("\n{}, {} frames; {}\n{}{}",
                      command.dataset,
                      truth.size(),
                      line,
                      PoseTable(rows),
                      FingerTable(rows)));
    by_protocol.push_back({{"protocol", line}, {"methods", of_methods}});
    tables.push_back({protocol, line, std::move(rows)});
  }

  // The first method under the first protocol speaks for the whole.
  nlohmann::json summary = by_protocol[0]["methods"][0];
  summary["ok"] = true;
  summary["dataset"] = command.dataset;
  summary["protocols"] = by_protocol;
  WriteFiles(recipe.out, summary, tables);
  PrintSummary(command.common, summary);
  return static_cast<int>(ExitCode::kDone);
}

int RunEval(const EvalCommandOptions& command) {
  EndAtOnceOnInterrupt();
  return command.dataset.empty() ? EvaluateOnDatasets(command) : EvaluatePredictions(command);
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
