#include "vae/torch_info.h"

#include <algorithm>
#include <chrono>

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/torch.h>
#include <torch/version.h>

namespace handforge {
namespace {

double MeasureMatmul() {
  constexpr int64_t kSize = 768;
  constexpr int kRepeats = 3;
  c10::InferenceMode inference;
  const torch::Tensor a = torch::ones({kSize, kSize});
  double best_seconds = 1e9;
  for (int i = 0; i < kRepeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const torch::Tensor product = at::mm(a, a);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    best_seconds = std::min(best_seconds, elapsed.count());
  }
  return 2e-9 * kSize * kSize * kSize / best_seconds;
}

// The rest of the line after `key`; "" where absent. (LibTorch has a function for it only
// since 2.0.)
std::string ValueAfter(const std::string& text, const std::string& key) {
  const size_t begin = text.find(key);
  if (begin == std::string::npos) return "";
  const size_t end = text.find('\n', begin);
  return text.substr(begin + key.size(), end - begin - key.size());
}

}  // namespace

TorchInfo GetTorchInfo() {
  TorchInfo info;
  info.version = TORCH_VERSION;
  info.parallel = at::get_parallel_info();
  info.build = at::show_config();
  info.cpu_capability = ValueAfter(info.build, "CPU capability usage: ");
  info.intra_op_threads = at::get_num_threads();
  info.mkldnn = at::hasMKLDNN();
  info.openmp = at::hasOpenMP();
  info.cuda = torch::cuda::is_available();
  if (at::get_num_threads() != 1) at::set_num_threads(1);
  info.matmul_gflops = MeasureMatmul();
  at::set_num_threads(info.intra_op_threads);
  return info;
}

}  // namespace handforge
