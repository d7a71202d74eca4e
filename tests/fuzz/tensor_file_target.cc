// Checkpoints and models: the safetensors layout. The hash of the payload is set right where the
// header has its place, so that it does not shield what comes after it.
#include "io/files.h"
#include "tests/fuzz/fuzz_target.h"
#include "vae/tensor_file.h"

namespace handforge {
namespace {

std::string WithRightHash(std::string bytes) {
  constexpr char kKey[] = "\"payload_sha256\":\"";
  const size_t key = bytes.find(kKey);
  if (bytes.size() < 9 || key == std::string::npos) return bytes;
  uint64_t header = 0;
  for (int i = 7; i >= 0; --i) header = header << 8 | static_cast<uint8_t>(bytes[i]);
  const size_t value = key + sizeof kKey - 1;
  if (header > bytes.size() - 8 || value + 64 > 8 + header) return bytes;
  return bytes.replace(value, 64, Sha256(bytes.data() + 8 + header, bytes.size() - 8 - header));
}

}  // namespace

void ReadHostileBytes(const std::string& bytes) {
  const TensorFile file = TensorFile::Read(HostileFile(WithRightHash(bytes), "model.safetensors"));
  for (const auto& [name, entry] : file.tensors()) file.Floats(name, entry.shape);
}

}  // namespace handforge
