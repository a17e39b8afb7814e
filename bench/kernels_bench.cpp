// Speed of the convolution and matrix product kernels on real layers, in FLOP/s, beside the machine's ceilings measured in the
// same run: multiply-adds per vector width, and copies within each level of memory. Every kernel is checked against its naive definition on a small batch before it is timed.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "core/kernels/conv2d.h"
#include "core/kernels/depthwise.h"
#include "core/kernels/gemm.h"
#include "core/kernels/ref.h"
#include "core/kernels/simd.h"
#include "core/parallel.h"
#include "core/rng.h"

namespace bitloom {
namespace {

using kernel::kLanes;
using kernel::Vec;

constexpr int64_t kBatch = 128, kVerifyBatch = 2;

// Memory aligned as a tensor's: vectors that straddle cache lines cost a depthwise kernel half its speed.
template <class T>
struct Aligned {
  using value_type = T;
  Aligned() = default;
  template <class U>
  Aligned(const Aligned<U>&) {}
  T* allocate(size_t n) { return static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{64})); }
  void deallocate(T* p, size_t) { ::operator delete (p, std::align_val_t{64}); }
  bool operator==(const Aligned&) const { return true; }
  bool operator!=(const Aligned&) const { return false; }
};
using Floats = std::vector<float, Aligned<float>>;

Floats random_values(int64_t n, uint64_t key) {
  Rng rng(key);
  Floats values(static_cast<size_t>(n));
  for (float& v : values) v = float(rng.normal());
  return values;
}

struct Layer {
  std::string name;
  bool depthwise;
  Conv2dShape shape;  // for a batch of one
};

// TensorFlow's 'same' padding: as many outputs as strides fit, the odd zero at the end.
Layer same_padded(const std::string& name, bool depthwise, int64_t h, int64_t w, int64_t c, int64_t oc, int64_t k,
                  int64_t stride) {
  Conv2dShape s;
  s.n = 1, s.h = h, s.w = w, s.c = c, s.oc = oc, s.kh = s.kw = k, s.sh = s.sw = stride;
  const int64_t rows = std::max<int64_t>(0, (h - 1) / stride * stride + k - h),
                columns = std::max<int64_t>(0, (w - 1) / stride * stride + k - w);
  s.pt = rows / 2, s.pb = rows - s.pt, s.pl = columns / 2, s.pr = columns - s.pl;
  return {name, depthwise, s};
}

// One kernel as a map from two inputs to an output, fast and naive alike.
struct Kernel {
  std::string name;
  Floats a, b, out;
  void (*fast)(const Layer&, const Conv2dShape&, const float*, const float*, float*);
  void (*naive)(const Layer&, const Conv2dShape&, const double*, const double*, double*);
};

struct Sizes {
  explicit Sizes(const Layer& layer, int64_t batch) : s(layer.shape) {
    s.n = batch;
    x = s.n * s.h * s.w * s.c, w = s.oc * s.kh * s.kw * (layer.depthwise ? 1 : s.c), y = s.n * s.oh() * s.ow() * s.oc;
  }
  Conv2dShape s;
  int64_t x, w, y;
};

Kernel make_kernel(const Layer& layer, const std::string& name) {
  const Sizes sizes(layer, kBatch);
  if (name == "forward") {
    return {name,
            random_values(sizes.x, 1),
            random_values(sizes.w, 2),
            Floats(size_t(sizes.y)),
            [](const Layer& l, const Conv2dShape& s, const float* x, const float* w, float* y) {
              (l.depthwise ? depthwise_forward : conv2d_forward)(x, w, nullptr, y, s);
            },
            [](const Layer& l, const Conv2dShape& s, const double* x, const double* w, double* y) {
              (l.depthwise ? ref::depthwise_forward<double> : ref::conv2d_forward<double>)(x, w, nullptr, y, s);
            }};
  }
  if (name == "input_grad") {
    return {name,
            random_values(sizes.y, 1),
            random_values(sizes.w, 2),
            Floats(size_t(sizes.x)),
            [](const Layer& l, const Conv2dShape& s, const float* dy, const float* w, float* dx) {
              (l.depthwise ? depthwise_input_grad : conv2d_input_grad)(dy, w, dx, s);
            },
            [](const Layer& l, const Conv2dShape& s, const double* dy, const double* w, double* dx) {
              (l.depthwise ? ref::depthwise_input_grad<double> : ref::conv2d_input_grad<double>)(dy, w, dx, s);
            }};
  }
  return {name,
          random_values(sizes.x, 1),
          random_values(sizes.y, 2),
          Floats(size_t(sizes.w)),
          [](const Layer& l, const Conv2dShape& s, const float* x, const float* dy, float* dw) {
            (l.depthwise ? depthwise_weight_grad : conv2d_weight_grad)(x, dy, dw, s);
          },
          [](const Layer& l, const Conv2dShape& s, const double* x, const double* dy, double* dw) {
            (l.depthwise ? ref::depthwise_weight_grad<double> : ref::conv2d_weight_grad<double>)(x, dy, dw, s);
          }};
}

