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
  std::filesystem::create_directory(folder / "memory");
  Write(folder / "memory/memory.limit_in_bytes", "1000");
  Write(folder / "memory/memory.usage_in_bytes", "800");
  Write(folder / "memory/memory.stat",
        "inactive_file 10\ntotal_inactive_file 100\ntotal_active_file 50");
  EXPECT_EQ(CgroupMemoryBytes(folder.path()), 350u);
  Write(folder / "memory.max", "max");
  Write(folder / "memory.current", "800");
  std::filesystem::remove_all(folder / "memory");
  EXPECT_EQ(CgroupMemoryBytes(folder.path()), std::numeric_limits<uint64_t>::max());
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
