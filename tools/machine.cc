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

constexpr char kCgroup[] = "/sys/fs/cgroup";

// The first word of a file as a number; nothing where it is absent or not a number ("max").
std::optional<int64_t> ReadNumber(const std::filesystem::path& file) {
  std::ifstream in(file);
  int64_t value = 0;
  if (in >> value) return value;
  return std::nullopt;
}

// The value after `key` in a file of "key: value" lines; "" where absent.
std::string ReadField(const std::filesystem::path& file, const std::string& key) {
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
int64_t ReclaimableBytes(const std::filesystem::path& statistics) {
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

int CgroupThreads(const std::filesystem::path& folder) {
  std::ifstream v2(folder / "cpu.max");
  std::string quota;
  int64_t period = 0;
  if (v2 >> quota >> period)
    return quota == "max" ? 0 : WholeThreads(std::atoll(quota.c_str()), period);
  return WholeThreads(ReadNumber(folder / "cpu.cfs_quota_us").value_or(0),
                      ReadNumber(folder / "cpu.cfs_period_us").value_or(0));
}

uint64_t CgroupMemoryBytes(const std::filesystem::path& folder) {
  const std::filesystem::path v1 = folder / "memory";
  auto limit = ReadNumber(folder / "memory.max");
  auto used = ReadNumber(folder / "memory.current");
  int64_t cache = ReclaimableBytes(folder / "memory.stat");
  if (!limit) {
    limit = ReadNumber(v1 / "memory.limit_in_bytes");
    used = ReadNumber(v1 / "memory.usage_in_bytes");
    cache = ReclaimableBytes(v1 / "memory.stat");
  }
  if (!limit || !used) return std::numeric_limits<uint64_t>::max();
  const int64_t held = std::max<int64_t>(0, *used - cache);
  return static_cast<uint64_t>(std::max<int64_t>(0, *limit - held));
}

int DefaultThreads() {
  const int processors = AffinityThreads();
  if (const int slurm = SlurmThreads(); slurm > 0) return std::min(slurm, processors);
  int share = CgroupThreads(kCgroup);
  if (share == 0) share = CgroupThreads(std::filesystem::path(kCgroup) / "cpu");
  return share > 0 ? std::min(share, processors) : processors;
}

uint64_t AvailableMemoryBytes() {
  const std::string kilobytes = ReadField("/proc/meminfo", "MemAvailable");
  const uint64_t machine = std::strtoull(kilobytes.c_str(), nullptr, 10) * 1024;
  return std::min(machine, CgroupMemoryBytes(kCgroup));
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
