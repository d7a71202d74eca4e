#include "vae/train_log.h"

#include "io/core/error.h"
#include "io/files.h"

#include <cstdio>
#include <cstdlib>

#include <nlohmann/json.hpp>

namespace handforge {
namespace {

// The header and the whole rows of steps up to `step`.
std::string CutBack(const std::string& text, const std::string& header, int64_t step) {
  std::string kept = header + "\n";
  size_t begin = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    const std::string row = text.substr(begin, end - begin);
    char* rest = nullptr;
    const int64_t row_step = std::strtoll(row.c_str(), &rest, 10);
    if (rest != row.c_str() && *rest == ',' && row_step <= step) kept += row + "\n";
    begin = end + 1;
  }
  return kept;
}

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", value);
  return text;
}

}  // namespace

StepCsv::StepCsv(const std::filesystem::path& file, const std::string& header, int64_t step)
    : file_(file) {
  const std::string old = std::filesystem::exists(file) && step > 0 ? ReadText(file) : "";
  PublishText(file, CutBack(old, header, step));
  stream_.open(file, std::ios::app);
}

void StepCsv::Append(const std::string& row) {
  stream_ << row << '\n' << std::flush;
  if (!stream_) throw EnvironmentError(file_.string() + ": cannot be written (disk full?)");
}

void LossMeans::Add(const StepLosses& losses) {
  Sum& sum = sums_[losses.pair];
  sum.losses.loss += losses.loss;
  sum.losses.reconstruction += losses.reconstruction;
  sum.losses.alpha += losses.alpha;
  sum.losses.kl += losses.kl;
  sum.losses.gradient_norm += losses.gradient_norm;
  ++sum.count;
}

std::vector<std::string> LossMeans::TakeRows(int64_t step, double learning_rate, double seconds) {
  std::vector<std::string> rows;
  for (const auto& [pair, sum] : sums_) {
    const double n = static_cast<double>(sum.count);
    rows.push_back(std::to_string(step) + "," + pair + "," + Number(sum.losses.loss / n) + "," +
                   Number(sum.losses.reconstruction / n) + "," + Number(sum.losses.alpha / n) +
                   "," + Number(sum.losses.kl / n) + "," + Number(sum.losses.gradient_norm / n) +
                   "," + Number(learning_rate) + "," + Number(seconds));
  }
  sums_.clear();
  return rows;
}

std::string LossMeans::ToJson() const {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [pair, sum] : sums_) {
    const StepLosses& losses = sum.losses;
    json[pair] = {losses.loss,
                  losses.reconstruction,
                  losses.alpha,
                  losses.kl,
                  losses.gradient_norm,
                  sum.count};
  }
  return json.dump();
}

void LossMeans::FromJson(const std::string& text) {
  sums_.clear();
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    for (const auto& [pair, values] : json.items()) {
      Sum& sum = sums_[pair];
      sum.losses.loss = values.at(0).get<double>();
      sum.losses.reconstruction = values.at(1).get<double>();
      sum.losses.alpha = values.at(2).get<double>();
      sum.losses.kl = values.at(3).get<double>();
      sum.losses.gradient_norm = values.at(4).get<double>();
      sum.count = values.at(5).get<int64_t>();
    }
  } catch (const nlohmann::json::exception& error) {
    throw DataError(std::string("loss_means: ") + error.what());
  }
}

std::string ScoreRow(int64_t step, const PairScore& score) {
  return std::to_string(step) + "," + score.pair + "," + score.measure + "," + Number(score.value) +
         "," + Number(score.baseline) + "," + std::to_string(score.samples) + ",\"" +
         score.protocol + "\"";
}

}  // namespace handforge
