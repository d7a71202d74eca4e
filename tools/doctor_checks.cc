#include "tools/doctor_checks.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/hdf5_info.h"
#include "tools/environment.h"
#include "tools/machine.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <system_error>

#include <opencv2/core.hpp>
#include <opencv2/core/utility.hpp>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#if HANDFORGE_WITH_RENDER
#include "render/render_info.h"

#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/version.h>
#endif

namespace handforge {
namespace {

constexpr uint64_t kMegabyte = 1000 * 1000;
constexpr uint64_t kGigabyte = 1000 * kMegabyte;
constexpr uint64_t kScarceDisk = 5 * kGigabyte;  // a dataset of 10,000 tuples takes about 2 GB
constexpr uint64_t kNoDisk = 200 * kMegabyte;
constexpr uint64_t kScarceMemory = 3 * kGigabyte;  // quick training takes about 2 GB
constexpr uint64_t kNoMemory = 700 * kMegabyte;
constexpr double kSlowGflops = 10;  // the reference BLAS reaches 2, OpenBLAS 30 and more
constexpr char kHandMesh[] = "meshes/generic-hand-left.glb";
constexpr char kFetchAssets[] = "tools/setup.sh --assets-only";

Check Ok(const std::string& name, const std::string& value) {
  return {name, value, Check::State::kOk, ""};
}

Check Warning(const std::string& name, const std::string& value, const std::string& mend) {
  return {name, value, Check::State::kWarning, mend};
}

Check Fault(const std::string& name, const std::string& value, const std::string& mend) {
  return {name, value, Check::State::kFault, mend};
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string Amount(uint64_t bytes) {
  if (bytes >= 10 * kGigabyte) return fmt::format("{} GB", bytes / kGigabyte);
  if (bytes >= kGigabyte) return fmt::format("{:.1f} GB", static_cast<double>(bytes) / kGigabyte);
  return fmt::format("{} MB", bytes / kMegabyte);
}

std::string Compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

Check HandforgeCheck() {
  const std::string value =
      fmt::format("{} ({} build, {})", HANDFORGE_VERSION, HANDFORGE_BUILD_TYPE, Compiler());
#if defined(__OPTIMIZE__)
  return Ok("handforge", value);
#else
  return Warning("handforge", value, "built without optimisation: cmake --preset release");
#endif
}

Check TorchCheck(const TorchInfo& torch) {
  const std::string value = fmt::format("{}, {} kernels, {}, {}",
                                        torch.version,
                                        torch.cpu_capability,
                                        torch.mkldnn ? "oneDNN" : "no oneDNN",
                                        torch.cuda ? "CUDA device" : "no CUDA device");
  if (!torch.mkldnn) {
    return Warning("LibTorch", value + ": convolutions are slow", "use a LibTorch with oneDNN");
  }
  return Ok("LibTorch", value);
}

// The line of OpenCV's build report that begins with `key`, without the key.
std::string OpenCvFeature(const std::string& key) {
  const std::string& report = cv::getBuildInformation();
  const size_t at = report.find(key + ":");
  if (at == std::string::npos) return "";
  const size_t begin = report.find_first_not_of(' ', at + key.size() + 1);
  return report.substr(begin, report.find('\n', begin) - begin);
}

Check OpenCvCheck() {
  const std::string openexr = OpenCvFeature("OpenEXR");
  const std::string version = cv::getVersionString();
  if (openexr.empty() || openexr.compare(0, 2, "NO") == 0) {
    return Fault("OpenCV",
                 version + ", built without OpenEXR: the light maps cannot be read",
                 "install Debian's libopencv-dev, or build OpenCV with WITH_OPENEXR=ON");
  }
  return Ok("OpenCV", version + ", OpenEXR " + openexr);
}

#if HANDFORGE_WITH_RENDER
std::vector<Check> RenderChecks() {
  const std::string embree = EmbreeVersion();
  return {embree.empty() ? Fault("Embree",
                                 "makes no device on this processor",
                                 "Embree needs SSE2 or NEON: use another machine")
                         : Ok("Embree", embree),
          Ok("Assimp", AssimpVersion()),
          Ok("TBB", TBB_runtime_version())};
}

int TbbThreads() { return oneapi::tbb::this_task_arena::max_concurrency(); }
#endif

std::string ThreadingName(BlasInfo::Threading threading) {
  switch (threading) {
    case BlasInfo::Threading::kPthreads:
      return "threads of its own";
    case BlasInfo::Threading::kOpenMp:
      return "OpenMP threads";
    case BlasInfo::Threading::kNone:
      break;
  }
  return "one thread";
}

std::string UseOpenBlas(const std::string& file) {
  const std::string folder = std::filesystem::path(file).parent_path().parent_path().string();
  const std::string triplet = std::filesystem::path(folder).filename().string();
  return fmt::format(
      "sudo apt-get install libopenblas0-openmp && sudo update-alternatives --set "
      "libblas.so.3-{1} {0}/openblas-openmp/libblas.so.3 && sudo update-alternatives --set "
      "liblapack.so.3-{1} {0}/openblas-openmp/liblapack.so.3",
      folder,
      triplet);
}

Check WaitPolicyCheck() {
  const std::string policy = Environment("OMP_WAIT_POLICY");
  const bool passive = policy == "PASSIVE" || policy == "passive";
  if (passive) return Ok("OMP_WAIT_POLICY", policy);
  return Warning("OMP_WAIT_POLICY",
                 policy.empty() ? "not set: idle OpenMP threads spin" : policy,
                 "export OMP_WAIT_POLICY=PASSIVE where other programs share the processors");
}

// Threads that linear algebra starts by itself inside each worker of the pipeline.
Check BlasThreadsCheck(const BlasInfo& blas) {
  const std::string set = Environment("OPENBLAS_NUM_THREADS");
  const std::string value = fmt::format(
      "{} ({})", blas.threads, set.empty() ? "OPENBLAS_NUM_THREADS not set" : "as set: " + set);
  if (blas.threading == BlasInfo::Threading::kPthreads && blas.threads > 1) {
    return Warning("OpenBLAS threads", value, "export OPENBLAS_NUM_THREADS=1");
  }
  return Ok("OpenBLAS threads", value);
}

struct AssetFaults {
  std::vector<std::string> missing;
  std::vector<std::string> damaged;
  size_t meshes = 0;  // whole ones
  size_t lights = 0;
};

AssetFaults CompareWithList(const std::filesystem::path& folder, std::istream& list) {
  AssetFaults found;
  for (std::string hash, file; list >> hash >> file;) {
    if (!std::filesystem::exists(folder / file)) {
      found.missing.push_back(file);
    } else if (Sha256OfFile(folder / file) != hash) {
      found.damaged.push_back(file);
    } else {
      const std::string extension = std::filesystem::path(file).extension().string();
      found.meshes += extension == ".glb" ? 1 : 0;
      found.lights += extension == ".exr" ? 1 : 0;
    }
  }
  return found;
}

// Where there is no list of hashes: files that somebody put there by hand.
std::vector<Check> CheckUnlistedAssets(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder / kHandMesh)) {
    return {Fault("assets", "none in " + folder.string(), kFetchAssets)};
  }
  return {Warning(
      "assets", folder.string() + ": no SHA256SUMS, so the files cannot be checked", kFetchAssets)};
}

std::string JoinFirst(const std::vector<std::string>& names) {
  constexpr size_t kShown = 3;
  std::string text;
  for (size_t i = 0; i < std::min(kShown, names.size()); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > kShown) text += fmt::format(" and {} more", names.size() - kShown);
  return text;
}

std::filesystem::path NearestExisting(const std::filesystem::path& folder) {
  std::filesystem::path path = std::filesystem::absolute(folder).lexically_normal();
  std::error_code error;
  while (!std::filesystem::exists(path, error) && path.has_relative_path()) {
    path = path.parent_path();
  }
  return path;
}

}  // namespace

