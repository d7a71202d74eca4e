// `handforge eval` as users run it: a model on a dataset, and published predictions.
#include "io/core/metrics.h"
#include "io/dataset.h"
#include "io/files.h"
#include "io/published_poses.h"
#include "tests/tools/run_command.h"
#include "tests/tools/toy_model.h"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

json Find(const json& list, const std::string& key, const std::string& value) {
  for (const json& entry : list) {
    if (entry[key] == value) return entry;
  }
  ADD_FAILURE() << "no " << key << " = " << value << " in " << list.dump().substr(0, 500);
  return {};
}

class EvalModel : public WithToyModel {
 protected:
  // The last value of a pair and measure, "2d->3d,epe_mm", in the log of the model's training.
  static double LastLogged(const std::string& what) {
    const std::string log = ReadText(Folder("model") / "validation_log.csv");
    const size_t found = log.rfind("," + what + ",");
    EXPECT_NE(found, std::string::npos) << log;
    return std::stod(log.substr(found + what.size() + 2));
  }
};

TEST_F(EvalModel, EveryNumberCarriesItsProtocolAndABaseline) {
  const fs::path out = Folder("eval");
  const CommandResult result =
      RunHandforge({"eval", "--data", Data(), "--model", Model(), "--out", out, "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json summary = Summary(result);
  EXPECT_EQ(summary["samples"], kTuples / 4);
  EXPECT_EQ(summary["pairs"].size(), 3u * 3u);

  const json lifting = Find(summary["pairs"], "pair", "2d->3d");
  ASSERT_EQ(lifting["poses"].size(), 4u);
  double last = 1e9;
  for (const char* protocol : {"root", "scale", "pa"}) {
    json pose;
    for (const json& entry : lifting["poses"]) {
      if (entry["model"]["protocol"] == protocol) pose = entry;
    }
    ASSERT_FALSE(pose.is_null()) << protocol;
    EXPECT_THAT(pose["protocol"].get<std::string>(), HasSubstr("21 joints"));
    EXPECT_EQ(pose["model"]["joints"], 21);
    EXPECT_EQ(pose["model"]["mean_per_joint_mm"].size(), 21u);
    EXPECT_EQ(pose["model"]["mean_per_finger_mm"].size(), 6u);
    const double mean = pose["model"]["mean_error_mm"];
    EXPECT_LT(mean, 0.8 * pose["mean_pose"]["mean_error_mm"].get<double>()) << protocol;
    EXPECT_LE(mean, last) << "each protocol forgives more than the one before";
    last = mean;
  }
  // What training measured at its end is what eval measures.
  const json spurr = lifting["poses"][0]["model"];
  EXPECT_EQ(spurr["protocol"], "spurr2018");
  EXPECT_NEAR(spurr["mean_error_mm"], LastLogged("2d->3d,epe_mm"), 1e-3);
  EXPECT_EQ(lifting["poses"][1]["model"]["scale"], "true bone length");
  EXPECT_EQ(summary["upright_views"], 5);
  EXPECT_THAT(result.out, AllOf(HasSubstr("spurr2018, root palm centre"), HasSubstr("mean pose")));

  EXPECT_THAT(ReadText(out / "eval.csv"),
              AllOf(HasSubstr("\nrgb->3d,spurr2018,"), HasSubstr("\nmean pose,spurr2018,")))
      << "as tools/ablation.sh reads it";
  for (const char* name :
       {"eval.json", "eval.csv", "pck_spurr2018.png", "pck_pa.png", "pck_pa.gp"}) {
    EXPECT_GT(fs::file_size(out / name), 500u) << name;
  }
  std::ifstream script(out / "pck_spurr2018.gp");
  std::ostringstream text;
  text << script.rdbuf();
  EXPECT_THAT(text.str(), AllOf(HasSubstr("Spurr et al. 2018, RHD"), HasSubstr("0.849")));
}

TEST_F(EvalModel, ThreadsChangeNoNumberAndLimitsAreKept) {
  const std::vector<std::string> common = {
      "eval", "--data", Data(), "--model", Model(), "--pairs", "rgb->3d", "--json"};
  const auto run = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = common;
    arguments.insert(arguments.end(), more.begin(), more.end());
    const CommandResult result = RunHandforge(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return Summary(result);
  };
  const json one = run({"--threads", "1"});
  EXPECT_EQ(one["pairs"], run({"--threads", "3"})["pairs"]);
  EXPECT_EQ(run({"--limit", "10"})["pairs"][0]["samples"], 10);
  EXPECT_EQ(run({"--split", "all"})["samples"], kTuples);
}

std::vector<std::vector<std::string>> CsvLines(const fs::path& file) {
  std::vector<std::vector<std::string>> lines;
  std::istringstream text(ReadText(file));
  for (std::string line; std::getline(text, line);) {
    lines.emplace_back();
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) lines.back().push_back(cell);
  }
  return lines;
}

Joints3 JointsFrom(const std::vector<std::string>& cells, size_t first) {
  Joints3 joints;
  for (int i = 0; i < kNumJoints * 3; ++i) joints(i / 3, i % 3) = std::stod(cells[first + i]);
  joints.rowwise() -= Eigen::RowVector3d(joints.row(kWrist));
  return joints;
}

TEST_F(EvalModel, WritesThePosesThatItMeasured) {
  const fs::path out = Folder("poses");
  const CommandResult result = RunHandforge({"eval",
                                             "--data",
                                             Data(),
                                             "--model",
                                             Model(),
                                             "--out",
                                             out,
                                             "--json",
                                             "--set",
                                             "eval.poses=true"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json summary = Summary(result);
  const auto lines = CsvLines(out / "2d_to_3d_poses.csv");
  ASSERT_EQ(lines.size(), 1u + kTuples / 4);
  ASSERT_EQ(lines[0].size(), 3u + 2 * 63);
  EXPECT_EQ(lines[0][3], "predicted_wrist_x_mm");
  EXPECT_EQ(lines[0].back(), "true_little_tip_z_mm");

  const Dataset dataset(Data());
  const ShardReader shard = dataset.OpenShard(0);
  double error_mm = 0;
  int left = 0;
  for (size_t i = 1; i < lines.size(); ++i) {
    const Joints3 predicted = JointsFrom(lines[i], 3), truth = JointsFrom(lines[i], 66);
    error_mm += (predicted - truth).rowwise().norm().mean() / static_cast<double>(lines.size() - 1);
    EXPECT_EQ(lines[i][0], Data());
    const Tuple tuple = shard.ReadTuple(std::stoull(lines[i][1]));
    Joints3 stored = tuple.joints_in_cam;
    stored.rowwise() -= Eigen::RowVector3d(stored.row(kWrist));
    EXPECT_LT((stored - truth).cwiseAbs().maxCoeff(), 0.01) << "row " << lines[i][1];
    EXPECT_EQ(lines[i][2], tuple.handedness == Handedness::kLeft ? "left" : "right");
    left += lines[i][2] == "left";
  }
  EXPECT_GT(left, 0);
  const json root = Find(summary["pairs"], "pair", "2d->3d")["poses"][1]["model"];
  EXPECT_NEAR(error_mm, root["mean_error_mm"], 0.01);
  EXPECT_TRUE(fs::exists(out / "rgb_to_3d_poses.csv"));
  EXPECT_FALSE(fs::exists(out / "3d_to_2d_poses.csv"));

  const CommandResult nowhere =
      RunHandforge({"eval", "--data", Data(), "--model", Model(), "--set", "eval.poses=true"});
  EXPECT_EQ(nowhere.exit_code, 2);
  EXPECT_THAT(nowhere.err, HasSubstr("eval.poses = true needs a folder"));
}

TEST_F(EvalModel, NamesWhatIsWrong) {
  const auto refusal = [&](const std::vector<std::string>& more, int exit_code) {
    std::vector<std::string> arguments = {"eval", "--model", Model()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const CommandResult result = RunHandforge(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    return result.err;
  };
  EXPECT_THAT(refusal({}, 2), HasSubstr("give --data DIR"));
  EXPECT_THAT(refusal({"--data", "/nowhere/data"}, 3), HasSubstr("/nowhere/data"));
  EXPECT_THAT(refusal({"--data", Data(), "--pairs", "rgb->4d"}, 2), HasSubstr("rgb->4d"));
  EXPECT_THAT(refusal({"--data", Data(), "--pairs", "rgb->rgb"}, 0), HasSubstr("evaluating"));
  EXPECT_THAT(refusal({"--data", Data(), "--protocol", "procrustes"}, 2), HasSubstr("procrustes"));
  EXPECT_THAT(refusal({"--data", Data(), "--split", "test"}, 3), HasSubstr("no row"));
  EXPECT_THAT(refusal({"--data", Data(), "--pairs", "3d->3d*2"}, 2), HasSubstr("has a weight"));
}

// A script would take a table of nothing for a success.
TEST_F(EvalModel, SaysWhereNothingCanBeMeasured) {
  const std::string pictures = Folder("pictures_alone").string();
  ToyOptions unlabelled = kToy;
  unlabelled.present = kHasRgb;
  WriteToyDataset(unlabelled, 16, pictures);
  const std::vector<std::string> arguments = {"eval", "--data", pictures, "--model", Model()};
  const CommandResult all = RunHandforge(arguments);
  EXPECT_EQ(all.exit_code, 3);
  EXPECT_THAT(all.err, HasSubstr("has what any pair of the model is measured by"));
  std::vector<std::string> one = arguments;
  one.insert(one.end(), {"--data", Data(), "--pairs", "rgb->3d", "depth->3d"});
  EXPECT_EQ(RunHandforge(one).exit_code, 2) << "the model sees no depth";
  const std::string poses = Folder("poses_alone").string();
  unlabelled.present = kHasJoints3 | kHasJoints2;
  WriteToyDataset(unlabelled, 16, poses);
  const CommandResult asked =
      RunHandforge({"eval", "--data", poses, "--model", Model(), "--pairs", "3d->3d", "rgb->3d"});
  EXPECT_EQ(asked.exit_code, 3);
  EXPECT_THAT(asked.err, HasSubstr("has what rgb->3d is measured by"));
}

// ---- Predictions on public datasets -------------------------------------------------------------

// True poses of ICVL's form and predictions that miss each joint by a known distance.
class EvalPredictions : public ::testing::Test {
 protected:
  static constexpr int kFrames = 40;
  static constexpr int kPoints = 16;

  // Every joint of frame i is missed by miss(i, j) mm along x.
  template <typename Miss>
  std::string Write(const std::string& name, const Miss& miss) const {
    const PoseFileFormat& format = FindPoseFileFormat("icvl");
    std::ofstream file(folder_ / name);
    file.precision(10);
    for (int i = 0; i < kFrames; ++i) {
      for (int j = 0; j < kPoints; ++j) {
        const double x = 10 * j - 60 + miss(i, j), y = 5 * i - 80 + j, z = 300 + i + 2 * j;
        file << x * format.fx / z + format.cx << " " << y * format.fy / z + format.cy << " " << z
             << " ";
      }
      file << "\n";
    }
    return folder_ / name;
  }
  static double Nothing(int, int) { return 0; }

  TemporaryFolder folder_;
};

TEST_F(EvalPredictions, MeanErrorAndSuccessRateOfKnownMisses) {
  const std::string truth = Write("truth.txt", Nothing);
  // 4 mm everywhere; in every fourth frame the last joint is off by 44.
  const std::string predicted =
      Write("method.txt", [](int i, int j) { return i % 4 == 0 && j == 15 ? 44.0 : 4.0; });
  const CommandResult result = RunHandforge({"eval",
                                             "--dataset",
                                             "icvl",
                                             "--predictions",
                                             predicted,
                                             "--groundtruth",
                                             truth,
                                             "--out",
                                             folder_ / "out",
                                             "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json summary = Summary(result);
  EXPECT_NEAR(summary["mean_error_mm"], 4 + 40.0 / 4 / 16, 1e-6);
  EXPECT_EQ(summary["protocol"], "absolute");
  EXPECT_EQ(summary["root"], "none");
  EXPECT_EQ(summary["joints"], 16);
  EXPECT_EQ(summary["frames"], kFrames);
  EXPECT_NEAR(summary["mean_per_joint_mm"]["little_tip"], 14, 1e-6);
  EXPECT_NEAR(summary["mean_per_finger_mm"]["thumb"], 4, 1e-6);
  const json success = summary["success"]["share"];
  EXPECT_EQ(success[3], 0);
  EXPECT_EQ(success[5], 0.75);
  EXPECT_EQ(success[45], 1);
  EXPECT_THAT(result.out, HasSubstr("absolute, root none, scale as predicted, 16 joints"));
  EXPECT_GT(fs::file_size(folder_ / "out/pck_absolute.png"), 500u);
}

TEST_F(EvalPredictions, MethodsOfOneNameAreToldApartAndQuoted) {
  const std::string truth = Write("truth.txt", Nothing);
  for (const char* folder : {"a", "b"}) fs::create_directories(folder_ / folder);
  const std::string first = Write("a/our, \"v2\".txt", Nothing);
  const std::string second = Write("b/our, \"v2\".txt", [](int, int) { return 2.0; });
  std::ofstream(folder_ / "recipe.yaml") << "eval: {out: " << (folder_ / "out").string() << "}\n";
  const CommandResult result = RunHandforge({"eval",
                                             "--dataset",
                                             "icvl",
                                             "--predictions",
                                             first,
                                             second,
                                             "--groundtruth",
                                             truth,
                                             "--config",
                                             folder_ / "recipe.yaml",
                                             "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json methods = Summary(result)["protocols"][0]["methods"];
  EXPECT_NE(methods[0]["method"], methods[1]["method"]);
  EXPECT_THAT(ReadText(folder_ / "out/eval.csv"), HasSubstr("/a/our, \"\"v2\"\"\",absolute,16,"));
}

TEST_F(EvalPredictions, OptionsOfTheOtherKindAreRefused) {
  const std::string truth = Write("truth.txt", Nothing);
  const auto refusal = [&](std::vector<std::string> arguments) {
    const CommandResult result = RunHandforge(arguments);
    EXPECT_EQ(result.exit_code, 2);
    return result.err;
  };
  EXPECT_THAT(refusal({"eval",
                       "--dataset",
                       "icvl",
                       "--predictions",
                       truth,
                       "--groundtruth",
                       truth,
                       "--limit",
                       "5"}),
              HasSubstr("go with --data;"));
  EXPECT_THAT(refusal({"eval", "--data", folder_ / "d", "--groundtruth", truth}),
              HasSubstr("give --dataset NAME"));
}

TEST_F(EvalPredictions, SeveralMethodsStandBesideTheMeanPose) {
  const std::string truth = Write("truth.txt", Nothing);
  const std::string good = Write("good.txt", [](int, int) { return 1.0; });
  const std::string bad = Write("bad.txt", [](int, int) { return 30.0; });
  const CommandResult result = RunHandforge(
      {"eval", "--dataset", "icvl", "--predictions", good, bad, "--groundtruth", truth, "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json methods = Summary(result)["protocols"][0]["methods"];
  EXPECT_NEAR(Find(methods, "method", "good")["mean_error_mm"], 1, 1e-6);
  EXPECT_NEAR(Find(methods, "method", "bad")["mean_error_mm"], 30, 1e-6);
  // All frames have one shape: its mean, at the true centre, is exact.
  EXPECT_NEAR(Find(methods, "method", "mean pose")["mean_error_mm"], 0, 1e-6);
}

TEST_F(EvalPredictions, WholeHandsAreComparedByAllProtocols) {
  std::ofstream truth(folder_ / "truth.txt"), turned(folder_ / "turned.txt");
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < kNumJoints; ++j) {
      const double x = 7 * j % 50, y = 11 * j % 60 + i, z = 400 + 3 * j % 20;
      truth << x << " " << y << " " << z << " ";
      turned << -1.5 * y + 20 << " " << 1.5 * x << " " << 1.5 * z << " ";
    }
    truth << "\n";
    turned << "\n";
  }
  truth.close();
  turned.close();
  const CommandResult result = RunHandforge({"eval",
                                             "--dataset",
                                             "canonical21",
                                             "--predictions",
                                             folder_ / "turned.txt",
                                             "--groundtruth",
                                             folder_ / "truth.txt",
                                             "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json protocols = Summary(result)["protocols"];
  ASSERT_EQ(protocols.size(), 4u);
  EXPECT_GT(protocols[2]["methods"][0]["mean_error_mm"], 5) << "scale does not forgive a turn";
  EXPECT_NEAR(protocols[3]["methods"][0]["mean_error_mm"], 0, 1e-6) << "pa does";
}

TEST_F(EvalPredictions, NamesWhatIsWrong) {
  const std::string truth = Write("truth.txt", Nothing);
  std::ofstream(folder_ / "short.txt") << std::ifstream(truth).rdbuf();
  std::ofstream(folder_ / "short.txt", std::ios::app) << "1 2 3\n";
  const auto refusal = [&](const std::vector<std::string>& more, int exit_code) {
    std::vector<std::string> arguments = {"eval", "--groundtruth", truth};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const CommandResult result = RunHandforge(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    return result.err;
  };
  const std::string short_file = folder_ / "short.txt";
  EXPECT_THAT(refusal({"--dataset", "icvl", "--predictions", short_file}, 3),
              AllOf(HasSubstr("short.txt, line 41"), HasSubstr("3 numbers, expected 48")));
  std::ofstream(folder_ / "one.txt") << "";
  EXPECT_THAT(refusal({"--dataset", "icvl", "--predictions", folder_ / "one.txt"}, 3),
              HasSubstr("holds no frame"));
  EXPECT_THAT(refusal({"--dataset", "icvl"}, 2), HasSubstr("--predictions"));
  EXPECT_THAT(refusal({"--dataset", "nyuu", "--predictions", truth}, 2), HasSubstr("'nyu'"));
  EXPECT_THAT(refusal({"--dataset", "icvl", "--predictions", truth, "--protocol", "pa"}, 2),
              HasSubstr("needs the 21 joints"));
}

TEST_F(EvalPredictions, RefusesAnotherNumberOfFrames) {
  const std::string truth = Write("truth.txt", Nothing);
  std::ifstream all(truth);
  std::string first;
  std::getline(all, first);
  std::ofstream(folder_ / "one.txt") << first << "\n";
  const CommandResult result = RunHandforge(
      {"eval", "--dataset", "icvl", "--predictions", folder_ / "one.txt", "--groundtruth", truth});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, AllOf(HasSubstr("one.txt: 1 frames"), HasSubstr("has 40")));
}

}  // namespace
}  // namespace handforge
