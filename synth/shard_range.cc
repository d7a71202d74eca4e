#include "synth/shard_range.h"

#include "io/core/error.h"

#include <charconv>
#include <cstdint>
#include <optional>

namespace handforge {
namespace {

std::optional<int> WholeNumber(const std::string& text) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end || value < 0) return std::nullopt;
  return value;
}

struct NumberPair {
  std::optional<int> first;
  std::optional<int> second;
};

NumberPair SplitAt(const std::string& text, char mark) {
  const size_t at = text.find(mark);
  if (at == std::string::npos) return {WholeNumber(text), std::nullopt};
  return {WholeNumber(text.substr(0, at)), WholeNumber(text.substr(at + 1))};
}

}  // namespace

ShardRange ParseShardRange(const std::string& text) {
  NumberPair numbers = SplitAt(text, '-');
  if (text.find('-') == std::string::npos) numbers.second = numbers.first;
  const bool valid = numbers.first && numbers.second && *numbers.second >= *numbers.first &&
                     *numbers.second < std::numeric_limits<int>::max();
  if (!valid) {
    throw UsageError("--shards '" + text + "': expected FIRST-LAST, both included, like 0-99");
  }
  return {*numbers.first, *numbers.second + 1};
}

TaskOfRun ParseTask(const std::string& text) {
  const NumberPair numbers = SplitAt(text, '/');
  const bool valid = numbers.first && numbers.second && *numbers.first < *numbers.second;
  if (!valid) {
    throw UsageError("--task '" + text + "': expected TASK/TASKS, counted from 0, like 0/4 .. 3/4");
  }
  return {*numbers.first, *numbers.second};
}

ShardRange RangeOfTask(const TaskOfRun& task, int num_shards) {
  const auto bound = [&](int64_t i) { return static_cast<int>(i * num_shards / task.tasks); };
  return {bound(task.task), bound(int64_t{task.task} + 1)};
}

std::string ToText(const ShardRange& range) {
  return std::to_string(range.first) + "-" + std::to_string(range.end - 1);
}

}  // namespace handforge
