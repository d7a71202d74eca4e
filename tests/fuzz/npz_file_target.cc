// Labels of published datasets: numpy's archives. The corpus is what tests/io/import/write_npz.py
// writes.
#include "io/import/npz_file.h"
#include "tests/fuzz/fuzz_target.h"

#include <stdexcept>

namespace handforge {

void ReadHostileBytes(const std::string& bytes) {
  if (ReadNpzArray(HostileFile(bytes, "labels.npz"), "grid", {2, 3}).size() != 6) {
    throw std::logic_error("array unlike its shape");
  }
}

}  // namespace handforge