const char* StateName(Check::State state) {
  switch (state) {
    case Check::State::kOk:
      return "ok";
    case Check::State::kWarning:
      return "warning";
    case Check::State::kFault:
      break;
  }
  return "fault";
}

std::vector<Check> CheckVersions(const TorchInfo& torch) {
  std::vector<Check> checks = {
      HandforgeCheck(), TorchCheck(torch), OpenCvCheck(), Ok("HDF5", Hdf5Version())};
#if HANDFORGE_WITH_RENDER
  for (Check& check : RenderChecks()) checks.push_back(std::move(check));
#else
  checks.push_back(Ok("render", "not in this build (HANDFORGE_WITH_RENDER=OFF)"));
#endif
  return checks;
}

Check CheckMatrixProduct(double gflops) {
  const std::string value = fmt::format("{:.0f} GFLOP/s on one thread", gflops);
  if (gflops >= kSlowGflops) return Ok("matrix product", value);
  return Warning("matrix product",
                 value + ": training and synthesis will be slow",
                 "see BLAS; or the processor is busy with other programs");
}

Check CheckBlas(const BlasInfo& blas) {
  switch (blas.kind) {
    case BlasInfo::Kind::kReference:
      return Warning("BLAS",
                     blas.file + ": the reference library, ten times slower than OpenBLAS",
                     UseOpenBlas(blas.file));
    case BlasInfo::Kind::kNone:
      return Warning("BLAS", "none is loaded", "install libopenblas0-openmp and build again");
    case BlasInfo::Kind::kOther:
      return Warning("BLAS", blas.file + ": not one that handforge knows", UseOpenBlas(blas.file));
    case BlasInfo::Kind::kMkl:
      return Ok("BLAS", "MKL, " + blas.file);
    case BlasInfo::Kind::kOpenBlas:
      break;
  }
  const std::string value = fmt::format("{}, {}, {}",
                                        blas.config.empty() ? "OpenBLAS" : blas.config,
                                        ThreadingName(blas.threading),
                                        blas.file);
  if (blas.threading == BlasInfo::Threading::kPthreads) {
    return Warning(
        "BLAS", value + ": competes with handforge's own threads", UseOpenBlas(blas.file));
  }
  if (const std::string core = BetterCoreType(blas.core); !core.empty()) {
    return Warning("BLAS",
                   value + ": takes this processor for an old one, five times slower than need be",
                   "export OPENBLAS_CORETYPE=" + core);
  }
  return Ok("BLAS", value);
}

