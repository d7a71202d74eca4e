// Replays a target's corpus and a fixed number of mutations of each file, without libFuzzer: what
// the ordinary test run does.
//   REPLAY FOLDER [MUTATIONS]
#include "io/core/error.h"
#include "io/core/random.h"
#include "io/files.h"
#include "tests/fuzz/fuzz_target.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <vector>

namespace handforge {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> SortedFiles(const fs::path& folder) {
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.insert(entry.path());
  return {files.begin(), files.end()};
}

// One to four changes: a byte replaced, bytes removed, repeated or inserted.
std::string Mutated(std::string bytes, Random* random) {
  static constexpr char kTelling[] = "\0\n\t \"'{}[]:,-#&*!|>%@`9eE.+\x7f\x80\xff";
  for (int64_t change = random->Integer(4); change >= 0; --change) {
    const auto size = static_cast<int64_t>(bytes.size());
    const auto at = static_cast<size_t>(random->Integer(size + 1));
    const auto length = static_cast<size_t>(random->Integer(16) + 1);
    switch (random->Integer(4)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(random->Integer(256));
        break;
      case 1:
        bytes.erase(at, length);
        break;
      case 2:
        bytes.insert(at, bytes.substr(at, length));
        break;
      default:
        bytes.insert(at, 1, kTelling[random->Integer(sizeof kTelling - 1)]);
    }
  }
  return bytes;
}

bool Survives(const std::string& bytes, const std::string& what) {
  try {
    ReadHostileBytes(bytes);
  } catch (const Error&) {
  } catch (const std::exception& error) {
    std::fprintf(stderr,
                 "%s: not refused but thrown at: %s\n%s\n",
                 what.c_str(),
                 error.what(),
                 bytes.c_str());
    return false;
  }
  return true;
}

int Replay(const fs::path& corpus, uint32_t mutations) {
  const std::vector<fs::path> files = SortedFiles(corpus);
  bool sound = !files.empty();
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string bytes = ReadText(files[i]);
    sound &= Survives(bytes, files[i].string());
    for (uint32_t m = 0; m < mutations; ++m) {
      Random random(1, i, m, Purpose::kTest);
      sound &= Survives(Mutated(bytes, &random), files[i].string() + " #" + std::to_string(m));
    }
  }
  std::printf("%zu files, %u mutations of each\n", files.size(), mutations);
  return sound ? 0 : 1;
}

}  // namespace
}  // namespace handforge

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  return handforge::Replay(argv[1], argc > 2 ? static_cast<uint32_t>(std::atoi(argv[2])) : 1000);
}
