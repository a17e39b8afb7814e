// A network and a task small enough to be trained many times in a test.
#pragma once
#include "datasets/task.h"
#include "nas/search_network.h"
#include "nn/model_spec.h"

namespace bitloom::testing {

// Every layer kind once: 16x16x3 -> conv 8 -> depthwise -> conv 8, added to its input -> pool -> 9 classes.
inline ModelSpec tiny_spec() {
  ModelBuilder b("tiny", 16, 16, 3);
  constexpr unsigned kBias = ModelBuilder::kBias, kNorm = ModelBuilder::kNorm, kRelu = ModelBuilder::kRelu;
  const int x = b.depthwise("conv1", b.conv2d("conv0", 0, 8, 3, 3, 2, 2, kBias | kNorm | kRelu), 3, 3, 2, 2, kNorm | kRelu);
  const int y = b.conv2d("conv2", x, 8, 1, 1, 1, 1, kBias | kNorm);
  b.linear("dense0", b.avg_pool("pool", b.add("add1", x, y, kRelu), 4, 4), 9, kBias);
  return b.finish();
}

// 16x16x3 under noise, 9 classes: three levels of red times three of green. A few epochs learn it.
inline Samples tiny_split(const char* name, int64_t count) {
  Samples data;
  data.name = name;
  data.h = data.w = 16, data.c = 3;
  data.scale = 1.0f / 255;
  Rng rng = Rng(1).split(name);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t label = i % 9, levels[] = {40 + 60 * (label / 3), 40 + 60 * (label % 3), 100};
    data.labels.push_back(int32_t(label));
    for (int64_t k = 0; k < data.sample_size(); ++k) data.codes.push_back(uint8_t(levels[k % 3] + rng.below(50)));
  }
  return data;
}

inline TaskData tiny_data(int64_t train = 160) {
  Task task;
  task.name = "colours";
  task.classes = 9;
  return make_task(std::move(task), tiny_split("train", train), tiny_split("val", 45), tiny_split("test", 45));
}

// The arrays of a split that is known to be made of arrays.
inline const Samples& samples_of(const std::shared_ptr<Dataset>& split) {
  return dynamic_cast<const ArrayDataset&>(*split).samples();
}

inline QuantOptions quant_options(std::vector<int> weight_bits, std::vector<int> act_bits) {
  QuantOptions options;
  options.weight_bits = std::move(weight_bits);
  options.act_bits = std::move(act_bits);
  return options;
}

// That network on that task, to be searched.
template <class Search = SearchNetwork, int64_t train = 320>
struct TinySearch {
  explicit TinySearch(QuantOptions options = quant_options({0, 2, 4, 8}, {2, 4, 8}),
                      Granularity granularity = Granularity::kChannel)
      : search(network, std::move(options), input_scheme(*data.train), granularity) {
    search.calibrate(*data.train, 64);
  }
  TaskData data = tiny_data(train);
  Network network{tiny_spec(), Rng(1)};
  Search search;
};

}  // namespace bitloom::testing
