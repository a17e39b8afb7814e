// Whole optimization steps: MODEL/train_step (float, Adam), MODEL/search_step (weights {2,4,8} per channel, 8-bit activations: the mix of weight and
// architecture steps a search makes) and resnet8/integer (the integer interpreter). items_per_second is images per second.
#include <benchmark/benchmark.h>

#include "core/ops/ops.h"
#include "nas/search.h"
#include "nn/models/models.h"
#include "quant/integer/run.h"
#include "quant/lower.h"

namespace bitloom {
namespace {

ArrayDataset random_data(const ModelEntry& model, int64_t count) {
  Samples d{model.name, model.h, model.w, model.c, {}, {}, 1, {}, {}};
  Rng rng(1);
  for (int64_t i = 0; i < count * d.sample_size(); ++i) d.values.push_back(float(rng.uniform()));
  for (int64_t i = 0; model.classes && i < count; ++i) d.labels.push_back(int32_t(rng.below(model.classes)));
  return ArrayDataset(std::move(d));
}

Batch whole(const Dataset& data) {
  std::vector<int64_t> all(static_cast<size_t>(data.size()));
  for (size_t i = 0; i < all.size(); ++i) all[i] = int64_t(i);
  return gather(data, all.data(), data.size(), nullptr);
}

void train_step(benchmark::State& state, const ModelEntry& model) {
  const Batch batch = whole(random_data(model, state.range(0)));
  Network network(model.make(model.h, model.w, model.c, model.classes), Rng(1));
  NetworkLearner learner(network, nullptr, {}, {});
  for (auto _ : state) learner.step(batch, 0, 0, 0.5);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void search_step(benchmark::State& state, const ModelEntry& model, const std::vector<int>& act_bits) {
  const ArrayDataset data = random_data(model, state.range(0));
  const Batch batch = whole(data);
  Network network(model.make(model.h, model.w, model.c, model.classes), Rng(1));
  QuantOptions options;
  options.weight_bits = {2, 4, 8};
  options.act_bits = act_bits;
  SearchNetwork search(network, options, input_scheme(data), Granularity::kChannel);
  search.calibrate(data);
  SearchLearner learner(search, {});
  int64_t step = 0;
  for (auto _ : state) learner.step(batch, 0, step++, 0.5);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void integer(benchmark::State& state, const ModelEntry& model) {
  const ArrayDataset data = random_data(model, state.range(0));
  Network network(model.make(model.h, model.w, model.c, model.classes), Rng(1));
  QatNetwork qat(network, {}, input_scheme(data));
  qat.calibrate(data);
  const IntegerGraph graph = lower(qat, "bench");
  const IntegerRunner runner(graph);
  const TensorT<int16_t> codes = input_codes(graph, whole(data).x);
  for (auto _ : state) benchmark::DoNotOptimize(runner.run(codes).data());
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

}  // namespace
}  // namespace bitloom

int main(int argc, char** argv) {
  using namespace bitloom;
  keep_freed_memory();
  for (const ModelEntry& model : all_models()) {
    const std::string name = model.name;
    const auto add = [&](const std::string& what, auto f) {
      return benchmark::RegisterBenchmark((name + what).c_str(), f)->UseRealTime()->Unit(benchmark::kMillisecond)->Arg(128);
    };
    add("/train_step", [&](benchmark::State& s) { train_step(s, model); })->Arg(32);
    add("/search_step/a8", [&](benchmark::State& s) { search_step(s, model, {8}); })->Arg(32);
    add("/search_step/a248", [&](benchmark::State& s) { search_step(s, model, {2, 4, 8}); })->Arg(32);
    add("/integer", [&](benchmark::State& s) { integer(s, model); });
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
