#pragma once

#include <string>

namespace handforge {

// Versions of the libraries that only render/ sees, as they are at run time.
std::string AssimpVersion();  // "5.2.5"
// "3.13.5 (packets of 16 rays)"; "" where no Embree device can be made on this processor.
std::string EmbreeVersion();

}  // namespace handforge
