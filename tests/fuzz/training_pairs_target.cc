// The passes of a training recipe, one a line: "rgb->3d*4".
#include "tests/fuzz/fuzz_target.h"
#include "vae/modality.h"

#include <sstream>

namespace handforge {

void ReadHostileBytes(const std::string& bytes) {
  std::vector<std::string> texts;
  std::istringstream lines(bytes);
  for (std::string line; std::getline(lines, line);) texts.push_back(line);
  PassSchedule schedule(ParsePasses(texts));
  schedule.PassAt(int64_t{1} << 40);
}

}  // namespace handforge
