// The entry that libFuzzer calls.
#include "io/core/error.h"
#include "tests/fuzz/fuzz_target.h"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    handforge::ReadHostileBytes(std::string(reinterpret_cast<const char*>(data), size));
  } catch (const handforge::Error&) {
    // Refused: as it should be.
  }
  return 0;
}
