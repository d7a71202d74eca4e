#include "io/export/each_tuple.h"

#include "io/core/error.h"

#include <string>

namespace handforge {

std::vector<size_t> RunNumbers(const Manifest& manifest) {
  if (manifest.runs.empty()) return std::vector<size_t>(manifest.shards.size(), 0);
  std::vector<size_t> numbers;
  for (size_t run = 0; run < manifest.runs.size(); ++run) {
    numbers.insert(numbers.end(), manifest.runs[run].shards, run);
  }
  return numbers;
}

void RequireKnownSplit(const Tuple& tuple, const std::filesystem::path& file, uint64_t row) {
  if (tuple.split <= Split::kTest) return;
  throw DataError(file.string() + ": row " + std::to_string(row) + " has the unknown split " +
                  std::to_string(static_cast<int>(tuple.split)) + ", expected 0, 1 or 2");
}

}  // namespace handforge
