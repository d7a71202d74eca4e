#pragma once

#include <filesystem>
#include <string>

namespace handforge {

// Defined once by each target (config_target.cc ...): hands `bytes` to one of our own parsers.
// Returning and throwing a handforge::Error are the two good ends; any other exception, a crash, a
// hang and an allocation that the input's size does not justify are faults of the parser.
void ReadHostileBytes(const std::string& bytes);

// A file with these bytes, for parsers that read files: one per process, in memory where the
// system has a file system there, overwritten by the next call.
std::filesystem::path HostileFile(const std::string& bytes, const std::string& name);

}  // namespace handforge
