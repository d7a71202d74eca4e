#include "vae/find_model.h"

#include "io/assets.h"
#include "io/core/error.h"

#include <array>

namespace handforge {
namespace {

constexpr std::array<const char*, 2> kDefaultModels = {"configs/models/default.safetensors",
                                                       "out/quickstart_model/model.safetensors"};

}  // namespace

std::filesystem::path FindModel(const std::string& given) {
  if (!given.empty()) return given;
  for (const char* candidate : kDefaultModels) {
    if (const auto found = FindResource(candidate); std::filesystem::exists(found)) return found;
  }
  throw EnvironmentError(
      std::string("no model: neither ") + kDefaultModels[0] + " nor " + kDefaultModels[1] +
      " exists here; run tools/quickstart.sh, or `handforge train`, or give --model FILE");
}

}  // namespace handforge
