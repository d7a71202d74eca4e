#include "tools/doctor_checks.h"

#include "io/files.h"
#include "tests/io/temporary_folder.h"
#include "tools/environment.h"

#include <fstream>

#include <gmock/gmock.h>

namespace handforge {
namespace {

using ::testing::HasSubstr;

constexpr char kOpenBlasFile[] = "/usr/lib/x86_64-linux-gnu/openblas-openmp/libblas.so.3";
constexpr char kReferenceFile[] = "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0";

void Write(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

// A small asset folder with its list of hashes.
void MakeAssets(const std::filesystem::path& folder) {
  std::string list;
  for (const char* name : {"meshes/generic-hand-left.glb", "hdri/sky.exr", "hdri/sea.exr"}) {
    Write(folder / name, std::string("content of ") + name);
    list += Sha256OfFile(folder / name) + "  " + name + "\n";
  }
  Write(folder / "SHA256SUMS", list);
}

Check OnlyCheck(const std::vector<Check>& checks) {
  EXPECT_EQ(checks.size(), 1u);
  return checks.at(0);
}

TEST(CheckAssets, WholeFolderIsFine) {
  const TemporaryFolder folder;
  MakeAssets(folder.path());
  const Check check = OnlyCheck(CheckAssets(folder.path()));
  EXPECT_EQ(check.state, Check::State::kOk);
  EXPECT_THAT(check.value, HasSubstr("1 mesh, 2 light maps"));
}

TEST(CheckAssets, MissingAndDamagedFilesAreNamed) {
  const TemporaryFolder folder;
  MakeAssets(folder.path());
  Write(folder / "hdri/sky.exr", "damaged");
  Check check = OnlyCheck(CheckAssets(folder.path()));
  EXPECT_EQ(check.state, Check::State::kFault);
  EXPECT_THAT(check.value, HasSubstr("wrong hash of hdri/sky.exr"));
  EXPECT_THAT(check.mend, HasSubstr("tools/setup.sh"));

  std::filesystem::remove(folder / "meshes/generic-hand-left.glb");
  check = OnlyCheck(CheckAssets(folder.path()));
  EXPECT_EQ(check.state, Check::State::kFault);
  EXPECT_THAT(check.value, HasSubstr("missing meshes/generic-hand-left.glb"));
}

TEST(CheckAssets, EmptyFolderIsAFaultAndHandmadeOneAWarning) {
  const TemporaryFolder folder;
  EXPECT_EQ(OnlyCheck(CheckAssets(folder.path())).state, Check::State::kFault);
  Write(folder / "meshes/generic-hand-left.glb", "mesh");
  EXPECT_EQ(OnlyCheck(CheckAssets(folder.path())).state, Check::State::kWarning);
}

TEST(CheckBlas, TellsLibrariesByTheirPlace) {
  using Kind = BlasInfo::Kind;
  EXPECT_EQ(BlasKindOf(kOpenBlasFile), Kind::kOpenBlas);
  EXPECT_EQ(BlasKindOf("/usr/lib/x86_64-linux-gnu/libopenblasp-r0.3.21.so"), Kind::kOpenBlas);
  EXPECT_EQ(BlasKindOf(kReferenceFile), Kind::kReference);
  EXPECT_EQ(BlasKindOf("/opt/intel/mkl/lib/libmkl_rt.so.2"), Kind::kMkl);
  EXPECT_EQ(BlasKindOf("/usr/lib/x86_64-linux-gnu/blis-openmp/libblas.so.3"), Kind::kOther);
  EXPECT_EQ(BlasKindOf("/usr/lib/x86_64-linux-gnu/atlas/libblas.so.3"), Kind::kOther);
  EXPECT_EQ(BlasKindOf(""), Kind::kNone);
}

TEST(CheckBlas, ReferenceLibraryIsMendedByTheAlternative) {
  BlasInfo blas;
  blas.kind = BlasInfo::Kind::kReference;
  blas.file = kReferenceFile;
  const Check check = CheckBlas(blas);
  EXPECT_EQ(check.state, Check::State::kWarning);
  EXPECT_THAT(check.mend,
              HasSubstr("update-alternatives --set libblas.so.3-x86_64-linux-gnu "
                        "/usr/lib/x86_64-linux-gnu/openblas-openmp/libblas.so.3"));
}

TEST(CheckBlas, FlavourWithItsOwnThreadsIsAWarning) {
  BlasInfo blas;
  blas.kind = BlasInfo::Kind::kOpenBlas;
  blas.file = "/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3";
  blas.core = "Haswell";
  blas.threading = BlasInfo::Threading::kPthreads;
  EXPECT_EQ(CheckBlas(blas).state, Check::State::kWarning);
  blas.threading = BlasInfo::Threading::kOpenMp;
  blas.file = kOpenBlasFile;
  EXPECT_EQ(CheckBlas(blas).state, Check::State::kOk);
}

TEST(CheckBlas, LinkedLibraryIsFound) {
  const BlasInfo blas = LinkedBlas();
  EXPECT_NE(blas.kind, BlasInfo::Kind::kNone);
  EXPECT_TRUE(std::filesystem::exists(blas.file)) << blas.file;
}

TEST(BetterCoreType, OnlyWhereOpenBlasFellBack) {
  EXPECT_EQ(BetterCoreType("Prescott", true, true), "SkylakeX");
  EXPECT_EQ(BetterCoreType("Prescott", true, false), "Haswell");
  EXPECT_EQ(BetterCoreType("Prescott", false, false), "");
  EXPECT_EQ(BetterCoreType("Zen", true, true), "");
  EXPECT_EQ(BetterCoreType("", true, true), "");
}

TEST(CheckMatrixProduct, SlowOneIsAWarning) {
  EXPECT_EQ(CheckMatrixProduct(2).state, Check::State::kWarning);
  EXPECT_EQ(CheckMatrixProduct(60).state, Check::State::kOk);
}

TEST(CheckDisk, FolderThatIsNotThereYet) {
  const TemporaryFolder folder;
  const Check check = CheckDisk(folder / "not/yet/there");
  EXPECT_THAT(check.value, HasSubstr(folder.path().string()));
}

TEST(CheckDisk, UnwritableFolderIsAFault) {
  const Check check = CheckDisk("/proc/nowhere");
  EXPECT_EQ(check.state, Check::State::kFault);
}

TEST(CheckMemory, StatesByAmount) {
  EXPECT_EQ(CheckMemory(uint64_t{100} << 20).state, Check::State::kFault);
  EXPECT_EQ(CheckMemory(uint64_t{2} << 30).state, Check::State::kWarning);
  EXPECT_EQ(CheckMemory(uint64_t{8} << 30).state, Check::State::kOk);
}

}  // namespace
}  // namespace handforge