std::vector<Check> CheckThreads(int threads, const TorchInfo& torch) {
  std::vector<Check> checks;
  checks.push_back(Ok("threads", fmt::format("{} for handforge's commands", threads)));
#if HANDFORGE_WITH_RENDER
  checks.push_back(Ok("TBB threads", std::to_string(TbbThreads())));
#endif
  checks.push_back(
      Ok("LibTorch threads",
         fmt::format("{}{}", torch.intra_op_threads, torch.openmp ? " (OpenMP)" : "")));
  checks.push_back(Ok("OpenCV threads", std::to_string(cv::getNumThreads())));
  const BlasInfo blas = LinkedBlas();
  if (blas.kind == BlasInfo::Kind::kOpenBlas) checks.push_back(BlasThreadsCheck(blas));
  checks.push_back(WaitPolicyCheck());
  return checks;
}

Check CheckInstructionSet() {
  std::string sets;
  for (const char* flag : {"avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16"}) {
    if (CpuHas(flag)) sets += std::string(sets.empty() ? "" : " ") + flag;
  }
  return Ok("processor", CpuModel() + (sets.empty() ? "" : ": " + sets));
}

std::vector<Check> CheckAssets(const std::filesystem::path& folder) {
  std::ifstream list(folder / "SHA256SUMS");
  if (!list) return CheckUnlistedAssets(folder);
  const AssetFaults found = CompareWithList(folder, list);
  if (!found.missing.empty()) {
    return {
        Fault("assets", folder.string() + ": missing " + JoinFirst(found.missing), kFetchAssets)};
  }
  if (!found.damaged.empty()) {
    return {Fault(
        "assets", folder.string() + ": wrong hash of " + JoinFirst(found.damaged), kFetchAssets)};
  }
  return {Ok("assets",
             fmt::format("{}: {} mesh, {} light maps, all hashes right",
                         folder.string(),
                         found.meshes,
                         found.lights))};
}

Check CheckDisk(const std::filesystem::path& folder) {
  const std::filesystem::path place = NearestExisting(folder);
  if (access(place.c_str(), W_OK) != 0) {
    return Fault(
        "disk",
        fmt::format(
            "{} cannot be written to ({})", place.string(), std::generic_category().message(errno)),
        "run in another folder, or give --out");
  }
  const uint64_t free = FreeBytes(place);
  const std::string value = fmt::format("{} free at {}", Amount(free), place.string());
  const std::string mend = "free some space, or give --out on another disk";
  if (free < kNoDisk) return Fault("disk", value, mend);
  if (free < kScarceDisk) return Warning("disk", value, mend);
  return Ok("disk", value);
}

Check CheckMemory(uint64_t available_bytes) {
  const std::string value = Amount(available_bytes) + " available";
  const std::string mend = "end other programs, or use fewer --threads";
  if (available_bytes < kNoMemory) return Fault("memory", value, mend);
  if (available_bytes < kScarceMemory) return Warning("memory", value, mend);
  return Ok("memory", value);
}

}  // namespace handforge
