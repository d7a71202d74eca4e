// The library of gestures.
#include "render/pose_library.h"
#include "tests/fuzz/fuzz_target.h"

namespace handforge {

void ReadHostileBytes(const std::string& bytes) {
  LoadGestures(HostileFile(bytes, "gestures.yaml"));
}

}  // namespace handforge
