// dataset.json.
#include "io/dataset.h"
#include "tests/fuzz/fuzz_target.h"

#include <stdexcept>

namespace handforge {

void ReadHostileBytes(const std::string& bytes) {
  const Manifest manifest = Manifest::FromJson(bytes, "dataset.json");
  // What was accepted must read back as itself.
  const std::string json = manifest.ToJson();
  if (Manifest::FromJson(json, "dataset.json").ToJson() != json) {
    throw std::logic_error("a manifest changes when read");
  }
}

}  // namespace handforge
