#include "tools/machine.h"

#include "tests/io/temporary_folder.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>

#include <gmock/gmock.h>
#include <sched.h>

namespace handforge {
namespace {

void Write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file) << text << "\n";
}

TEST(CgroupThreads, VersionTwoRoundsUp) {
  const TemporaryFolder folder;
  Write(folder / "cpu.max", "150000 100000");
  EXPECT_EQ(CgroupThreads(folder.path()), 2);
  Write(folder / "cpu.max", "400000 100000");
  EXPECT_EQ(CgroupThreads(folder.path()), 4);
  Write(folder / "cpu.max", "max 100000");
  EXPECT_EQ(CgroupThreads(folder.path()), 0);
}

TEST(CgroupThreads, VersionOne) {
  const TemporaryFolder folder;
  Write(folder / "cpu.cfs_quota_us", "50000");
  Write(folder / "cpu.cfs_period_us", "100000");
  EXPECT_EQ(CgroupThreads(folder.path()), 1);
  Write(folder / "cpu.cfs_quota_us", "-1");
  EXPECT_EQ(CgroupThreads(folder.path()), 0);
}

TEST(CgroupThreads, NoFilesMeansNoLimit) {
  const TemporaryFolder folder;
  EXPECT_EQ(CgroupThreads(folder.path()), 0);
  Write(folder / "cpu.max", "");
  EXPECT_EQ(CgroupThreads(folder.path()), 0);
}

TEST(CgroupMemory, FileCacheIsFree) {
  const TemporaryFolder folder;
  Write(folder / "memory.max", "4000000000");
  Write(folder / "memory.current", "3900000000");
  Write(folder / "memory.stat", "anon 900000000\nactive_file 1000000000\ninactive_file 2000000000");
  EXPECT_EQ(CgroupMemoryBytes(folder.path()), 3'100'000'000u);
}

TEST(CgroupMemory, VersionOneAndNoLimit) {
  const TemporaryFolder folder;
  EXPECT_EQ(CgroupMemoryBytes(folder.path()), std::numeric_limits<uint64_t>::max());
  Write(folder / "memory.limit_in_bytes", "1000");
  Write(folder / "memory.usage_in_bytes", "800");
  Write(folder / "memory.stat", "inactive_file 10\ntotal_inactive_file 100\ntotal_active_file 50");
  EXPECT_EQ(CgroupMemoryBytes(folder.path()), 350u);
  Write(folder / "memory.max", "max");
  Write(folder / "memory.current", "800");
  std::filesystem::remove(folder / "memory.limit_in_bytes");
  EXPECT_EQ(CgroupMemoryBytes(folder.path()), std::numeric_limits<uint64_t>::max());
}

// Slurm puts each job into a group of its own, below one of the node's.
TEST(CgroupFolders, AreThoseOfTheProcessAndAllAbove) {
  const TemporaryFolder folder;
  Write(folder / "two", "0::/slurm/job_7");
  EXPECT_THAT(CgroupFolders("memory", folder / "two", "/mount"),
              testing::ElementsAre("/mount/slurm/job_7", "/mount/slurm", "/mount"));
  Write(folder / "one", "9:name=systemd:/\n4:memory:/job_7\n3:cpu,cpuacct:/half\n0::/");
  EXPECT_THAT(CgroupFolders("memory", folder / "one", "/mount"),
              testing::ElementsAre("/mount/memory/job_7", "/mount/memory", "/mount"));
  EXPECT_THAT(CgroupFolders("cpu", folder / "one", "/mount"),
              testing::ElementsAre("/mount/cpu/half", "/mount/cpu", "/mount"));
  EXPECT_THAT(CgroupFolders("cpu", folder / "none", "/mount"), testing::IsEmpty());
}

TEST(DefaultThreads, SchedulerDecides) {
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
  setenv("SLURM_CPUS_PER_TASK", "1", 1);
  EXPECT_EQ(DefaultThreads(), 1);
  // A step may be bound to fewer processors than the job asked for.
  setenv("SLURM_CPUS_PER_TASK", "7", 1);
  EXPECT_EQ(DefaultThreads(), std::min(7, CPU_COUNT(&set)));
  setenv("SLURM_CPUS_PER_TASK", "nonsense", 1);
  EXPECT_GE(DefaultThreads(), 1);
  unsetenv("SLURM_CPUS_PER_TASK");
  EXPECT_GE(DefaultThreads(), 1);
}

TEST(Machine, SaysWhatItIs) {
  EXPECT_GT(AvailableMemoryBytes(), 0u);
  EXPECT_FALSE(CpuModel().empty());
  EXPECT_FALSE(CpuHas("no_such_instruction"));
}

}  // namespace
}  // namespace handforge
