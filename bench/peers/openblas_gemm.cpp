// Speed of OpenBLAS's single-precision matrix products, one line each in GFLOP/s: the peer of ours. The arguments are names of
// kernels_bench.cpp, as gemm_nt/512x512x512 (m, n, k; n: as it is, t: transposed). openblas_gemm.sh builds and runs it.
#include <cblas.h>

#include <cstdio>
#include <cstdlib>
#include <new>

#include "bench/peers/seconds.h"

namespace {

// Values aligned as a tensor's.
float* make_values(int count) {
  float* values = static_cast<float*>(::operator new (sizeof(float) * size_t(count), std::align_val_t{64}));
  for (int i = 0; i < count; ++i) values[i] = float(i % 7 - 3);
  return values;
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    char a = 0, b = 0;
    int m = 0, n = 0, k = 0;
    if (std::sscanf(argv[i], "gemm_%c%c/%dx%dx%d", &a, &b, &m, &n, &k) != 5) {
      std::fprintf(stderr, "error: %s is no name of a matrix product as gemm_nt/512x512x512\n", argv[i]);
      return 2;
    }
    const bool ta = a == 't', tb = b == 't';
    float *x = make_values(m * k), *y = make_values(k * n), *z = make_values(m * n);  // kept until the end
    const double time = seconds([&] {
      cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, m, n, k, 1.0f, x, ta ? m : k,
                  y, tb ? k : n, 0.0f, z, n);
    });
    std::printf("%s %.1f\n", argv[i], 2e-9 * double(m) * n * k / time);
  }
}
