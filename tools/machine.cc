#include "tools/machine.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <thread>

#include <sched.h>
#include <sys/utsname.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> OwnCgroups(const std::string& controller) {
  return CgroupFolders(controller, "/proc/self/cgroup", "/sys/fs/cgroup");
}

// "cpu" of "cpu,cpuacct".
bool Names(const std::string& controllers, const std::string& controller) {
  std::istringstream names(controllers);
  for (std::string name; std::getline(names, name, ',');) {
    if (name == controller) return true;
  }
  return false;
}

// `mount` / `path` and all folders above it, down to `mount`.
void AddAncestors(const fs::path& mount, const fs::path& path, std::vector<fs::path>* folders) {
  for (fs::path below = path.relative_path(); !below.empty(); below = below.parent_path()) {
    folders->push_back(mount / below);
  }
  folders->push_back(mount);
}

// The first word of a file as a number; nothing where it is absent or not a number ("max").
std::optional<int64_t> ReadNumber(const fs::path& file) {
  std::ifstream in(file);
  int64_t value = 0;
  if (in >> value) return value;
  return std::nullopt;
}

// The value after `key` in a file of "key: value" lines; "" where absent.
std::string ReadField(const fs::path& file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.compare(0, key.size(), key) != 0) continue;
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

int WholeThreads(int64_t quota, int64_t period) {
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<int>((quota + period - 1) / period);
}

int AffinityThreads() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

int SlurmThreads() {
  const char* text = std::getenv("SLURM_CPUS_PER_TASK");
  return text == nullptr ? 0 : std::atoi(text);
}

// Bytes of file cache that the kernel gives up when memory is short, from a cgroup's statistics.
int64_t ReclaimableBytes(const fs::path& statistics) {
  std::ifstream in(statistics);
  std::string name;
  int64_t own = 0, total = 0;  // version 1 has both: without the groups below, and with them
  for (int64_t value = 0; in >> name >> value;) {
    if (name == "inactive_file" || name == "active_file") own += value;
    if (name == "total_inactive_file" || name == "total_active_file") total += value;
  }
  return std::max(own, total);
}

}  // namespace

std::vector<fs::path> CgroupFolders(const std::string& controller,
                                    const fs::path& membership,
                                    const fs::path& mount) {
  std::vector<fs::path> folders;
  std::ifstream in(membership);
  for (std::string line; std::getline(in, line);) {  // "4:memory:/path", "0::/path"
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path path = line.substr(second + 1);
    if (controllers.empty()) AddAncestors(mount, path, &folders);
    if (Names(controllers, controller)) AddAncestors(mount / controller, path, &folders);
  }
  return folders;
}

int CgroupThreads(const fs::path& folder) {
  std::ifstream v2(folder / "cpu.max");
  std::string quota;
  int64_t period = 0;
  if (v2 >> quota >> period)
    return quota == "max" ? 0 : WholeThreads(std::atoll(quota.c_str()), period);
  return WholeThreads(ReadNumber(folder / "cpu.cfs_quota_us").value_or(0),
                      ReadNumber(folder / "cpu.cfs_period_us").value_or(0));
}

uint64_t CgroupMemoryBytes(const fs::path& folder) {
  auto limit = ReadNumber(folder / "memory.max");
  auto used = ReadNumber(folder / "memory.current");
  if (!limit) {
    limit = ReadNumber(folder / "memory.limit_in_bytes");
    used = ReadNumber(folder / "memory.usage_in_bytes");
  }
  if (!limit || !used) return std::numeric_limits<uint64_t>::max();
  const int64_t cache = ReclaimableBytes(folder / "memory.stat");
  const int64_t held = std::max<int64_t>(0, *used - cache);
  return static_cast<uint64_t>(std::max<int64_t>(0, *limit - held));
}

int DefaultThreads() {
  const int processors = AffinityThreads();
  if (const int slurm = SlurmThreads(); slurm > 0) return std::min(slurm, processors);
  int threads = processors;
  for (const fs::path& folder : OwnCgroups("cpu")) {
    if (const int share = CgroupThreads(folder); share > 0) threads = std::min(threads, share);
  }
  return threads;
}

uint64_t AvailableMemoryBytes() {
  const std::string kilobytes = ReadField("/proc/meminfo", "MemAvailable");
  uint64_t bytes = std::strtoull(kilobytes.c_str(), nullptr, 10) * 1024;
  for (const fs::path& folder : OwnCgroups("memory")) {
    bytes = std::min(bytes, CgroupMemoryBytes(folder));
  }
  return bytes;
}

std::string CpuModel() {
  std::string model = ReadField("/proc/cpuinfo", "model name");
  if (!model.empty()) return model;
  utsname names{};
  return uname(&names) == 0 ? names.machine : "unknown";
}

bool CpuHas(const std::string& flag) {
  std::istringstream flags(ReadField("/proc/cpuinfo", "flags"));
  for (std::string word; flags >> word;) {
    if (word == flag) return true;
  }
  return false;
}

}  // namespace handforge
