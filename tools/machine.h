#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace handforge {

// What the machine gives to this process.

// Threads that make sense here: the processors this process may run on, but no more than
// $SLURM_CPUS_PER_TASK where a scheduler set it, else than its cgroups' share of processor time.
int DefaultThreads();

// Folders of the cgroup that this process is in and of those above it, which limit it too, the
// outermost last. `controller` is "memory" or "cpu"; `membership` has the form of
// /proc/self/cgroup, `mount` is where version 2 is mounted, and in folders of their names the
// controllers of version 1.
std::vector<std::filesystem::path> CgroupFolders(const std::string& controller,
                                                 const std::filesystem::path& membership,
                                                 const std::filesystem::path& mount);

// Processor time allowed by the cgroup whose files lie in `folder` (cgroup v2's `cpu.max`, or v1's
// `cpu.cfs_quota_us` and `cpu.cfs_period_us`), rounded up to whole threads; 0 where unlimited.
int CgroupThreads(const std::filesystem::path& folder);

// Memory that the cgroup of `folder` leaves (v2's `memory.max`, `memory.current` and `memory.stat`,
// or v1's), bytes; its cache of files counts as free. The greatest number where unlimited.
uint64_t CgroupMemoryBytes(const std::filesystem::path& folder);

// Memory that this process may still take, bytes: the machine's available memory or what its
// cgroups leave, whichever is less.
uint64_t AvailableMemoryBytes();

// "Intel(R) Xeon(R) ...", or the architecture's name where the kernel does not say.
std::string CpuModel();
// Whether the kernel reports the instruction set `flag` ("avx2", "avx512f").
bool CpuHas(const std::string& flag);

}  // namespace handforge
