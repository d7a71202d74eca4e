// Rig specifications with their joint-name maps.
#include "render/rig_spec.h"
#include "tests/fuzz/fuzz_target.h"

#include <stdexcept>

namespace handforge {

void ReadHostileBytes(const std::string& bytes) {
  RigSpec spec = RigSpec::Parse(bytes, "rig.yaml");
  const std::string text = spec.Text();
  if (RigSpec::Parse(text, "canonical.yaml").Text() != text) {
    throw std::logic_error("a rig specification changes when read");
  }
}

}  // namespace handforge