// Whether the kernel agrees with its definition on a batch of kVerifyBatch.
bool verified(const Layer& layer, Kernel& kernel) {
  const Sizes sizes(layer, kVerifyBatch);
  const std::vector<double> a(kernel.a.begin(), kernel.a.end()), b(kernel.b.begin(), kernel.b.end());
  std::vector<double> expected(kernel.out.size());
  kernel.naive(layer, sizes.s, a.data(), b.data(), expected.data());
  kernel.fast(layer, sizes.s, kernel.a.data(), kernel.b.data(), kernel.out.data());
  const int64_t count = kernel.name == "forward" ? sizes.y : kernel.name == "input_grad" ? sizes.x : sizes.w;
  double difference = 0, largest = 0;
  for (size_t i = 0; i < size_t(count); ++i) {
    difference = std::max(difference, std::abs(expected[i] - kernel.out[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return difference <= 1e-5 * largest;
}

void time_kernel(benchmark::State& state, const Layer& layer, const std::string& name) {
  Kernel kernel = make_kernel(layer, name);
  if (!verified(layer, kernel)) return state.SkipWithError("the result differs from ref.h");
  const Conv2dShape s = Sizes(layer, kBatch).s;
  for (auto _ : state) kernel.fast(layer, s, kernel.a.data(), kernel.b.data(), kernel.out.data());
  const double flops = 2.0 * double(s.macs()) / double(layer.depthwise ? s.c : 1);
  state.counters["FLOP"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

// A matrix product of gemm.h: nt as in a layer forward, nn as in its input gradient, tn as in its weight gradient.
struct Product {
  std::string name;
  void (*run)(const float*, const float*, float*, int64_t, int64_t, int64_t);
  bool a_transposed, b_transposed;
};

const Product kProducts[] = {
    {"nt",
     [](const float* a, const float* b, float* c, int64_t m, int64_t n, int64_t k) { gemm_nt(a, b, nullptr, c, m, n, k); },
     false, true},
    {"nn", gemm_nn, false, false},
    {"tn", gemm_tn, true, false},
};

void time_product(benchmark::State& state, const Product& product, int64_t m, int64_t n, int64_t k) {
  const Floats a = random_values(m * k, 1), b = random_values(k * n, 2);
  Floats c(size_t(m * n));
  product.run(a.data(), b.data(), c.data(), m, n, k);
  for (int64_t i = 0; i < 100; ++i) {  // samples suffice: kernels_test.cpp compares whole products
    const int64_t row = i * 7919 % m, column = i * 104729 % n;
    double sum = 0;
    for (int64_t j = 0; j < k; ++j) {
      sum += double(a[size_t(product.a_transposed ? j * m + row : row * k + j)]) *
             double(b[size_t(product.b_transposed ? column * k + j : j * n + column)]);
    }
    if (std::abs(sum - double(c[size_t(row * n + column)])) > 1e-4 * std::sqrt(double(k))) {
      return state.SkipWithError("the result differs from its definition");
    }
  }
  for (auto _ : state) product.run(a.data(), b.data(), c.data(), m, n, k);
  state.counters["FLOP"] = benchmark::Counter(2.0 * double(m * n * k), benchmark::Counter::kIsIterationInvariantRate);
}

// Independent multiply-adds on registers only, on every thread.
using HalfVec = float __attribute__((vector_size(sizeof(Vec) / 2)));

template <class Register>
void peak_fma(benchmark::State& state) {
  constexpr int kChains = 12, kWidth = sizeof(Register) / sizeof(float);
  constexpr int64_t kSteps = 1 << 18;
  const int64_t threads = omp_get_max_threads();
  std::vector<float> results(static_cast<size_t>(threads));
  for (auto _ : state) {
    parallel_for(threads, [&](int64_t t) {
      Register chain[kChains];
      for (int i = 0; i < kChains; ++i) chain[i] = Register{} + float(i);
      const Register factor = Register{} + 0.999f, term = Register{} + float(t + 1);
      for (int64_t step = 0; step < kSteps; ++step) {
#pragma GCC unroll 12
        for (int i = 0; i < kChains; ++i) chain[i] = chain[i] * factor + term;
      }
      Register sum = {};
      for (const Register& v : chain) sum += v;
      results[size_t(t)] = sum[0];
    });
    benchmark::DoNotOptimize(results.data());
  }
  state.counters["FLOP"] =
      benchmark::Counter(2.0 * kChains * kWidth * double(kSteps * threads), benchmark::Counter::kIsIterationInvariantRate);
}

// Every thread copies `bytes` to as many others, over and over: bytes read and written per second.
void copy_bandwidth(benchmark::State& state, int64_t bytes) {
  const int64_t threads = omp_get_max_threads(), floats = bytes / int64_t(sizeof(float)),
                repeats = std::max<int64_t>(1, (1 << 24) / bytes);
  std::vector<Floats> from(size_t(threads), Floats(size_t(floats), 1.0f)), to = from;
  for (auto _ : state) {
    parallel_for(threads, [&](int64_t t) {
      const float* a = from[size_t(t)].data();
      float* b = to[size_t(t)].data();
      for (int64_t r = 0; r < repeats; ++r) {
        for (int64_t i = 0; i + kLanes <= floats; i += kLanes) kernel::store(b + i, kernel::load(a + i));
        benchmark::ClobberMemory();
      }
    });
  }
  state.counters["bytes"] = benchmark::Counter(2.0 * double(bytes * repeats * threads),
                                               benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1024);
}

void register_all() {
  const auto real_time = [](benchmark::internal::Benchmark* b) { b->UseRealTime()->Unit(benchmark::kMillisecond); };
  real_time(benchmark::RegisterBenchmark("peak/fma", peak_fma<Vec>));
  real_time(benchmark::RegisterBenchmark("peak/fma_half_width", peak_fma<HalfVec>));
  for (const auto& [name, bytes] :
       {std::pair{"copy/l1", 12 << 10}, {"copy/l2", 192 << 10}, {"copy/l3", 4 << 20}, {"copy/dram", 128 << 20}}) {
    const auto run = [size = int64_t(bytes)](benchmark::State& state) { copy_bandwidth(state, size); };
    real_time(benchmark::RegisterBenchmark(name, run));
  }
  const Layer layers[] = {
      same_padded("resnet8/conv0", false, 32, 32, 3, 16, 3, 1),  same_padded("resnet8/conv1", false, 32, 32, 16, 16, 3, 1),
      same_padded("resnet8/conv3", false, 32, 32, 16, 32, 3, 2), same_padded("resnet8/conv4", false, 16, 16, 32, 32, 3, 1),
      same_padded("resnet8/conv5", false, 32, 32, 16, 32, 1, 2), same_padded("resnet8/conv6", false, 16, 16, 32, 64, 3, 2),
      same_padded("resnet8/conv7", false, 8, 8, 64, 64, 3, 1),   same_padded("resnet8/conv8", false, 16, 16, 32, 64, 1, 2),
      same_padded("ds_cnn/conv1", true, 25, 5, 64, 64, 3, 1),    same_padded("ds_cnn/conv2", false, 25, 5, 64, 64, 1, 1),
      same_padded("mobilenet/dw8", true, 48, 48, 8, 8, 3, 1),    same_padded("mobilenet/dw16", true, 48, 48, 16, 16, 3, 2),
      same_padded("mobilenet/dw64", true, 12, 12, 64, 64, 3, 1), same_padded("mobilenet/dw64_2", true, 12, 12, 64, 64, 3, 2),
      same_padded("mobilenet/pw8", false, 48, 48, 8, 16, 1, 1),  same_padded("mobilenet/pw128", false, 6, 6, 128, 128, 1, 1),
  };
  for (const Layer& layer : layers) {
    for (const char* kernel : {"forward", "input_grad", "weight_grad"}) {
      if (layer.shape.c == 3 && kernel == std::string("input_grad")) continue;  // the images need no gradient
      const auto run = [layer, kernel](benchmark::State& state) { time_kernel(state, layer, kernel); };
      real_time(benchmark::RegisterBenchmark((layer.name + "/" + kernel).c_str(), run));
    }
  }
  struct {
    int64_t m, n, k;
  } const sizes[] = {{512, 512, 512}, {1024, 1024, 1024}, {32, 128, 640},  {32, 128, 128}, {32, 8, 128},  {32, 128, 8},
                     {32, 640, 128},  {128, 128, 640},    {128, 128, 128}, {128, 8, 128},  {128, 128, 8}, {128, 640, 128}};
  for (const auto& size : sizes) {
    for (const Product& product : kProducts) {
      const auto run = [size, &product](benchmark::State& state) { time_product(state, product, size.m, size.n, size.k); };
      const std::string name =
          "gemm_" + product.name + "/" + std::to_string(size.m) + "x" + std::to_string(size.n) + "x" + std::to_string(size.k);
      real_time(benchmark::RegisterBenchmark(name.c_str(), run));
    }
  }
}

}  // namespace
}  // namespace bitloom

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  bitloom::register_all();
  benchmark::RunSpecifiedBenchmarks();
}
