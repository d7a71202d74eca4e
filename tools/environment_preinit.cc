// Sets defaults of environment variables that shared libraries read while they are initialised; see
// tools/environment.h. The function below runs from .preinit_array: after the libraries are mapped
// and before their constructors, which take most of the time a start takes. The C library takes
// over the environment later still, so the only way to change it is to start the program anew,
// here. Where a platform lacks the section the variables stay unset, which `handforge doctor`
// reports.
#include <climits>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include <unistd.h>

// Sanitizers start in .preinit_array themselves, and must come first.
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace {

constexpr char kWaitPolicy[] = "OMP_WAIT_POLICY=PASSIVE";

// "NAME=value", or null where OpenBLAS's own choice shall stand.
const char* CoreType() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  if (avx512) return "OPENBLAS_CORETYPE=SkylakeX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return "OPENBLAS_CORETYPE=Haswell";
  }
#endif
  return nullptr;
}

bool IsSet(char** environment, const char* setting) {
  const size_t name_and_sign = static_cast<size_t>(std::strchr(setting, '=') - setting) + 1;
  for (; *environment != nullptr; ++environment) {
    if (std::strncmp(*environment, setting, name_and_sign) == 0) return true;
  }
  return false;
}

void RestartWithDefaults(int, char** argv, char** environment) {
  const char* missing[2];
  size_t num_missing = 0;
  for (const char* setting : {static_cast<const char*>(kWaitPolicy), CoreType()}) {
    if (setting != nullptr && !IsSet(environment, setting)) missing[num_missing++] = setting;
  }
  if (num_missing == 0) return;

  size_t num_set = 0;
  while (environment[num_set] != nullptr) ++num_set;
  const size_t bytes = (num_set + num_missing + 1) * sizeof(char*);
  auto* const extended = static_cast<const char**>(std::malloc(bytes));
  if (extended == nullptr) return;
  std::memcpy(extended, environment, num_set * sizeof(char*));
  std::memcpy(extended + num_set, missing, num_missing * sizeof(char*));
  extended[num_set + num_missing] = nullptr;
  // By its own path, so that lists of processes show its name.
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (length > 0) {
    path[length] = '\0';
    execve(path, argv, const_cast<char**>(extended));
  }
  execve("/proc/self/exe", argv, const_cast<char**>(extended));
  std::free(extended);  // refused: go on without
}

__attribute__((section(".preinit_array"),
               used)) void (*const kRestart)(int, char**, char**) = RestartWithDefaults;

}  // namespace
#endif
