#pragma once

#include "vae/evaluate.h"
#include "vae/learner.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace handforge {

// A CSV file whose first column is a step. Opening it cuts it back to the rows of steps <= `step`,
// so that a resumed run goes on where its checkpoint was; a half-written last row goes too.
class StepCsv {
 public:
  StepCsv(const std::filesystem::path& file, const std::string& header, int64_t step);
  // Rows appear in the file at once. Throws EnvironmentError naming the file.
  void Append(const std::string& row);

 private:
  std::filesystem::path file_;
  std::ofstream stream_;
};

// Means of the losses of each pair since the last entry of the log.
class LossMeans {
 public:
  void Add(const StepLosses& losses);
  // One CSV row per pair (see Train), then forgets them.
  std::vector<std::string> TakeRows(int64_t step, double learning_rate, double seconds);

  // Exact text form, for the checkpoint; reading it throws DataError.
  std::string ToJson() const;
  void FromJson(const std::string& json);

 private:
  struct Sum {
    StepLosses losses;
    int64_t count = 0;
  };
  std::map<std::string, Sum> sums_;
};

constexpr const char* kTrainLogHeader =
    "step,pair,loss,reconstruction,alpha,kl,gradient_norm,learning_rate,seconds";
constexpr const char* kValidationLogHeader = "step,pair,measure,value,baseline,samples,protocol";
std::string ScoreRow(int64_t step, const PairScore& score);

}  // namespace handforge
