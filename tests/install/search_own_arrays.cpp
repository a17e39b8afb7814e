// A program of a user's: searches precisions on arrays of its own with the installed library, and runs the integer network.
#include <cstdio>
#include <exception>

#include "core/rng.h"
#include "nas/run/deployed.h"
#include "nas/run/run.h"

// 8x8x3 pixels of noise with a brighter stripe, whose place is the class.
static bitloom::Samples stripes(const char* name, int count) {
  bitloom::Samples samples;
  samples.name = name;
  samples.h = samples.w = 8, samples.c = 3;
  samples.scale = 1.0f / 255;
  bitloom::Rng rng = bitloom::Rng(1).split(name);
  for (int i = 0; i < count; ++i) {
    samples.labels.push_back(i % 4);
    for (int k = 0; k < 8 * 8 * 3; ++k) samples.codes.push_back(uint8_t(rng.below(128) + (k / 48 == i % 4 ? 60 : 0)));
  }
  return samples;
}

int main(int, char** argv) try {
  bitloom::Task task;
  task.name = "stripes";
  task.classes = 4;
  const bitloom::TaskData data = bitloom::make_task(task, stripes("train", 256), stripes("val", 64), stripes("test", 64));
  bitloom::RunConfig config;
  config.out = argv[1];
  config.batch = 32;
  config.warmup.epochs = config.search.epochs = config.finetune.epochs = 2;
  config.quantize = true;
  config.weight_bits = {0, 2, 4, 8};
  config.budget = "30kB";
  int64_t batches = 0;
  const bitloom::RunResult result = bitloom::run(config, data, [&](const bitloom::TrainState&) { return ++batches > 0; });
  const bitloom::IntegerGraph graph = bitloom::load_deployed(config.out);
  const bitloom::Dataset& test = *data.test;
  const auto found = bitloom::found_by_integers(graph, task.kind, test);
  const double score = task.metric->score(found, test);
  std::printf("%lld batches, %lld bytes, integer accuracy %.3f\n", static_cast<long long>(batches),
              static_cast<long long>(result.network->weight_bytes), score);
  return score == *result.test_score_integer && score > 0.5 && result.network->weight_bytes <= 30500 ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "error: %s\n", e.what());
  return 1;
}
