#pragma once

#include <string>

namespace handforge {

// What LibTorch says about itself, for `handforge doctor`. Includes no LibTorch header.
struct TorchInfo {
  std::string version;         // "1.13.1"
  std::string cpu_capability;  // "AVX2", "AVX512", "DEFAULT": what its kernels use
  std::string parallel;        // at::get_parallel_info(), several lines
  std::string build;           // at::show_config(), several lines
  int intra_op_threads = 0;
  bool mkldnn = false;  // oneDNN convolutions
  bool openmp = false;
  bool cuda = false;  // a CUDA device is there
  // Measured: GFLOP/s of one 768^3 single-precision matrix product on one thread. Reference BLAS
  // reaches about 2, OpenBLAS 30 and more.
  double matmul_gflops = 0;
};

TorchInfo GetTorchInfo();

}  // namespace handforge
