#pragma once

#include <filesystem>
#include <string>

namespace handforge {

// The model file to use: `given` where not empty, else the first of the repository's and the quick
// start's that exists. Throws EnvironmentError saying how to get one.
std::filesystem::path FindModel(const std::string& given);

}  // namespace handforge
