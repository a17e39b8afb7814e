// Speed of OpenBLAS's single-precision matrix products, one line each in GFLOP/s: the peer of ours. The arguments are names of
// kernels_bench.cpp, as gemm_nt/512x512x512 (m, n, k; n: as it is, t: transposed). openblas_gemm.sh builds and runs it.
#include <cblas.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

namespace {

// Values aligned as a tensor's.
float* make_values(int count) {
  float* values = static_cast<float*>(::operator new (sizeof(float) * size_t(count), std::align_val_t{64}));
  for (int i = 0; i < count; ++i) values[i] = float(i % 7 - 3);
  return values;
}

// The median over 9 slots of at least 20 ms each.
template <class Run>
double seconds(const Run& run) {
  using Clock = std::chrono::steady_clock;
  run();
  std::vector<double> slots;
  for (int slot = 0; slot < 9; ++slot) {
    const auto begin = Clock::now();
    double elapsed = 0;
    int runs = 0;
    for (; elapsed < 0.02; ++runs) run(), elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
    slots.push_back(elapsed / runs);
  }
  std::nth_element(slots.begin(), slots.begin() + 4, slots.end());
  return slots[4];
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
