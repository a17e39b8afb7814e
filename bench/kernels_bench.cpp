// Speed of the convolution kernels on real layers, in FLOP/s, beside the machine's multiply-add ceiling measured in the same
// run. Every kernel is checked against its naive definition on a small batch before it is timed.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/kernels/conv2d.h"
#include "core/kernels/depthwise.h"
#include "core/kernels/ref.h"
#include "core/kernels/simd.h"
#include "core/parallel.h"
#include "core/rng.h"

namespace bitloom {
namespace {

using kernel::kLanes;
using kernel::Vec;

constexpr int64_t kBatch = 128, kVerifyBatch = 2;

std::vector<float> random_values(int64_t n, uint64_t key) {
  Rng rng(key);
  std::vector<float> values(static_cast<size_t>(n));
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
  std::vector<float> a, b, out;
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
            std::vector<float>(size_t(sizes.y)),
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
            std::vector<float>(size_t(sizes.x)),
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
          std::vector<float>(size_t(sizes.w)),
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

// Independent multiply-adds on registers only, on every thread.
void peak_fma(benchmark::State& state) {
  constexpr int kChains = 12;
  constexpr int64_t kSteps = 1 << 18;
  const int64_t threads = omp_get_max_threads();
  std::vector<float> results(static_cast<size_t>(threads));
  for (auto _ : state) {
    parallel_for(threads, [&](int64_t t) {
      Vec chain[kChains];
      for (int i = 0; i < kChains; ++i) chain[i] = Vec{} + float(i);
      const Vec factor = Vec{} + 0.999f, term = Vec{} + float(t + 1);
      for (int64_t step = 0; step < kSteps; ++step) {
#pragma GCC unroll 12
        for (int i = 0; i < kChains; ++i) chain[i] = chain[i] * factor + term;
      }
      Vec sum = {};
      for (const Vec& v : chain) sum += v;
      results[size_t(t)] = sum[0];
    });
    benchmark::DoNotOptimize(results.data());
  }
  state.counters["FLOP"] =
      benchmark::Counter(2.0 * kChains * kLanes * double(kSteps * threads), benchmark::Counter::kIsIterationInvariantRate);
}

void register_all() {
  const auto real_time = [](benchmark::internal::Benchmark* b) { b->UseRealTime()->Unit(benchmark::kMillisecond); };
  real_time(benchmark::RegisterBenchmark("peak/fma", peak_fma));
  const Layer layers[] = {
      same_padded("resnet8/conv0", false, 32, 32, 3, 16, 3, 1),  same_padded("resnet8/conv1", false, 32, 32, 16, 16, 3, 1),
      same_padded("resnet8/conv3", false, 32, 32, 16, 32, 3, 2), same_padded("resnet8/conv4", false, 16, 16, 32, 32, 3, 1),
      same_padded("resnet8/conv5", false, 32, 32, 16, 32, 1, 2), same_padded("resnet8/conv6", false, 16, 16, 32, 64, 3, 2),
      same_padded("resnet8/conv7", false, 8, 8, 64, 64, 3, 1),   same_padded("resnet8/conv8", false, 16, 16, 32, 64, 1, 2),
      same_padded("ds_cnn/conv1", true, 25, 5, 64, 64, 3, 1),    same_padded("ds_cnn/conv2", false, 25, 5, 64, 64, 1, 1),
  };
  for (const Layer& layer : layers) {
    for (const char* kernel : {"forward", "input_grad", "weight_grad"}) {
      if (layer.shape.c == 3 && kernel == std::string("input_grad")) continue;  // the images need no gradient
      const auto run = [layer, kernel](benchmark::State& state) { time_kernel(state, layer, kernel); };
      real_time(benchmark::RegisterBenchmark((layer.name + "/" + kernel).c_str(), run));
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
