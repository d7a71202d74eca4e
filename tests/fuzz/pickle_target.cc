// Labels of published datasets: Python's pickles. The corpus is what
// tests/io/import/write_pickles.py writes; python2 is put together by hand.
#include "io/import/pickle.h"
#include "tests/fuzz/fuzz_target.h"

#include <stdexcept>

namespace handforge {
namespace {

// What whoever reads labels does with a value, down to the depth they expect.
void Visit(const PickleValue& value, int depth) {
  if (depth == 0) return;
  if (const auto* list = std::get_if<PickleList*>(&value)) {
    for (const PickleValue& item : (*list)->items) Visit(item, depth - 1);
  } else if (const auto* dict = std::get_if<PickleDict*>(&value)) {
    for (const auto& item : (*dict)->items) Visit(item.second, depth - 1);
  } else if (const auto* array = std::get_if<PickleArray*>(&value)) {
    size_t count = 1;
    for (const size_t extent : (*array)->shape) count *= extent;
    if ((*array)->Doubles().size() != count) throw std::logic_error("array unlike its shape");
  }
}

}  // namespace

void ReadHostileBytes(const std::string& bytes) {
  const Pickle pickle = ParsePickle(bytes, "labels.pickle");
  Visit(pickle.root, 3);
}

}  // namespace handforge
