#include "tools/blas_info.h"

#include <filesystem>

#include <dlfcn.h>

namespace handforge {
namespace {

// A function of a library that may or may not be loaded.
template <typename Function>
Function Find(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

std::string FileThatDefines(void* symbol) {
  Dl_info info{};
  if (symbol == nullptr || dladdr(symbol, &info) == 0 || info.dli_fname == nullptr) return "";
  std::error_code error;
  const auto real = std::filesystem::canonical(info.dli_fname, error);
  return error ? info.dli_fname : real.string();
}

BlasInfo::Threading ToThreading(int parallel) {
  switch (parallel) {
    case 1:
      return BlasInfo::Threading::kPthreads;
    case 2:
      return BlasInfo::Threading::kOpenMp;
    default:
      return BlasInfo::Threading::kNone;
  }
}

}  // namespace

BlasInfo::Kind BlasKindOf(const std::string& file) {
  const auto holds = [&file](const char* part) { return file.find(part) != std::string::npos; };
  if (file.empty()) return BlasInfo::Kind::kNone;
  if (holds("openblas")) return BlasInfo::Kind::kOpenBlas;
  if (holds("mkl")) return BlasInfo::Kind::kMkl;
  if (holds("atlas") || holds("blis")) return BlasInfo::Kind::kOther;
  return holds("/libblas.so") || holds("/libcblas.so") ? BlasInfo::Kind::kReference
                                                       : BlasInfo::Kind::kOther;
}

BlasInfo LinkedBlas() {
  BlasInfo info;
  info.file = FileThatDefines(dlsym(RTLD_DEFAULT, "sgemm_"));
  info.kind = BlasKindOf(info.file);
  if (info.kind != BlasInfo::Kind::kOpenBlas) return info;
  if (const auto config = Find<char* (*)()>("openblas_get_config")) info.config = config();
  if (const auto core = Find<char* (*)()>("openblas_get_corename")) info.core = core();
  if (const auto parallel = Find<int (*)()>("openblas_get_parallel")) {
    info.threading = ToThreading(parallel());
  }
  if (const auto threads = Find<int (*)()>("openblas_get_num_threads")) info.threads = threads();
  return info;
}

}  // namespace handforge
