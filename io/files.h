#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace handforge {

// Publishing: a file appears under its final name whole or not at all. Temporary names live in the
// same folder and hold host and process id (".NAME.tmp-HOST-PID"), so that leftovers of a killed
// process are recognised and removed, and never those of a process on another machine that shares
// the folder.
std::filesystem::path TemporaryName(const std::filesystem::path& final_path);
bool IsTemporaryName(const std::filesystem::path& path);
// fsync, rename to the final name, fsync the folder. Throws EnvironmentError.
void PublishFile(const std::filesystem::path& temporary, const std::filesystem::path& final_path);
void PublishBytes(const std::filesystem::path& final_path, const void* data, size_t size);
void PublishText(const std::filesystem::path& final_path, const std::string& text);
// Removes temporary files and folders whose process no longer runs; those of another machine when
// they are more than a day old.
void RemoveStaleTemporaries(const std::filesystem::path& folder);

// Creates the folder and proves that a file can be made in it. Throws EnvironmentError naming it.
void EnsureWritableFolder(const std::filesystem::path& folder);
// Free space of the disk that holds (or will hold) the folder. Throws EnvironmentError.
uint64_t FreeBytes(const std::filesystem::path& folder);

// Throws DataError naming the file (missing, unreadable).
std::string ReadText(const std::filesystem::path& path);
std::vector<uint8_t> ReadBytes(const std::filesystem::path& path);

// Lower-case hexadecimal SHA-256.
std::string Sha256(const void* data, size_t size);
std::string Sha256OfFile(const std::filesystem::path& path);

}  // namespace handforge
