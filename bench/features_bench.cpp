// Speed of the front ends: seconds of sound turned into features in a second, on one thread.
#include <benchmark/benchmark.h>

#include "core/rng.h"
#include "datasets/log_mel.h"
#include "datasets/mfcc.h"

namespace bitloom {
namespace {

std::vector<int16_t> noise(int64_t samples) {
  Rng rng(1);
  std::vector<int16_t> values;
  for (int64_t i = 0; i < samples; ++i) values.push_back(int16_t(rng.below(20000) - 10000));
  return values;
}

void mfcc(benchmark::State& state) {
  const std::vector<int16_t> sound = noise(Mfcc::kSamples);
  const std::vector<float> samples(sound.begin(), sound.end());
  std::vector<float> features(Mfcc::kFrames * Mfcc::kCoefficients);
  const Mfcc front_end;
  for (auto _ : state) {
    front_end.run(samples.data(), features.data());
    benchmark::DoNotOptimize(features.data());
  }
  state.counters["clips/s"] = benchmark::Counter(double(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(mfcc);

void log_mel(benchmark::State& state) {
  const std::vector<int16_t> sound = noise(10 * LogMel::kRate);
  const LogMel front_end;
  for (auto _ : state) benchmark::DoNotOptimize(front_end.run(sound));
  state.counters["clips/s"] = benchmark::Counter(double(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(log_mel);

}  // namespace
}  // namespace bitloom
