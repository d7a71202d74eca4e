#pragma once

#include <limits>
#include <string>

namespace handforge {

// Shards [first, end) of a run; all of them by default.
struct ShardRange {
  int first = 0;
  int end = std::numeric_limits<int>::max();

  bool empty() const { return end <= first; }
};

// One of `tasks` processes that share a run, counted from 0.
struct TaskOfRun {
  int task = 0;
  int tasks = 1;
};

// "3-17", both included, or "3". Throws UsageError.
ShardRange ParseShardRange(const std::string& text);
// "2/8": task 2 of 0..7. Throws UsageError.
TaskOfRun ParseTask(const std::string& text);
// The task's share of a run of `num_shards`: contiguous, sizes differ by at most one; empty where
// there are more tasks than shards.
ShardRange RangeOfTask(const TaskOfRun& task, int num_shards);

std::string ToText(const ShardRange& range);  // "3-17"

}  // namespace handforge
