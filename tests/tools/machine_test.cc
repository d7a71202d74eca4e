#include "tools/machine.h"

#include "tests/io/temporary_folder.h"

#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>

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

TEST(DefaultThreads, SchedulerDecides) {
  setenv("SLURM_CPUS_PER_TASK", "7", 1);
  EXPECT_EQ(DefaultThreads(), 7);
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
