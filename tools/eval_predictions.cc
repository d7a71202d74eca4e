#include "tools/eval_predictions.h"

#include "io/core/error.h"
#include "io/published_poses.h"
#include "tools/eval_tables.h"
#include "tools/recipe.h"

#include <algorithm>
#include <filesystem>

#include <spdlog/fmt/fmt.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;

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

}  // namespace

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
  std::vector<EvalTable> tables;
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
    by_protocol.push_back({{"protocol", line}, {"methods", of_methods}});
    tables.push_back({protocol, line, std::move(rows)});
    PrintTable(fmt::format("{}, {} frames; {}", command.dataset, truth.size(), line),
               tables.back());
  }

  // The first method under the first protocol speaks for the whole.
  nlohmann::json summary = by_protocol[0]["methods"][0];
  summary["ok"] = true;
  summary["dataset"] = command.dataset;
  summary["protocols"] = by_protocol;
  WriteTables(recipe.out, summary, tables);
  PrintSummary(command.common, summary);
  return static_cast<int>(ExitCode::kDone);
}

}  // namespace handforge
